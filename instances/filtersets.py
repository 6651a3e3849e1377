"""Narrowing lists of instances: one filter set for the page and for the API."""

from __future__ import annotations

from functools import reduce
from operator import or_

import django_filters as filters
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.enums import Origin
from cloudia.core.filters import Ordering, flag, search
from cloudia.core.policy import Text
from cloudia.jobs import registry
from cloudia.jobs.enums import ACTIVE
from cloudia.jobs.operation import Operation
from instances import enums
from instances.affinity_models import AffinityGroup
from instances.launch_templates import LaunchTemplate
from instances.models import Instance, InstanceType
from instances.querysets import (
    AffinityGroupQuerySet,
    InstanceQuerySet,
    InstanceTypeQuerySet,
    LaunchTemplateQuerySet,
)
from storage.filtersets import VISIBILITIES


def status_choices() -> list[tuple[str, Text]]:
    """Every status an instance can show, with its label: what was seen, what a job is doing, and not knowing."""
    states = {state.code: state.label for state in (*enums.BY_POWER.values(), enums.UNKNOWN)}
    doing = {kind.transition_code: kind.transition for kind in _transitions().values()}
    return list({**states, **doing}.items())


def _transitions() -> dict[str, type[Operation]]:
    """Operations on an instance that have a status of their own, by kind."""
    return {name: kind for name, kind in registry.kinds().items() if name.startswith("instance.") and kind.transition}


def in_status(code: str) -> Q:
    """Instances whose :attr:`~instances.models.Instance.display_state` has this code, as a condition for SQL."""
    silent = [name for name, kind in registry.kinds().items() if not kind.transition]
    busy = Q(current_job__status__in=ACTIVE) & ~Q(current_job__kind__in=silent)
    if kinds := [name for name, kind in _transitions().items() if kind.transition_code == code]:
        return busy & Q(current_job__kind__in=kinds)
    lost = Q(host__isnull=False, host__reachable=False)
    at_rest = Q(current_job__isnull=True) | ~Q(current_job__status__in=ACTIVE) | Q(current_job__kind__in=silent)
    if code == enums.UNKNOWN.code:
        return at_rest & lost
    return at_rest & ~lost & Q(power_state__in=[power for power, state in enums.BY_POWER.items() if state.code == code])


class InstanceFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """``search`` finds by name, short id or id; ``status`` may be given several times."""

    search = search("by_text")
    status = filters.MultipleChoiceFilter(choices=status_choices, method="by_status", label=_("Status"))
    origin = filters.MultipleChoiceFilter(choices=Origin.choices, label=_("Created by"))
    host = filters.UUIDFilter(field_name="host_id", label=_("Host"))
    image = filters.UUIDFilter(field_name="image_id", label=_("Image"))
    instance_type = filters.UUIDFilter(field_name="instance_type_id", label=_("Instance type"))
    affinity_group = filters.UUIDFilter(field_name="affinity_group_id", label=_("Affinity group"))
    launch_template = filters.UUIDFilter(field_name="launch_template_id", label=_("Launch template"))
    project = filters.UUIDFilter(field_name="project_id", label=_("Project"))
    ordering = Ordering("name", "vcpus", "memory_mib", "created_at", "origin")

    class Meta:
        model = Instance
        fields: tuple[str, ...] = ()

    def by_text(self, rows: InstanceQuerySet, _name: str, text: str) -> InstanceQuerySet:
        """By name, short id or id."""
        return rows.matching(text)

    def by_status(self, rows: InstanceQuerySet, _name: str, value: list[str]) -> InstanceQuerySet:
        """Any of the statuses that people see. The schema reads the hint of ``value``, by that name."""
        return rows.filter(reduce(or_, map(in_status, value))) if value else rows


class InstanceTypeFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """Types by name, by who may use them, and by whether they are offered."""

    search = search("by_text")
    project = filters.UUIDFilter(field_name="project_id", label=_("Project"))
    visibility = filters.ChoiceFilter(choices=VISIBILITIES, method="by_visibility", label=_("Visibility"))
    active = flag(_("Offered"))
    ordering = Ordering("name", "vcpus", "memory_mib", "created_at")

    class Meta:
        model = InstanceType
        fields: tuple[str, ...] = ()

    def by_text(self, rows: InstanceTypeQuerySet, _name: str, text: str) -> InstanceTypeQuerySet:
        """By name."""
        return rows.filter(name__icontains=text)

    def by_visibility(self, rows: InstanceTypeQuerySet, _name: str, wanted: str) -> InstanceTypeQuerySet:
        """Public ones, or those of projects."""
        return rows.filter(project__isnull=wanted == "public")


class AffinityGroupFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """Groups by name, rule, and whether they have an effect."""

    search = search("by_text")
    project = filters.UUIDFilter(field_name="project_id", label=_("Project"))
    policy = filters.ChoiceFilter(choices=enums.AffinityPolicy.choices, label=_("Rule"))
    hard = flag(_("Required"))
    enabled = flag(_("Enabled"))
    ordering = Ordering("name", "created_at")

    class Meta:
        model = AffinityGroup
        fields: tuple[str, ...] = ()

    def by_text(self, rows: AffinityGroupQuerySet, _name: str, text: str) -> AffinityGroupQuerySet:
        """By name or id."""
        return rows.matching(text)


class LaunchTemplateFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """Launch templates by name, description or id."""

    search = search("by_text")
    project = filters.UUIDFilter(field_name="project_id", label=_("Project"))
    ordering = Ordering("name", "created_at")

    class Meta:
        model = LaunchTemplate
        fields: tuple[str, ...] = ()

    def by_text(self, rows: LaunchTemplateQuerySet, _name: str, text: str) -> LaunchTemplateQuerySet:
        """By name, description or id."""
        return rows.matching(text)
