"""인스턴스 타입: the list, and the dialogs with which operators make, edit and delete one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts.actor import Actor
from cloudia.core.policy import Text, verdicts
from cloudia.ui.dialogs import asked, formed
from cloudia.ui.filters import select
from cloudia.ui.lists import ListPage
from cloudia.ui.requests import actor_of, project_of
from cloudia.ui.rows import actions_json
from cloudia.ui.scope import EVERYWHERE
from instances import policies, type_services
from instances.filtersets import InstanceTypeFilter
from instances.models import Instance, InstanceType
from instances.type_forms import TypeEditForm, TypeForm
from storage.filtersets import VISIBILITIES

LIST = ListPage(
    prefix="type",
    target="types",
    folder="instances/types",
    filters=InstanceTypeFilter,
    sorts={"name": "name", "vcpus": "vcpus", "memory_mib": "memory_mib", "created_at": "created_at"},
    sortings=(("memory_mib", gettext_lazy("Smallest first")), ("name", gettext_lazy("By name"))),
    create=policies.CREATE_TYPE,
    actions=policies.TYPE_ACTIONS,
    one_only=gettext_lazy("Only one instance type at a time."),
    narrowed_by=("search", "visibility", "active"),
    within=lambda rows, project: rows.offered_in(project),
)


@login_required
@require_safe
def type_list(request: HttpRequest) -> HttpResponse:
    """Public types and the current project's."""
    offered = [("true", _("Offered")), ("false", _("Not offered"))]
    selects = [
        select("visibility", _("Visibility"), VISIBILITIES, request.GET),
        select("active", _("Offered"), offered, request.GET),
    ]
    return LIST.show(request, lambda _actor: _shown(request), _row, selects=selects)


@login_required
@require_safe
def type_row(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One line of the list, as it is now."""
    row = _row(_visible(request, pk), actor_of(request))
    return render(request, "instances/types/_row.html", {"row": row})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def type_create(request: HttpRequest) -> HttpResponse:
    """Ask what it fixes and for whom it is, and make it."""
    actor, project = actor_of(request), project_of(request)
    if project is None:
        return render(request, "no_project.html")
    form = TypeForm(request.POST if request.method == "POST" else None)

    def perform() -> Text:
        made = type_services.instance_type_create(actor=actor, **form.values(project))
        return _("Created: %(name)s") % {"name": made}

    denial = policies.CREATE_TYPE.denial(project, actor)
    context = {"action": policies.CREATE_TYPE, "denial": denial, "heading": _("Create instance type")}
    return formed(request, form, perform, "instances/types/form.html", context, back=reverse("type-list"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def type_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Its name and what it fixes from now on."""
    kind, actor = _visible(request, pk), actor_of(request)
    given = {name: getattr(kind, name) for name in TypeEditForm.base_fields}
    form = TypeEditForm(request.POST if request.method == "POST" else None, initial=given)

    def perform() -> Text:
        type_services.instance_type_edit(actor=actor, kind=kind, **form.cleaned_data)
        return _("Saved.")

    denial = policies.EDIT_TYPE.denial(kind, actor)
    context = {"action": policies.EDIT_TYPE, "denial": denial, "kind": kind, "heading": _("Edit instance type")}
    return formed(request, form, perform, "instances/types/form.html", context, back=reverse("type-list"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def type_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and forget it; instances keep what they have."""
    kind = _visible(request, pk)

    def perform() -> Text:
        type_services.instance_type_delete(actor=actor_of(request), kind=kind)
        return _("Deleted: %(name)s") % {"name": kind}

    return asked(request, kind, policies.DELETE_TYPE, perform, icon="cpu", back=reverse("type-list"))


@dataclass(frozen=True, slots=True)
class Row:
    """A type as its list shows it."""

    kind: InstanceType
    instances: str  # the address of the list of those made of it
    actions: str  # JSON, for the toolbar


def _row(kind: InstanceType, actor: Actor) -> Row:
    wanted = {"instance_type": kind.pk} | ({"scope": EVERYWHERE} if actor.is_operator else {})
    instances = f"{reverse('instance-list')}?{urlencode(wanted)}"
    return Row(kind, instances, actions_json(verdicts(policies.TYPE_ACTIONS, kind, actor)))


def _shown(request: HttpRequest) -> Any:
    """With how many instances are of each: of all projects for operators, of the current one for others. As the list
    of instances shows them."""
    actor = actor_of(request)
    mine = Instance.objects.visible_to(actor)
    if not actor.is_operator:
        mine = mine.filter(project=project_of(request))
    made = Count("instances", filter=Q(instances__in=mine.values("pk")))
    return InstanceType.objects.visible_to(actor).select_related("project").annotate(made=made)


def _visible(request: HttpRequest, pk: UUID) -> InstanceType:
    kind: InstanceType = get_object_or_404(_shown(request), pk=pk)
    return kind
