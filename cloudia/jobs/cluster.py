"""django-q2's cluster, kept alive from outside, because some of its deaths it can't notice itself.

* A worker that is killed while idle may hold the lock of the task queue. Then the cluster looks healthy and takes
  nothing any more (measured with 1.11: the third killed worker of four silenced it for good).
* When its sentinel is killed, the workers live on and nobody looks after them.

So here every fork dies with its parent, and a cluster that leaves work lying is replaced. What its workers were doing
is resumed elsewhere when their leases run out.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import threading
import time
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, TypeAlias

from django.conf import settings
from django.db import Error, close_old_connections, connection
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django_q.cluster import Cluster
from django_q.conf import Conf
from django_q.models import OrmQ

from cloudia.jobs.models import Job

log = logging.getLogger(__name__)

LOOK_S = 1.0
SILENCE = timedelta(seconds=6)  # an idle worker takes a job within 0.2 s
LOOKS = 3  # the same job is left lying on so many looks: between two jobs every worker is idle for a moment
GRACE = timedelta(seconds=15)  # for a new cluster to begin
STOP_S = 5.0  # for running jobs to end at a stop; longer ones are resumed later

Lying: TypeAlias = tuple[int | None, Any]

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # prctl(2)
_forking = 0


class Stop(BaseException):
    """SIGTERM or SIGINT came. Not an Exception, so that nothing on the way swallows it."""


class QueueCluster(Cluster):  # type: ignore[misc]  # django-q2 is untyped
    """A cluster whose starter is told of signals instead of waiting for running jobs."""

    def sig_handler(self, _number: int, _frame: FrameType | None) -> None:
        """Unwind to :meth:`Keeper.run`, once."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        raise Stop

    @property
    def is_alive(self) -> bool:
        """Whether its sentinel is."""
        return self.sentinel is not None and self.sentinel.is_alive()

    def kill(self) -> None:
        """End it now; its workers die with the sentinel."""
        if self.sentinel is not None:
            self.sentinel.kill()
            self.sentinel.join()

    def finish(self) -> None:
        """Let running jobs end for a moment, then end it."""
        if self.is_alive:
            # On a thread: setting an event waits for those who listen, and a stopped process never does.
            threading.Thread(target=self.stop_event.set, daemon=True).start()
            self.sentinel.join(STOP_S)
        self.kill()


class Keeper:
    """Runs one cluster at a time until it is told to stop. One keeper per host: leases are counted by host name."""

    def __init__(self) -> None:
        self.cluster: QueueCluster | None = None
        self.started_at = timezone.now()
        self.looks: list[Lying] = []
        self.database_is_away = False

    def run(self) -> None:
        """Return after SIGTERM or SIGINT."""
        make_forks_die_with_parent()
        try:
            while True:
                if self.cluster is None or not self.cluster.is_alive:
                    self.restart("its sentinel is gone" if self.cluster else "")
                elif self.is_silent():
                    self.restart("work is left lying while workers are idle")
                time.sleep(LOOK_S)
        except Stop:
            if self.cluster:
                self.cluster.finish()

    def restart(self, reason: str) -> None:
        """Replace the cluster."""
        if reason:
            log.error("the queue's cluster starts again: %s", reason)
        if self.cluster:
            self.cluster.kill()
        # The pool's threads would not survive the fork, and its connections must not be shared.
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's, see settings
        self.looks, self.started_at = [], timezone.now()
        self.cluster = QueueCluster()
        try:
            self.cluster.start()
        except RuntimeError:  # its sentinel died at once: the next look starts another
            log.exception("the queue's cluster did not start")

    def is_silent(self) -> bool:
        """Whether the same work was left lying on several looks in a row, each time with an idle worker."""
        if timezone.now() - self.started_at < GRACE:
            return False
        lying = self._look()
        self.looks = [*self.looks[1 - LOOKS :], lying] if lying else []
        return len(self.looks) == LOOKS and len(set(self.looks)) == 1

    def _look(self) -> Lying | None:
        try:
            idle = busy_workers() < settings.CLOUDIA_WORKERS
            lying = left_lying(self.started_at) if idle else None
        except Error as error:
            if not self.database_is_away:
                log.warning("the database is away: %s", error)
            self.database_is_away = True
            return None
        finally:
            close_old_connections()
        self.database_is_away = False
        return lying


def busy_workers() -> int:
    """How many leases workers of this host hold."""
    return Job.objects.filter(lease_owner__startswith=f"{socket.gethostname()}:", lease_until__gt=Now()).count()


def left_lying(since: datetime) -> Lying | None:
    """The oldest queue row and the oldest job that should have been taken a while ago; None if there are neither.

    A job counts if it was put on the queue after ``since``: what went before may have died with another cluster.
    """
    late = Now() - SILENCE
    row = OrmQ.objects.filter(key=Conf.CLUSTER_NAME, lock__lt=late).order_by("lock").values_list("pk", flat=True)
    jobs = Job.objects.unclaimed().filter(
        Q(lease_until=None) | Q(lease_until__lt=F("queued_at")),
        resume_at=None,
        queued_at__gt=since,
        queued_at__lt=late,
    )
    found = row.first(), jobs.order_by("queued_at").values_list("pk", flat=True).first()
    return found if any(found) else None


def make_forks_die_with_parent() -> None:
    """From now on every child is killed when the one who forked it dies, and so are its own children."""
    os.register_at_fork(before=_remember_parent, after_in_child=_die_with_parent)


def _remember_parent() -> None:
    global _forking
    _forking = os.getpid()


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != _forking:  # it died before we could ask
        os._exit(1)
