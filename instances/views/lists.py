"""인스턴스 목록: the list, one row of it for live updates, and its export."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Origin
from cloudia.core.policy import Text
from cloudia.hosts.models import Host
from cloudia.ui.export import csv_response
from cloudia.ui.filters import Select, is_filtered, select
from cloudia.ui.htmx import render_page
from cloudia.ui.listing import listing
from cloudia.ui.requests import actor_of, project_of
from cloudia.ui.scope import everywhere, scope_selects
from cloudia.ui.search import Found
from cloudia.ui.templatetags.units import memory
from instances import policies
from instances.affinity_models import AffinityGroup
from instances.filtersets import InstanceFilter, status_choices
from instances.models import Instance, InstanceType
from instances.querysets import InstanceQuerySet
from instances.selectors import instances_visible_to
from instances.views.rows import row_of, rows_of
from instances.views.toolbar import toolbar

SORTS = {name: name for name in ("name", "origin", "vcpus", "memory_mib", "created_at")}
FILTERS = ("search", "status", "origin", "instance_type", "launch_template", "affinity_group", "host", "scope")
SORTINGS = (("-created_at", _("Newest first")), ("name", _("By name")))  # on a phone, where no headings are
EXPORTED_AT_ONCE = 1000  # rows in memory; their addresses are fetched as often


@login_required
@require_safe
def instance_list(request: HttpRequest) -> HttpResponse:
    """Instances of the current project, as the address filters, sorts and pages them."""
    actor, project = actor_of(request), project_of(request)
    if project is None and not actor.is_operator:
        return render(request, "no_project.html")
    found = listing(request, _wanted(request), sorts=SORTS, default="-created_at")
    context = {
        "listing": found,
        "rows": rows_of(found.page, actor),
        "selects": _selects(request),
        "filtered": is_filtered(request.GET, FILTERS),
        "everywhere": everywhere(request),
        "toolbar": toolbar(),
        "sortings": SORTINGS,
        "create": policies.CREATE.denial(project, actor) if project else None,
    }
    return render_page(request, "instances/list.html", context, partials={"instances": "instances/_results.html"})


@login_required
@require_safe
def instance_row(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One line of the list, as it is now."""
    actor = actor_of(request)
    instance = get_object_or_404(Instance.objects.visible_to(actor).for_rows(), pk=pk)
    return render(request, "instances/_row.html", {"row": row_of(instance, actor)})


@login_required
@require_safe
def instance_export(request: HttpRequest) -> HttpResponse:
    """Every instance that the list would show, on all its pages, as CSV."""
    header = [_("Name"), _("ID"), _("Created by"), _("IP address"), _("Status"), _("vCPU"), _("Memory size")]
    return csv_response(
        "instances", [*header, _("Created at")], map(_export, _wanted(request).iterator(EXPORTED_AT_ONCE))
    )


def _export(instance: Instance) -> tuple[Text | int, ...]:
    return (
        instance.name,
        instance.short_id,
        instance.get_origin_display(),
        ", ".join(instance.ip_addresses),
        instance.display_state.label,
        instance.vcpus,
        memory(instance.memory_mib),
        f"{localtime(instance.created_at):%Y-%m-%d %H:%M:%S}",
    )


def _wanted(request: HttpRequest) -> InstanceQuerySet:
    rows = Instance.objects.visible_to(actor_of(request)).for_rows()
    if not everywhere(request):
        rows = rows.filter(project=project_of(request))
    wanted: InstanceQuerySet = InstanceFilter(request.GET, queryset=rows).qs
    return wanted


def _selects(request: HttpRequest) -> list[Select]:
    """The filters of the list; which host an instance is on concerns operators."""
    shown = [
        select("status", _("Status"), status_choices(), request.GET),
        select("origin", _("Created by"), Origin.choices, request.GET),
        select("instance_type", _("Instance type"), _types(request), request.GET),
    ]
    if request.GET.get("affinity_group"):  # as the list of groups links here
        shown.append(select("affinity_group", _("Affinity group"), _groups(request), request.GET))
    if actor_of(request).is_operator:
        shown.append(select("host", _("Host"), Host.objects.values_list("pk", "name"), request.GET))
    return [*shown, *scope_selects(request)]


def _types(request: HttpRequest) -> Any:
    """What instances of the list may be made of."""
    kinds = InstanceType.objects.visible_to(actor_of(request))
    if not everywhere(request):
        kinds = kinds.offered_in(project_of(request))
    return kinds.values_list("pk", "name")


def _groups(request: HttpRequest) -> Any:
    """Which affinity groups instances of the list may be in."""
    groups = AffinityGroup.objects.visible_to(actor_of(request))
    if not everywhere(request):
        groups = groups.filter(project=project_of(request))
    return groups.values_list("pk", "name")


def find(actor: Actor, words: str, at_most: int) -> list[Found]:
    """For the search in the top bar."""
    rows = instances_visible_to(actor).matching(words).order_by("name", "pk")[:at_most]
    return [Found(row, reverse("instance-detail", args=[row.pk]), row.short_id) for row in rows]
