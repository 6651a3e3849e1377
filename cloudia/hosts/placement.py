"""Where a new or stopped guest may run: decided under one lock, so that parallel requests never overbook a host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from django.db import connection
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import NoCapacity
from cloudia.core.policy import Text
from cloudia.hosts.enums import HostState
from cloudia.hosts.models import Host
from cloudia.hosts.usage import Usage, usage_by_host

Constraint: TypeAlias = Callable[[Host], Text | None]  # why guests can't run there, or None
_constraints: list[Constraint] = []

PLACEMENT_LOCK = 0x636C6F75  # one advisory lock for the whole installation; "clou" in ASCII


def register(constraint: Constraint) -> None:
    """Add something that a host must have for guests; called at start-up."""
    _constraints.append(constraint)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a guest needs."""

    vcpus: int
    memory_mib: int
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Preference:
    """Where else a guest may not or should not run, by host id: why it can't, and how much it is wanted there."""

    excluded: Mapping[UUID, Text] = field(default_factory=dict)
    attraction: Mapping[UUID, int] = field(default_factory=dict)  # more is better; 0 where nothing is said


ANYWHERE = Preference()


def lock_placement() -> None:
    """Nobody else decides where guests go until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PLACEMENT_LOCK])


def place(demand: Demand, candidates: Iterable[Host], preference: Preference = ANYWHERE) -> Host:
    """Of the candidates with room the most wanted one, then the one with the most free memory.

    Call in the transaction that records the choice. Raises NoCapacity, naming each host's limit. The advisory lock is
    held until the transaction ends, so the next caller counts what this one recorded.
    """
    lock_placement()
    usage = usage_by_host()
    hosts = list(candidates)
    refusals = {host: shortage(host, usage.get(host.pk, Usage()), demand, preference) for host in hosts}
    fitting = [host for host in hosts if refusals[host] is None]
    if not fitting:
        raise NoCapacity(_explain({host: reason for host, reason in refusals.items() if reason is not None}))

    def rank(host: Host) -> tuple[int, int, str]:
        free_memory = host.allocatable_memory_mib - usage.get(host.pk, Usage()).memory_mib
        return preference.attraction.get(host.pk, 0), free_memory, host.name

    return max(fitting, key=rank)


def shortage(host: Host, used: Usage, demand: Demand, preference: Preference = ANYWHERE) -> Text | None:
    """The first limit of ``host`` that keeps the guest out, or None if it fits."""
    if host.state != HostState.ACTIVE:
        return _("in maintenance")
    if not host.reachable:
        return _("does not answer")
    for constraint in _constraints:
        if reason := constraint(host):
            return reason
    if host.pk in preference.excluded:
        return preference.excluded[host.pk]
    return _lack(host, used, demand)


def _lack(host: Host, used: Usage, demand: Demand) -> Text | None:
    """What there is too little of, or None."""
    free_memory = host.allocatable_memory_mib - used.memory_mib
    if demand.memory_mib > free_memory:
        return format_lazy(
            _("memory: {need} MiB needed, {free} MiB free"), need=demand.memory_mib, free=max(free_memory, 0)
        )
    free_vcpus = host.allocatable_vcpus - used.vcpus
    if demand.vcpus > free_vcpus:
        return format_lazy(_("vCPUs: {need} needed, {free} free"), need=demand.vcpus, free=max(free_vcpus, 0))
    free_gpus = host.usable_gpus - used.gpus if demand.gpus else 0
    if demand.gpus > free_gpus:
        return format_lazy(_("GPUs: {need} needed, {free} free"), need=demand.gpus, free=max(free_gpus, 0))
    return None


def _explain(refusals: dict[Host, Text]) -> Text:
    if not refusals:
        return _("No host has the storage this instance needs.")
    reasons = [format_lazy("{host} ({reason})", host=host.name, reason=reason) for host, reason in refusals.items()]
    joined = format_lazy("{}" + ", {}" * (len(reasons) - 1), *reasons)
    return format_lazy(_("No host has room: {reasons}."), reasons=joined)
