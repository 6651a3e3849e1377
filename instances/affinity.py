"""What affinity groups mean for placement: docs/affinity.md."""

from __future__ import annotations

from collections import Counter

from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project
from cloudia.core.faults import Faults
from cloudia.core.policy import Text
from cloudia.core.rows import locked
from cloudia.hosts.models import Host
from cloudia.hosts.placement import ANYWHERE, Demand, Preference, lock_placement, place
from instances.affinity_models import AffinityGroup
from instances.enums import AffinityPolicy
from instances.models import Instance


def place_in_group(
    demand: Demand, candidates: list[Host], group: AffinityGroup | None, newcomer: Instance | None = None
) -> Host:
    """A host as the group wants it, also beside those that are being placed at the same time. Raises NoCapacity.

    ``newcomer`` is the member to be placed, if it is one already: where it was does not matter.
    """
    lock_placement()  # before the members are read: nobody else is placed from here on
    return place(demand, candidates, preference_of(group, newcomer))


def check_group(faults: Faults, group: AffinityGroup | None, project: Project) -> None:
    """One of the project, or none. Until the transaction ends, nobody deletes it."""
    found = locked(AffinityGroup, [group]).get(group.pk) if group else None
    usable = group is None or bool(found and found.project_id == project.pk)
    detail = gettext("This affinity group is not available in this project.")
    faults.require(usable, "affinity_group", "not_usable", detail)


def preference_of(group: AffinityGroup | None, newcomer: Instance | None = None) -> Preference:
    """Where a member may be placed now, and where rather."""
    row = AffinityGroup.objects.for_display().filter(pk=group.pk, enabled=True).first() if group else None
    if row is None:
        return ANYWHERE
    there = [member for member in row.placed if newcomer is None or member.pk != newcomer.pk]
    return _hard(row, there) if row.hard else _soft(row, there)


def _hard(group: AffinityGroup, there: list[Instance]) -> Preference:
    if group.policy == AffinityPolicy.ANTI_AFFINITY:
        return Preference({member.host_id: _apart(group, member) for member in there if member.host_id})
    if not there:
        return ANYWHERE
    reason = format_lazy(_("the other members of affinity group “{group}” are on another host"), group=group.name)
    elsewhere = Host.objects.exclude(pk__in={member.host_id for member in there}).values_list("pk", flat=True)
    return Preference(dict.fromkeys(elsewhere, reason))


def _apart(group: AffinityGroup, member: Instance) -> Text:
    words = _("“{member}” of anti-affinity group “{group}” is there")
    return format_lazy(words, member=member.name, group=group.name)


def _soft(group: AffinityGroup, there: list[Instance]) -> Preference:
    """By the number of members: those apart spread evenly, those together gather where most are."""
    sign = 1 if group.policy == AffinityPolicy.AFFINITY else -1
    members = Counter(member.host_id for member in there if member.host_id)
    return Preference(attraction={host: sign * number for host, number in members.items()})
