"""VPC: the list, a VPC with its picture, and the dialogs that create, edit and delete one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.core.policy import Text, Verdict, verdicts
from cloudia.ui.dialogs import asked, formed
from cloudia.ui.htmx import render_page
from cloudia.ui.lists import NEWEST, ListPage
from cloudia.ui.requests import actor_of, project_of
from cloudia.ui.rows import actions_json
from cloudia.ui.search import Found
from networking import policies
from networking.filtersets import VPCFilter
from networking.forms import VPCForm
from networking.models import VPC, ExternalNetwork, Subnet
from networking.querysets import VPCQuerySet
from networking.services import vpcs as services
from networking.views.picture import picture_of

SORTS = {"name": "name", "subnets": "subnet_count", "created_at": "created_at"}
ONE_ONLY = gettext_lazy("Only one VPC at a time.")
LIST = ListPage(
    prefix="vpc",
    target="vpcs",
    folder="networking/vpcs",
    filters=VPCFilter,
    sorts=SORTS,
    sortings=(("name", gettext_lazy("By name")), NEWEST),
    create=policies.CREATE_VPC,
    actions=policies.VPC_ACTIONS,
    one_only=ONE_ONLY,
)


@login_required
@require_safe
def vpc_list(request: HttpRequest) -> HttpResponse:
    """The current project's VPCs."""
    return LIST.show(request, _shown, _row)


@login_required
@require_safe
def vpc_row(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One line of the list, as it is now."""
    return render(request, "networking/vpcs/_row.html", {"row": _row(_visible(request, pk), actor_of(request))})


@login_required
@require_safe
def vpc_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Facts, the picture of router, subnets and instances, and the subnets once more as a table."""
    vpc, actor = _visible(request, pk), actor_of(request)
    subnets = Subnet.objects.visible_to(actor).for_display().filter(vpc=vpc).order_by("name", "pk")
    context = {
        "vpc": vpc,
        "subnets": subnets,
        "picture": picture_of(vpc, list(subnets)),
        "verdicts": verdicts(policies.VPC_ACTIONS, vpc, actor),
        "add": Verdict(policies.CREATE_SUBNET, policies.CREATE_SUBNET.denial(vpc, actor)),
    }
    partials = {"vpc": "networking/vpcs/_overview.html"}
    return render_page(request, "networking/vpcs/detail.html", context, partials=partials)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def vpc_create(request: HttpRequest) -> HttpResponse:
    """Ask for a name and a way out, and make a VPC."""
    actor, project = actor_of(request), project_of(request)
    if project is None:
        return render(request, "no_project.html")
    usual = ExternalNetwork.objects.filter(is_default=True).first()
    form = VPCForm(request.POST if request.method == "POST" else None, initial={"external_network": usual})

    def perform() -> Text:
        isolated = form.cleaned_data["external_network"] is None
        vpc = services.vpc_create(actor=actor, project=project, isolated=isolated, **form.cleaned_data)
        return _("Created: %(name)s") % {"name": vpc}

    denial = policies.CREATE_VPC.denial(project, actor)
    context = {"action": policies.CREATE_VPC, "denial": denial, "level": quotas.level(project, "vpcs")}
    return formed(request, form, perform, "networking/vpcs/form.html", context, back=reverse("vpc-list"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def vpc_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Name, description, way out."""
    vpc, actor = _visible(request, pk), actor_of(request)
    given = {"name": vpc.name, "description": vpc.description, "external_network": vpc.external_network_id}
    form = VPCForm(request.POST if request.method == "POST" else None, initial=given)

    def perform() -> Text:
        services.vpc_edit(actor=actor, vpc=vpc, **form.cleaned_data)
        return _("Saved.")

    context = {"action": policies.EDIT_VPC, "denial": policies.EDIT_VPC.denial(vpc, actor), "vpc": vpc}
    back = reverse("vpc-detail", args=[pk])
    return formed(request, form, perform, "networking/vpcs/form.html", context, back=back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def vpc_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and remove a VPC that has no subnets."""
    vpc = _visible(request, pk)

    def perform() -> Text:
        services.vpc_delete(actor=actor_of(request), vpc=vpc)
        return _("Deleted: %(name)s") % {"name": vpc}

    return asked(request, vpc, policies.DELETE_VPC, perform, icon="router", back=reverse("vpc-list"))


@dataclass(frozen=True, slots=True)
class Row:
    """A VPC as its list shows it."""

    vpc: Any  # with the count of _shown
    actions: str  # JSON, for the toolbar


def _row(vpc: VPC, actor: Actor) -> Row:
    return Row(vpc, actions_json(verdicts(policies.VPC_ACTIONS, vpc, actor)))


def _shown(actor: Actor) -> VPCQuerySet:
    return VPC.objects.visible_to(actor).for_display().annotate(subnet_count=Count("subnets"))


def _visible(request: HttpRequest, pk: UUID) -> VPC:
    return get_object_or_404(_shown(actor_of(request)), pk=pk)


def find(actor: Actor, words: str, at_most: int) -> list[Found]:
    """For the search in the top bar."""
    rows = VPC.objects.visible_to(actor).matching(words).order_by("name", "pk")[:at_most]
    return [Found(row, reverse("vpc-detail", args=[row.pk]), row.short_id) for row in rows]
