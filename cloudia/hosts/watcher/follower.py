"""Follows one host: its events as they come, everything every few seconds, and whether it answers at all.

Each host has a thread and a connection of its own, so one that hangs delays no other.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from django.db import Error, close_old_connections
from django.utils import timezone

from cloudia.core.errors import CloudiaError
from cloudia.hosts import observed
from cloudia.hosts.models import Host
from cloudia.hosts.observers import Observer, observers
from cloudia.virt import DomainEvent, Hypervisor, Subscription

log = logging.getLogger(__name__)

# A host that hangs is called unreachable after PING_S + DEADLINE_S at most.
PING_S = 3.0
DEADLINE_S = 6.0
SYNC_S = 10.0
DESCRIBE_S = 300.0  # memory and features may change while libvirt runs, but rarely do
SEEN_S = 5.0  # how exact ``last_seen_at`` is
RETRY_S = 1.0


class Timer:
    """Something to do every so often."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.due = seconds, 0.0

    @property
    def left_s(self) -> float:
        """Until it is due; 0 if it is."""
        return max(0.0, self.due - time.monotonic())

    def restart(self) -> None:
        """It was done now."""
        self.due = time.monotonic() + self.seconds


class Follower(threading.Thread):
    """The thread. ``host`` may be replaced by a newer copy of the row with the same endpoint."""

    def __init__(self, host: Host) -> None:
        super().__init__(name=f"watch-{host.name}", daemon=True)
        self.host = host
        self.hypervisor = Hypervisor(host.endpoint, DEADLINE_S)
        self.hypervisor.on_disconnect(lambda: self._inbox.put(None))
        self._inbox: queue.SimpleQueue[DomainEvent | None] = queue.SimpleQueue()
        self._subscription: Subscription | None = None
        self._stopping = threading.Event()
        self._problem = ""
        self._ping, self._sync = Timer(PING_S), Timer(SYNC_S)
        self._describe, self._seen = Timer(DESCRIBE_S), Timer(SEEN_S)

    def stop(self) -> None:
        """End soon; returns at once."""
        self._stopping.set()
        self._inbox.put(None)

    def run(self) -> None:
        """Connect and follow, again and again."""
        while not self._stopping.is_set():
            try:
                self._connect()
                self._follow()
            except CloudiaError as error:
                self._lost(error)
            except Error as error:  # the watcher's lead is lost with the database, which ends this thread
                log.warning("%s: %s", self.host, error)
                self._stopping.wait(RETRY_S)
            except Exception:
                log.exception("%s: following it failed, starting again", self.host)
                self._stopping.wait(RETRY_S)
            finally:
                close_old_connections()
        self.hypervisor.close()

    def _connect(self) -> None:
        """Events first, then look at everything: so nothing is missed in between."""
        self.hypervisor.ping()  # a host that hangs shows here sooner
        self._describe_host()
        if self._subscription is not None:
            self._subscription.close()
        self._inbox = queue.SimpleQueue()
        self._subscription = self.hypervisor.subscribe(self._inbox.put)
        self._sync_all()
        self._answered(now=True)
        if self._problem:
            log.info("%s answers again", self.host)
        self._problem = ""

    def _follow(self) -> None:
        """Until the connection dies. Raises CloudiaError when the host does not answer in time."""
        while not self._stopping.is_set():
            if not self._left_s:  # asked first: a storm of events must not put it off
                self._look()
            close_old_connections()  # others need the pool's connections while this thread waits
            try:
                event = self._inbox.get(timeout=self._left_s)
            except queue.Empty:
                continue
            if event is None:
                return
            self._on_event(event)

    @property
    def _left_s(self) -> float:
        return min(self._ping.left_s, self._sync.left_s)

    def _look(self) -> None:
        if not self._describe.left_s:
            self._describe_host()
        if not self._sync.left_s:
            self._sync_all()
        else:
            self.hypervisor.ping()
        self._answered()

    def _describe_host(self) -> None:
        observed.record_description(self.host.pk, self.hypervisor.describe())
        self._describe.restart()

    def _sync_all(self) -> None:
        seen_at = timezone.now()
        reports = self.hypervisor.domains.reports()
        self._tell(lambda observer: observer.on_sync(self.host, self.hypervisor, reports, seen_at))
        self._sync.restart()

    def _on_event(self, event: DomainEvent) -> None:
        """Events only say where to look: read again, they end in the truth in whatever order they come."""
        seen_at = timezone.now()
        report = self.hypervisor.domains.report(event.uuid)
        self._tell(lambda observer: observer.on_event(self.host, event, report, seen_at))

    def _tell(self, tell: Callable[[Observer], None]) -> None:
        for observer in observers():
            try:
                tell(observer)
            except Exception:
                log.exception("%s: %s failed", self.host, type(observer).__name__)

    def _answered(self, *, now: bool = False) -> None:
        self._ping.restart()
        if now or not self._seen.left_s:
            observed.record_reachable(self.host.pk)
            self._seen.restart()

    def _lost(self, error: CloudiaError) -> None:
        if self._problem != error.code:  # once, not every second
            log.warning("%s: %s", self.host, error)
            self._problem = error.code
        try:
            observed.record_unreachable(self.host.pk, error)
        except Error as failure:
            log.warning("%s: %s", self.host, failure)
        self._stopping.wait(RETRY_S)
