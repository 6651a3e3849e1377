"""네트워크 인터페이스 and 플로팅 IP of an instance: the tabs, and dialogs that add, change and remove interfaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts.actor import Actor
from cloudia.core.errors import InputError
from cloudia.core.policy import Action, ActionDenied, Denial, Holder, Text, Verdict, verdicts
from cloudia.jobs.models import Job
from cloudia.jobs.views import started
from cloudia.ui.dialogs import notice
from cloudia.ui.htmx import details, refused
from cloudia.ui.links import holder_url
from cloudia.ui.requests import actor_of
from instances import interface_services as services
from instances import policies
from instances.models import Instance, InstanceInterface
from instances.network_forms import MANUAL, InterfaceForm, Offer
from instances.selectors import instances_visible_to
from instances.service_forms import ServiceForm
from networking import policies as network_policies
from networking.models import FloatingIP
from networking.services.interfaces import InterfaceWish

FREE_SHOWN = 5  # floating IPs offered for association; the page of floating IPs has all

Subject: TypeAlias = Any  # the instance that gets an interface, or the interface


@dataclass(frozen=True, slots=True)
class Dialog:
    """How something is asked for: the form for a subject, the service that a yes calls, what is said then."""

    action: Action
    form: Callable[[Subject, QueryDict | None], ServiceForm]
    perform: Callable[[Actor, Subject, Any], Job | None]
    done: Text
    label: Text  # of the button that says yes


def _add_form(instance: Instance, data: QueryDict | None) -> InterfaceForm:
    offer = Offer.of(instance.project, instance.vpc)
    return InterfaceForm(data, offer=offer, initial=offer.usual)


def _guard_form(link: InstanceInterface, data: QueryDict | None) -> InterfaceForm:
    groups = [str(group.pk) for group in link.interface.security_groups.all()]
    offer = Offer.of(link.instance.project, link.interface.subnet.vpc)
    return InterfaceForm(data, offer=offer, only=["security_groups"], initial={"security_groups": groups})


def _move_form(link: InstanceInterface, data: QueryDict | None) -> InterfaceForm:
    now = {"subnet": str(link.interface.subnet_id), "assignment": MANUAL, "ip_address": link.interface.address}
    offer = Offer.of(link.instance.project, link.interface.subnet.vpc)
    return InterfaceForm(data, offer=offer, only=["subnet", "assignment", "ip_address"], initial=now)


def _add(actor: Actor, instance: Instance, form: InterfaceForm) -> Job | None:
    _link, job = services.interface_add(actor=actor, instance=instance, wish=form.wish())
    return job


def _guard(actor: Actor, link: InstanceInterface, form: InterfaceForm) -> Job | None:
    groups = tuple(form.cleaned_data["security_groups"])
    wish = InterfaceWish(subnet=link.interface.subnet, security_groups=groups)
    services.interface_edit(actor=actor, link=link, wish=wish)
    return None


def _move(actor: Actor, link: InstanceInterface, form: InterfaceForm) -> Job | None:
    data, groups = form.cleaned_data, tuple(link.interface.security_groups.all())
    wish = InterfaceWish(subnet=data["subnet"], address=data["ip_address"], security_groups=groups)
    services.interface_edit(actor=actor, link=link, wish=wish)
    return None


def _remove(actor: Actor, link: InstanceInterface, _form: ServiceForm) -> Job | None:
    return services.interface_remove(actor=actor, link=link)


ADD = Dialog(policies.ADD_INTERFACE, _add_form, _add, _("The network interface was added."), _("Add"))
DIALOGS = {
    dialog.action.name: dialog
    for dialog in (
        Dialog(policies.GUARD_INTERFACE, _guard_form, _guard, _("The security groups were changed."), _("Save")),
        Dialog(policies.MOVE_INTERFACE, _move_form, _move, _("Subnet and address were changed."), _("Save")),
        Dialog(
            policies.REMOVE_INTERFACE,
            lambda _link, data: ServiceForm(data),
            _remove,
            _("The network interface was removed."),
            policies.REMOVE_INTERFACE.label,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Named:
    """A resource by its name, with its page if it has one."""

    name: str
    href: str

    @classmethod
    def of(cls, kind: str, row: Any) -> Named:
        """``kind`` as registered in :mod:`cloudia.ui.links`."""
        return cls(row.name, holder_url(Holder(kind, str(row.pk), row.name)))


@dataclass(frozen=True, slots=True)
class Row:
    """An interface as a line of the tab."""

    link: InstanceInterface
    subnet: Named
    vpc: Named
    groups: list[Named]
    floating: FloatingIP | None
    verdicts: list[Verdict]

    @classmethod
    def of(cls, link: InstanceInterface, actor: Actor) -> Row:
        """The line for one reader."""
        nic = link.interface
        groups = [Named.of("securitygroup", group) for group in nic.security_groups.all()]
        found = list(verdicts(policies.INTERFACE_ACTIONS, link, actor).values())
        subnet, vpc = Named.of("subnet", nic.subnet), Named.of("vpc", nic.subnet.vpc)
        return cls(link, subnet, vpc, groups, nic.floating_ip, found)


@login_required
@require_safe
def instance_interfaces(request: HttpRequest, pk: UUID) -> HttpResponse:
    """네트워크 인터페이스: the primary one first."""
    actor = actor_of(request)
    instance = get_object_or_404(instances_visible_to(actor), pk=pk)
    rows = [Row.of(link, actor) for link in _links(instance)]
    add = verdicts([policies.ADD_INTERFACE], instance, actor)["add_interface"]
    return render(request, "instances/tabs/interfaces.html", {"instance": instance, "rows": rows, "add": add})


@login_required
@require_safe
def instance_floating_ips(request: HttpRequest, pk: UUID) -> HttpResponse:
    """플로팅 IP: what leads to it, and what could."""
    actor = actor_of(request)
    instance = get_object_or_404(instances_visible_to(actor), pk=pk)
    rows = FloatingIP.objects.select_related("external_network", "interface__attachment")
    found = rows.filter(interface__attachment__instance=instance).order_by("interface__attachment__position")
    bare = next((link.interface for link in _links(instance) if not link.interface.floating_ip), None)
    free = rows.filter(project=instance.project, interface=None) if bare else rows.none()
    project_actions = verdicts([network_policies.ALLOCATE], instance.project, actor)
    context = {
        "instance": instance,
        "rows": [(row, verdicts(network_policies.FLOATING_ACTIONS, row, actor)) for row in found],
        "free": [(row, verdicts(network_policies.FLOATING_ACTIONS, row, actor)) for row in free[:FREE_SHOWN]],
        "bare": bare,
        "allocate": project_actions["allocate"],
    }
    return render(request, "instances/tabs/floating.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def interface_add(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask for (GET) or make (POST) another interface."""
    instance = get_object_or_404(instances_visible_to(actor_of(request)), pk=pk)
    return _dialog(request, ADD, instance, instance)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def interface_action(request: HttpRequest, pk: UUID, nic: UUID, name: str) -> HttpResponse:
    """Ask for (GET) or do (POST) the action ``name`` on one interface."""
    if name not in DIALOGS:
        raise Http404
    instance = get_object_or_404(instances_visible_to(actor_of(request)), pk=pk)
    link = get_object_or_404(_links(instance), interface_id=nic)
    return _dialog(request, DIALOGS[name], instance, link)


