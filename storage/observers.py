"""What the watcher sees of storage: whether each pool works, and how full it is."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import close_old_connections, transaction
from django.utils import timezone

from cloudia.core.errors import CloudiaError, HostUnreachable
from cloudia.hosts.models import Host
from cloudia.virt import DomainEvent, DomainReport, Hypervisor, PoolInfo
from storage import garbage
from storage.attachments import record_look, record_problem
from storage.models import StorageAttachment, StorageDomain
from storage.pools import gateway, marker_check, marker_ensure, not_mounted, pool_again, unproved
from storage.services.uploads import uploads_expire

log = logging.getLogger(__name__)

EVERY_S = 30.0  # libvirt opens every file of a pool to look through it
SCAN_EVERY = timedelta(hours=1)


class StorageObserver:
    """Looks on threads and connections of its own: a network file system that hangs must not hold up the events."""

    def __init__(self) -> None:
        self._due: dict[UUID, float] = {}
        self._busy: set[UUID] = set()
        self._lock = threading.Lock()

    def on_sync(self, host: Host, _watched: Hypervisor, _reports: Sequence[DomainReport], _seen_at: datetime) -> None:
        """Begin a look, unless one is running or there was one just now."""
        with self._lock:
            if host.pk in self._busy or time.monotonic() < self._due.get(host.pk, 0.0):
                return
            self._busy.add(host.pk)
            self._due[host.pk] = time.monotonic() + EVERY_S
        threading.Thread(target=self._look, args=[host], name=f"storage-{host.name}", daemon=True).start()

    def on_event(self, host: Host, event: DomainEvent, report: DomainReport | None, seen_at: datetime) -> None:
        """Domains don't change pools."""

    def _look(self, host: Host) -> None:
        try:
            look(host)
            uploads_expire()
        except Exception:
            log.exception("%s: looking at its storage failed", host)
        finally:
            self._busy.discard(host.pk)
            close_old_connections()


def look(host: Host) -> None:
    """Record every pool that the host should have, and start or make again what is not there.

    Nothing is known of an unreachable host.
    """
    for attachment in StorageAttachment.objects.filter(host=host, leaving=False).select_related("domain", "host"):
        close_old_connections()  # others need the pool's connections while libvirt looks
        domain = attachment.domain
        try:
            pool = _working_pool(attachment)
        except HostUnreachable:
            return
        except CloudiaError as error:
            log.warning("%s: storage domain %s: %s", host, domain, error)
            record_problem(domain, host, error.message)
        else:
            record_look(domain, host, pool)
            _scan_if_due(domain, host)


def _working_pool(attachment: StorageAttachment) -> PoolInfo | None:
    """The pool with the storage domain's files; None if the host is just losing it. Raises CloudiaError: why not."""
    domain, host = attachment.domain, attachment.host
    pool = gateway(host).pools.info(domain.pool_name)
    if pool is None or not pool.active:
        if not StorageAttachment.objects.filter(pk=attachment.pk, leaving=False).exists():
            return None
        pool = pool_again(domain, host)
    if domain.traits.of_files and not domain.marked:
        _mark(attachment)
    marker_check(domain, host)
    return pool


def _mark(attachment: StorageAttachment) -> None:
    """Write the marker of a storage domain that has none yet, where its files evidently are. Raises OperationFailed."""
    domain, host = attachment.domain, attachment.host
    found = {volume.name for volume in gateway(host).volumes.list(domain.pool_name)}
    expected = {owned.name for owned in garbage.owned_in(domain).values() if owned.expected}
    if domain.pool_name not in found and not found & expected:
        if expected:
            raise not_mounted(domain, host)
        if domain.attachments.count() > 1:
            raise unproved(domain)
    with transaction.atomic():  # whoever detaches it waits, and removes the marker
        StorageDomain.objects.select_for_update(no_key=True).get(pk=domain.pk)
        if StorageAttachment.objects.filter(pk=attachment.pk, leaving=False).exists():
            marker_ensure(domain, host)
            StorageDomain.objects.filter(pk=domain.pk).update(marked=True)


def _scan_if_due(domain: StorageDomain, host: Host) -> None:
    """So that an operator sees since when a file is left over. Through one host, whichever comes first."""
    scanned = StorageDomain.objects.filter(pk=domain.pk).values_list("scanned_at", flat=True).first()
    if scanned is None or scanned < timezone.now() - SCAN_EVERY:
        garbage.scan(domain, gateway(host).volumes)
