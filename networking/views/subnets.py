"""서브넷: the list, a subnet with who has which address, and the dialogs that create, edit and delete one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.core.errors import InputError
from cloudia.core.ids import is_uuid
from cloudia.core.networks import parse_network
from cloudia.core.policy import Text, verdicts
from cloudia.ui.dialogs import asked, formed
from cloudia.ui.filters import select
from cloudia.ui.htmx import render_page
from cloudia.ui.links import holder_url
from cloudia.ui.listing import Listing
from cloudia.ui.lists import NEWEST, ListPage
from cloudia.ui.requests import actor_of, project_of
from cloudia.ui.rows import actions_json
from cloudia.ui.search import Found
from networking import policies
from networking.filtersets import SubnetFilter
from networking.forms import SubnetEditForm, SubnetForm, merged
from networking.models import VPC, Subnet
from networking.querysets import SubnetQuerySet
from networking.selectors import AddressUse, addresses_in_use
from networking.services import subnets as services

SORTS = {"name": "name", "cidr": "cidr", "vpc": "vpc__name", "used": "used", "created_at": "created_at"}
ONE_ONLY = gettext_lazy("Only one subnet at a time.")
LIST = ListPage(
    prefix="subnet",
    target="subnets",
    folder="networking/subnets",
    filters=SubnetFilter,
    sorts=SORTS,
    sortings=(("name", gettext_lazy("By name")), NEWEST),
    create=policies.CREATE_SUBNET,
    actions=policies.SUBNET_ACTIONS,
    one_only=ONE_ONLY,
    narrowed_by=("search", "vpc"),
)
ADDRESSES = 100  # on one page


@login_required
@require_safe
def subnet_list(request: HttpRequest) -> HttpResponse:
    """The subnets of all VPCs of the current project."""
    vpcs = VPC.objects.filter(project=project_of(request)).order_by("name").values_list("pk", "name")
    return LIST.show(request, _shown, _row, selects=[select("vpc", "VPC", vpcs, request.GET)], has_vpc=bool(vpcs))


@login_required
@require_safe
def subnet_row(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One line of the list, as it is now."""
    return render(request, "networking/subnets/_row.html", {"row": _row(_visible(request, pk), actor_of(request))})


@login_required
@require_safe
def subnet_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Facts, and who has which address."""
    subnet, actor = _visible(request, pk), actor_of(request)
    page: Any = Paginator(addresses_in_use(subnet), ADDRESSES).get_page(request.GET.get("page"))
    context = {
        "subnet": subnet,
        "addresses": [_address_row(use) for use in page],
        "listing": Listing(page, ""),
        "verdicts": verdicts(policies.SUBNET_ACTIONS, subnet, actor),
        "warning": services.range_warning(subnet.network),
    }
    partials = {"subnet": "networking/subnets/_overview.html"}
    return render_page(request, "networking/subnets/detail.html", context, partials=partials)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def subnet_create(request: HttpRequest) -> HttpResponse:
    """Ask for a range, offering a free one, and make a subnet; ``?vpc=`` is chosen already."""
    actor, project = actor_of(request), project_of(request)
    if project is None:
        return render(request, "no_project.html")
    vpc = _wanted_vpc(request.GET.get("vpc", ""), VPC.objects.filter(project=project).order_by("name"))
    offer = services.free_range(vpc) if vpc else ""
    given = {"vpc": vpc, "cidr": offer, "dns": services.usual_resolvers()}
    form = SubnetForm(request.POST if request.method == "POST" else None, project=project, initial=given)

    def perform() -> Text:
        try:
            subnet = services.subnet_create(actor=actor, **form.cleaned_data)
        except InputError as error:
            raise merged(error, form.cleaned_data) from None
        return _("Created: %(name)s") % {"name": subnet}

    context = {
        "action": policies.CREATE_SUBNET,
        "denial": policies.CREATE_SUBNET.denial(project, actor),
        "level": quotas.level(project, "subnets"),
        "has_vpc": vpc is not None,
        "warning": _warning(str(form["cidr"].value() or "")),
    }
    return formed(request, form, perform, "networking/subnets/form.html", context, back=reverse("subnet-list"))


@login_required
@require_safe
def subnet_check(request: HttpRequest) -> HttpResponse:
    """What is worth knowing about the range that is being typed."""
    return render(request, "networking/subnets/_warning.html", {"warning": _warning(request.GET.get("cidr", ""))})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def subnet_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Name, resolvers and reserved addresses."""
    subnet, actor = _visible(request, pk), actor_of(request)
    given = {"name": subnet.name, "dns": subnet.dns, "reserved": subnet.reserved}
    form = SubnetEditForm(request.POST if request.method == "POST" else None, initial=given)

    def perform() -> Text:
        try:
            services.subnet_edit(actor=actor, subnet=subnet, **form.cleaned_data)
        except InputError as error:
            raise merged(error, form.cleaned_data) from None
        return _("Saved.")

    denial = policies.EDIT_SUBNET.denial(subnet, actor)
    context = {"action": policies.EDIT_SUBNET, "denial": denial, "subnet": subnet, "has_vpc": True}
    back = reverse("subnet-detail", args=[pk])
    return formed(request, form, perform, "networking/subnets/form.html", context, back=back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def subnet_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and remove a subnet that no interface is in."""
    subnet = _visible(request, pk)

    def perform() -> Text:
        services.subnet_delete(actor=actor_of(request), subnet=subnet)
        return _("Deleted: %(name)s") % {"name": subnet}

    return asked(request, subnet, policies.DELETE_SUBNET, perform, icon="network", back=reverse("subnet-list"))


@dataclass(frozen=True, slots=True)
class Row:
    """A subnet as its list shows it."""

    subnet: Any  # with the numbers of for_display
    actions: str  # JSON, for the toolbar


@dataclass(frozen=True, slots=True)
class AddressRow:
    """An address that is in use, and where its owner's page is."""

    use: AddressUse
    href: str


def _address_row(use: AddressUse) -> AddressRow:
    return AddressRow(use, holder_url(use.interface.owner) if use.interface else "")


def _row(subnet: Subnet, actor: Actor) -> Row:
    return Row(subnet, actions_json(verdicts(policies.SUBNET_ACTIONS, subnet, actor)))


def _shown(actor: Actor) -> SubnetQuerySet:
    return Subnet.objects.visible_to(actor).for_display()


def _visible(request: HttpRequest, pk: UUID) -> Subnet:
    return get_object_or_404(_shown(actor_of(request)), pk=pk)


def _wanted_vpc(pk: str, vpcs: Any) -> VPC | None:
    wanted = vpcs.filter(pk=pk).first() if is_uuid(pk) else None
    found: VPC | None = wanted or vpcs.first()
    return found


def _warning(text: str) -> str:
    try:
        return services.range_warning(parse_network(text))
    except ValidationError:  # said at the field when it is sent
        return ""


def find(actor: Actor, words: str, at_most: int) -> list[Found]:
    """For the search in the top bar."""
    rows = Subnet.objects.visible_to(actor).matching(words).order_by("name", "pk")[:at_most]
    return [Found(row, reverse("subnet-detail", args=[row.pk]), str(row.cidr)) for row in rows]