def _links(instance: Instance) -> QuerySet[InstanceInterface]:
    """Its interfaces with everything that a line or a dialog shows."""
    rows = instance.interfaces.select_related("interface__subnet__vpc").order_by("position")
    return rows.prefetch_related("interface__security_groups", "interface__floating_ips")


def _dialog(request: HttpRequest, dialog: Dialog, instance: Instance, subject: Subject) -> HttpResponse:
    actor, post = actor_of(request), request.method == "POST"
    denial = dialog.action.denial(subject, actor)
    form = dialog.form(subject, request.POST if post else None)
    if post and denial:
        return _refused(request, instance, denial)
    if post and form.is_valid():
        try:
            job = dialog.perform(actor, subject, form)
        except InputError as error:
            form.take(error)
        except ActionDenied as error:
            return _refused(request, instance, error.denial)
        else:
            return _done(request, instance, dialog, job)
    link = subject if isinstance(subject, InstanceInterface) else None
    context = {"dialog": dialog, "action": dialog.action, "instance": instance, "link": link, "form": form}
    template = "instances/interfaces/ask.html" if details(request) else "instances/interfaces/page.html"
    context |= {"denial": denial, "post_to": request.path}
    return render(request, template, context, status=422 if any(form.problems()) else 200)


def _done(request: HttpRequest, instance: Instance, dialog: Dialog, job: Job | None) -> HttpResponse:
    """Closes the dialog, whereupon the tab is fetched again; without scripts, back to the tab."""
    if details(request):
        return notice(started(job) if job else dialog.done)
    messages.success(request, str(started(job).text if job else dialog.done))
    return redirect(_tab(instance))


def _refused(request: HttpRequest, instance: Instance, denial: Denial) -> HttpResponse:
    if details(request):
        return refused(denial)
    messages.error(request, str(denial.message))
    return redirect(_tab(instance))


def _tab(instance: Instance) -> str:
    return f"{reverse('instance-detail', args=[instance.pk])}?tab=interfaces"
