"""플로팅 IP: the list, and the dialogs that allocate, associate, move, disassociate and release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Case, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.core.errors import InputError
from cloudia.core.policy import Text, verdicts
from cloudia.ui.dialogs import asked, formed
from cloudia.ui.links import holder_url
from cloudia.ui.lists import NEWEST, ListPage
from cloudia.ui.requests import actor_of, project_of
from cloudia.ui.rows import actions_json
from networking import policies
from networking.filtersets import FloatingIPFilter
from networking.floating_forms import AllocateForm, AssociateForm
from networking.models import FloatingIP, NetworkInterface
from networking.querysets import FloatingIPQuerySet
from networking.services import floating as services
from networking.trace_forms import interfaces_of

SORTS = {"address": "address", "description": "description", "created_at": "created_at"}
SORTS |= {"instance": "interface__owner_name", "network": "external_network__name"}
AT_ONCE = 30  # interfaces in the dialog; a search finds the others
ONE_ONLY = gettext_lazy("Only one floating IP at a time.")
LIST = ListPage(
    prefix="floating",
    target="floating-ips",
    folder="networking/floating",
    filters=FloatingIPFilter,
    sorts=SORTS,
    sortings=(("address", gettext_lazy("By address")), NEWEST),
    create=policies.ALLOCATE,
    actions=policies.FLOATING_ACTIONS,
    one_only=ONE_ONLY,
)


@login_required
@require_safe
def floating_list(request: HttpRequest) -> HttpResponse:
    """The current project's floating IPs."""
    project = project_of(request)
    return LIST.show(request, _shown, _row, level=quotas.level(project, "floating_ips") if project else None)


@login_required
@require_safe
def floating_row(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One line of the list, as it is now."""
    actor = actor_of(request)
    return render(request, "networking/floating/_row.html", {"row": _row(_visible(request, pk), actor)})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def floating_allocate(request: HttpRequest) -> HttpResponse:
    """Ask for a new address, and take one."""
    actor, project = actor_of(request), project_of(request)
    if project is None:
        return render(request, "no_project.html")
    form = AllocateForm(request.POST if request.method == "POST" else None)
    level = quotas.level(project, "floating_ips")

    def perform() -> Text:
        row = services.floating_allocate(actor=actor, project=project, **form.cleaned_data)
        return _("Allocated: %(address)s") % {"address": row}

    context = {"action": policies.ALLOCATE, "denial": policies.ALLOCATE.denial(project, actor), "level": level}
    return formed(request, form, perform, "networking/floating/allocate.html", context, back=reverse("floating-list"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def floating_associate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Choose where it shall lead (``?interface=`` is chosen already), and let it; ``?search=`` narrows the choice."""
    row, actor = _visible(request, pk), actor_of(request)
    rows = interfaces_of(actor, row.project).prefetch_related("floating_ips")
    wanted = request.GET.get("interface", "") or request.POST.get("interface", "")
    form = AssociateForm(request.POST if request.method == "POST" else None, rows=rows, initial={"interface": wanted})
    words = request.GET.get("search", "").replace("\0", "").strip()
    choices = _choices(row, rows.matching(words) if words else rows, form.chosen)

    def perform() -> Text:
        nic = form.cleaned_data["interface"]
        services.floating_associate(actor=actor, floating_ip=row, interface=nic)
        return _("Associated: %(address)s → %(name)s") % {"address": row, "name": nic.owner_name}

    context = {
        "action": policies.ASSOCIATE,
        "denial": policies.ASSOCIATE.denial(row, actor),
        "floating": row,
        "choices": choices[:AT_ONCE],
        "total": rows.count(),
        "more": len(choices) > AT_ONCE,
        "chosen": form.chosen,
        "words": words,
    }
    template = "networking/floating/associate.html"
    partials = {"interface-choices": "networking/floating/_choices.html"}
    return formed(request, form, perform, template, context, back=reverse("floating-list"), partials=partials)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def floating_disassociate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and let it lead nowhere."""
    row = _visible(request, pk)

    def perform() -> Text:
        services.floating_disassociate(actor=actor_of(request), floating_ip=row)
        return _("Disassociated: %(address)s") % {"address": row}

    return asked(request, row, policies.DISASSOCIATE, perform, icon="world", back=reverse("floating-list"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def floating_release(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and give it back."""
    row = _visible(request, pk)

    def perform() -> Text:
        services.floating_release(actor=actor_of(request), floating_ip=row)
        return _("Released: %(address)s") % {"address": row}

    return asked(request, row, policies.RELEASE, perform, icon="world", back=reverse("floating-list"))


@dataclass(frozen=True, slots=True)
class Row:
    """A floating IP as its list shows it."""

    floating: FloatingIP
    actions: str  # JSON, for the toolbar
    href: str  # of whose interface it leads to


def _row(row: FloatingIP, actor: Actor) -> Row:
    href = holder_url(row.interface.owner) if row.interface else ""
    return Row(row, actions_json(verdicts(policies.FLOATING_ACTIONS, row, actor)), href)


@dataclass(frozen=True, slots=True)
class Choice:
    """An interface, and why the floating IP can't lead there."""

    nic: NetworkInterface
    reason: Text = ""


def _choices(row: FloatingIP, rows: Any, chosen: NetworkInterface | None) -> list[Choice]:
    """What is chosen first, then what can be chosen; one more than are shown tells that there are more."""
    fits = Case(When(subnet__vpc__external_network=row.external_network_id, then=Value(0)), default=Value(1))
    found = list(rows.order_by(fits, "owner_name", "pk")[: AT_ONCE + 1])
    if chosen:
        found = [chosen, *(nic for nic in found if nic != chosen)]
    return sorted((Choice(nic, _why_not(row, nic)) for nic in found), key=lambda choice: bool(choice.reason))


def _why_not(row: FloatingIP, nic: NetworkInterface) -> Text:
    if nic.pk == row.interface_id:
        return _("It leads here now.")
    try:
        services.check_target(row, nic)
    except InputError as error:
        return error.message
    return ""


def _shown(actor: Actor) -> FloatingIPQuerySet:
    return FloatingIP.objects.visible_to(actor).for_display()


def _visible(request: HttpRequest, pk: UUID) -> FloatingIP:
    return get_object_or_404(_shown(actor_of(request)), pk=pk)
