"""Writing what was seen: the only place where ``power_state`` changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from cloudia.hosts.models import Host
from cloudia.virt import DomainEvent, DomainReport, EventKind, Hypervisor
from instances.enums import PowerState
from instances.models import Instance


def look(instance: Instance, hypervisor: Hypervisor) -> PowerState:
    """Look at the instance on its host now, and record what is seen."""
    seen_at = timezone.now()
    report = hypervisor.domains.report(instance.pk)
    state = PowerState(report.state) if report else PowerState.ABSENT
    if instance.host_id:
        record(instance.host_id, {instance.pk: state}, seen_at)
    instance.power_state, instance.observed_at = state, seen_at
    return state


def record(host_id: UUID, states: dict[UUID, PowerState], seen_at: datetime) -> None:
    """Write states seen on a host at ``seen_at``.

    A report from a host that does not own the instance, or older than what is known, is ignored.
    """
    older = Q(observed_at__isnull=True) | Q(observed_at__lt=seen_at)
    by_state: dict[PowerState, list[UUID]] = {}
    for pk, state in states.items():
        by_state.setdefault(state, []).append(pk)
    for state, ids in by_state.items():
        Instance.objects.filter(older, pk__in=ids, host_id=host_id).update(power_state=state, observed_at=seen_at)


class InstanceObserver:
    """What the watcher tells about domains becomes the power state of instances."""

    def on_sync(self, host: Host, hypervisor: Hypervisor, reports: Sequence[DomainReport], seen_at: datetime) -> None:
        """Every instance of the host: those without a domain are absent, unless they are just being made."""
        seen = {report.uuid: PowerState(report.state) for report in reports if report.ours}
        known = Instance.objects.filter(host=host)
        states = {pk: seen.get(pk, PowerState.ABSENT) for pk in known.values_list("pk", flat=True)}
        record(host.pk, self._changed(host, states), seen_at)

    def on_event(self, host: Host, event: DomainEvent, report: DomainReport | None, seen_at: datetime) -> None:
        """One domain: read again, so that events in any order end in the truth."""
        state = PowerState(report.state) if report else PowerState.ABSENT
        record(host.pk, {event.uuid: state}, seen_at)
        if event.kind == EventKind.REBOOTED:
            Instance.objects.filter(pk=event.uuid, host=host).update(rebooted_at=seen_at)

    @staticmethod
    def _changed(host: Host, states: dict[UUID, PowerState]) -> dict[UUID, PowerState]:
        """Only what differs from the rows: a quiet host costs no writes."""
        rows: Iterable[tuple[UUID, str]] = Instance.objects.filter(host=host).values_list("pk", "power_state")
        return {pk: states[pk] for pk, old in rows if pk in states and states[pk] != old}
