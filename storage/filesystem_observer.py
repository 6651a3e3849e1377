"""What the watcher sees of shared directories: whether they are still there, also on hosts that came later."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import close_old_connections

from cloudia.core.errors import HostUnreachable
from cloudia.hosts.models import Host
from cloudia.virt import DomainEvent, DomainReport, Feature, Hypervisor
from storage.enums import FileSystemKind
from storage.filesystem_places import place_look
from storage.models import FileSystem

log = logging.getLogger(__name__)

EVERY_S = 60.0


class FileSystemObserver:
    """Looks on threads of its own: a directory on a network file system that hangs must not hold up the events."""

    def __init__(self) -> None:
        self._due: dict[UUID, float] = {}
        self._busy: set[UUID] = set()
        self._lock = threading.Lock()

    def on_sync(self, host: Host, _watched: Hypervisor, _reports: Sequence[DomainReport], _seen_at: datetime) -> None:
        """Begin a look, unless one is running or there was one just now."""
        if Feature.VIRTIOFS not in host.features:
            return
        with self._lock:
            if host.pk in self._busy or time.monotonic() < self._due.get(host.pk, 0.0):
                return
            self._busy.add(host.pk)
            self._due[host.pk] = time.monotonic() + EVERY_S
        threading.Thread(target=self._look, args=[host], name=f"filesystems-{host.name}", daemon=True).start()

    def on_event(self, host: Host, event: DomainEvent, report: DomainReport | None, seen_at: datetime) -> None:
        """Domains don't change directories."""

    def _look(self, host: Host) -> None:
        try:
            look(host)
        except Exception:
            log.exception("%s: looking at its shared directories failed", host)
        finally:
            self._busy.discard(host.pk)
            close_old_connections()


def look(host: Host) -> None:
    """Record each directory that is shared. Nothing is made: a directory that is gone may be one not mounted."""
    for filesystem in FileSystem.objects.filter(kind=FileSystemKind.VIRTIOFS, current_job=None):
        close_old_connections()
        try:
            place_look(filesystem, host)
        except HostUnreachable:
            return
