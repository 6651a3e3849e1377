"""Domains that carry CloudiA's mark and that no instance owns: told once, never touched."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from cloudia.hosts.models import Host
from cloudia.virt import DomainEvent, DomainReport, Hypervisor
from instances.models import Instance

log = logging.getLogger(__name__)


class OrphanObserver:
    """Tells of a domain that was ownerless on two looks in a row: one may be deleted between a look and its record."""

    def __init__(self) -> None:
        self._seen: dict[UUID, dict[UUID, str]] = {}
        self._told: set[tuple[UUID, UUID]] = set()

    def on_sync(self, host: Host, hypervisor: Hypervisor, reports: Sequence[DomainReport], seen_at: datetime) -> None:
        """Compare with the rows."""
        ours = {report.uuid: report.name for report in reports if report.ours}
        owned = set(Instance.objects.filter(pk__in=ours, host=host).values_list("pk", flat=True)) if ours else set()
        orphans = {uuid: name for uuid, name in ours.items() if uuid not in owned}
        before = self._seen.get(host.pk, {})
        self._seen[host.pk] = orphans
        for uuid in orphans.keys() & before.keys():
            if (host.pk, uuid) not in self._told:
                self._told.add((host.pk, uuid))
                log.warning("%s: domain %s (%s) belongs to no instance; it is left alone", host, orphans[uuid], uuid)

    def on_event(self, host: Host, event: DomainEvent, report: DomainReport | None, seen_at: datetime) -> None:
        """The next look will do."""
