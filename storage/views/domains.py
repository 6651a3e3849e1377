"""스토리지 도메인: where images and volumes are, how full that is, and on which hosts it works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts.actor import Actor
from cloudia.core.display import DisplayState
from cloudia.core.policy import Text, Verdict, verdicts
from cloudia.jobs.views import rows_about, started
from cloudia.ui.dialogs import Started, asked, formed
from cloudia.ui.htmx import render_page
from cloudia.ui.requests import actor_of
from cloudia.ui.search import Found
from storage import policies, references
from storage.domain_forms import AttachForm, DomainEditForm, DomainForm
from storage.enums import DomainKind
from storage.kinds import KINDS
from storage.models import StorageAttachment, StorageDomain
from storage.querysets import StorageDomainQuerySet
from storage.services import domains as services
from storage.space import give_rooms

WORKS = DisplayState("active", gettext_lazy("Normal"), "circle-check", "ok")
BROKEN = DisplayState("broken", gettext_lazy("Does not work"), "alert-circle", "bad")
NOWHERE = DisplayState("unattached", gettext_lazy("On no host"), "circle-dashed", "idle")
LEAVING = DisplayState("leaving", gettext_lazy("Being detached"), "loader-2", "busy")


@dataclass(frozen=True, slots=True)
class Place:
    """A storage domain on a host, as the page shows it."""

    attachment: StorageAttachment
    state: DisplayState
    detach: Verdict
    forget: Verdict


@login_required
@require_safe
def domain_list(request: HttpRequest) -> HttpResponse:
    """All of them: everybody may see what there is and how full it is."""
    actor = actor_of(request)
    domains = list(_shown(actor))
    give_rooms(domains)
    create = (
        Verdict(policies.CREATE_DOMAIN, policies.CREATE_DOMAIN.denial(StorageDomain(), actor))
        if actor.is_operator
        else None
    )
    rows = [(domain, state_of(domain)) for domain in domains]
    partials = {"storage-domains": "storage/domains/_results.html"}
    return render_page(request, "storage/domains/list.html", {"rows": rows, "create": create}, partials=partials)


@login_required
@require_safe
def domain_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Room, and for operators where its files are, each host with what is wrong there, and what was done."""
    domain, actor = _visible(request, pk), actor_of(request)
    give_rooms([domain])
    context = {
        "domain": domain,
        "state": state_of(domain),
        "places": _places(domain, actor) if actor.is_operator else [],
        "verdicts": verdicts(policies.DOMAIN_ACTIONS, domain, actor) if actor.is_operator else {},
        "jobs": rows_about(domain, actor),
        "strays": domain.strays.exclude(kind="foreign").count() if actor.is_operator else 0,
    }
    partials = {"storage-domain": "storage/domains/_overview.html"}
    return render_page(request, "storage/domains/detail.html", context, partials=partials)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def domain_create(request: HttpRequest) -> HttpResponse:
    """Ask for a kind and the fields it needs. A GET with a kind shows that kind's."""
    actor = _operator(request)
    given = request.POST if request.method == "POST" else request.GET
    kind = given.get("kind_choice") if given.get("kind_choice") in KINDS else DomainKind.DIR
    form = DomainForm(request.POST if request.method == "POST" else None, kind=str(kind), initial=request.GET.dict())

    def perform() -> Text:
        domain = services.storage_domain_create(actor=actor, **form.wish())
        return _("Created: %(name)s") % {"name": domain}

    denial = policies.CREATE_DOMAIN.denial(StorageDomain(), actor)
    context = {"action": policies.CREATE_DOMAIN, "denial": denial, "kinds": DomainKind.choices}
    partials = {"domain-fields": "storage/domains/_fields.html"}
    back = reverse("storagedomain-list")
    return formed(request, form, perform, "storage/domains/form.html", context, back=back, partials=partials)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def domain_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Name, disk type, over-commit, key."""
    actor, domain = _operator(request), _visible(request, pk)
    given = {"name": domain.name, "media": domain.media, "over_commit": domain.over_commit}
    form = DomainEditForm(request.POST if request.method == "POST" else None, kind=domain.kind, initial=given)

    def perform() -> Text:
        services.storage_domain_edit(actor=actor, domain=domain, **form.cleaned_data)
        return _("Saved.")

    denial = policies.EDIT_DOMAIN.denial(domain, actor)
    context = {"action": policies.EDIT_DOMAIN, "denial": denial, "domain": domain}
    return formed(request, form, perform, "storage/domains/edit.html", context, back=_page(pk))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def domain_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and remove one that is empty and on no host."""
    actor, domain = _operator(request), _visible(request, pk)

    def perform() -> Text:
        services.storage_domain_delete(actor=actor, domain=domain)
        return _("Deleted: %(name)s") % {"name": domain}

    back = reverse("storagedomain-list")
    return asked(request, domain, policies.DELETE_DOMAIN, perform, icon="stack-2", back=back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def domain_attach(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask for a host, and make the pool there."""
    actor, domain = _operator(request), _visible(request, pk)
    form = AttachForm(request.POST if request.method == "POST" else None, domain=domain)

    def perform() -> Started:
        return started(services.storage_domain_attach(actor=actor, domain=domain, **form.cleaned_data))

    denial = policies.ATTACH.denial(domain, actor)
    context = {"action": policies.ATTACH, "denial": denial, "domain": domain}
    return formed(request, form, perform, "storage/domains/attach.html", context, back=_page(pk))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def domain_detach(request: HttpRequest, pk: UUID, host: UUID) -> HttpResponse:
    """Ask, and forget the pool on one host."""
    actor, attachment = _operator(request), _attachment(pk, host)

    def perform() -> Started:
        return started(services.storage_domain_detach(actor=actor, attachment=attachment))

    template = "storage/domains/detach.html"
    return asked(request, attachment, policies.DETACH, perform, icon="server", back=_page(pk), template=template)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def domain_forget(request: HttpRequest, pk: UUID, host: UUID) -> HttpResponse:
    """Ask, and forget that a host which is gone for good has it."""
    actor, attachment = _operator(request), _attachment(pk, host)

    def perform() -> Text:
        services.storage_domain_forget(actor=actor, attachment=attachment)
        return _("Forgotten: %(name)s") % {"name": attachment.host}

    template = "storage/domains/forget.html"
    return asked(request, attachment, policies.FORGET, perform, icon="server", back=_page(pk), template=template)


def state_of(domain: StorageDomain) -> DisplayState:
    """What is being done with it, else whether it works where it should."""
    if (job := domain.current_job) and job.is_active:
        operation = job.operation
        return DisplayState(operation.transition_code, operation.transition, "loader-2", "busy", progress=job.progress)
    attached = list(domain.attachments.all())
    broken = sum(not attachment.active for attachment in attached)
    if not attached:
        return NOWHERE
    if broken == len(attached):
        return BROKEN
    words = format_lazy(gettext_lazy("Does not work on {n} of {all} hosts"), n=broken, all=len(attached))
    return DisplayState("degraded", words, "alert-triangle", "warn") if broken else WORKS


def _places(domain: StorageDomain, actor: Actor) -> list[Place]:
    attachments: list[Any] = list(domain.attachments.all())
    references.fill(attachments)
    found = []
    for attachment in attachments:
        attachment.domain = domain
        detach, forget = (
            Verdict(action, action.denial(attachment, actor)) for action in (policies.DETACH, policies.FORGET)
        )
        found.append(Place(attachment, _state_there(attachment), detach, forget))
    return found


def _state_there(attachment: StorageAttachment) -> DisplayState:
    if attachment.leaving:
        return LEAVING
    return WORKS if attachment.active else BROKEN


def _shown(actor: Actor) -> StorageDomainQuerySet:
    return StorageDomain.objects.visible_to(actor).for_display()


def _visible(request: HttpRequest, pk: UUID) -> StorageDomain:
    return get_object_or_404(_shown(actor_of(request)), pk=pk)


def _operator(request: HttpRequest) -> Actor:
    """Dialogs of operators do not exist for others."""
    actor = actor_of(request)
    if not actor.is_operator:
        raise Http404
    return actor


def _attachment(pk: UUID, host: UUID) -> StorageAttachment:
    rows = StorageAttachment.objects.select_related("domain__current_job", "host")
    return get_object_or_404(rows, domain=pk, host=host)


def _page(pk: UUID) -> str:
    return reverse("storagedomain-detail", args=[pk])


def find(actor: Actor, words: str, at_most: int) -> list[Found]:
    """For the search in the top bar."""
    rows = _shown(actor).matching(words).order_by("name")[:at_most]
    return [Found(row, reverse("storagedomain-detail", args=[row.pk]), row.short_id) for row in rows]
