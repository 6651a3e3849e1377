"""What the leader does: a follower per host, every second the jobs that the queue has lost, and other apps' duties."""

from __future__ import annotations

import logging
import time
from uuid import UUID

from django.db import Error, close_old_connections

from cloudia.hosts.models import Host
from cloudia.hosts.watcher.duties import Duties
from cloudia.hosts.watcher.follower import Follower
from cloudia.hosts.watcher.leadership import Leadership
from cloudia.jobs import recovery

log = logging.getLogger(__name__)

TICK_S = 1.0


class Watcher:
    """One per process."""

    def __init__(self) -> None:
        self.leadership = Leadership()
        self.followers: dict[UUID, Follower] = {}
        self.duties = Duties()

    def run(self) -> None:
        """Until the process is told to end."""
        try:
            while True:
                self.tick()
                time.sleep(TICK_S)
        finally:
            self.stop()

    def tick(self) -> None:
        """Lead if we may, else follow nothing."""
        if not self.leadership.hold():
            self._stop_all()
            return
        try:
            self._follow_hosts()
            self.duties.keep()
            recovery.recover()
        except Error as error:  # the lead is lost with it, at the next tick
            log.warning("the database is away: %s", error)
        except Exception:
            log.exception("a tick of the watcher failed")
        finally:
            close_old_connections()

    def stop(self) -> None:
        """Give everything back."""
        self._stop_all()
        self.leadership.release()

    def _follow_hosts(self) -> None:
        """Hosts may have been added, removed or edited."""
        hosts = {host.pk: host for host in Host.objects.all()}
        for pk, follower in list(self.followers.items()):
            host = hosts.get(pk)
            if host is None or host.endpoint != follower.hypervisor.endpoint or not follower.is_alive():
                self.followers.pop(pk).stop()
            else:
                follower.host = host
        for pk in hosts.keys() - self.followers.keys():
            self.followers[pk] = Follower(hosts[pk])
            self.followers[pk].start()

    def _stop_all(self) -> None:
        self.duties.stop()
        while self.followers:
            self.followers.popitem()[1].stop()
