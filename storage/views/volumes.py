"""블록 스토리지: the list, a volume with where it is attached, and the dialogs that create, rename and delete one."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.core.policy import Text, verdicts
from cloudia.jobs.views import rows_about, started
from cloudia.ui.dialogs import Started, asked, formed
from cloudia.ui.filters import select
from cloudia.ui.forms import NamingForm
from cloudia.ui.htmx import render_page
from cloudia.ui.lists import NEWEST, ListPage
from cloudia.ui.requests import actor_of, project_of
from cloudia.ui.rows import actions_json
from cloudia.ui.search import Found
from storage import policies, references
from storage.enums import VolumeStatus
from storage.filtersets import VolumeFilter
from storage.forms import VolumeForm
from storage.models import Image, StorageDomain, Volume
from storage.querysets import VolumeQuerySet
from storage.services import volumes as services
from storage.views.users import User, users_of

SORTS = {name: name for name in ("name", "size_gib", "created_at")}
SORTS |= {"media": "storage_domain__media", "storage_domain": "storage_domain__name"}
ONE_ONLY = gettext_lazy("Only one volume at a time.")
ATTACHED = (("true", gettext_lazy("Attached to an instance")), ("false", gettext_lazy("Not attached")))
LIST = ListPage(
    prefix="volume",
    target="volumes",
    folder="storage/volumes",
    filters=VolumeFilter,
    sorts=SORTS,
    sortings=(NEWEST, ("name", gettext_lazy("By name")), ("-size_gib", gettext_lazy("Largest first"))),
    create=policies.CREATE_VOLUME,
    actions=policies.VOLUME_ACTIONS,
    one_only=ONE_ONLY,
    narrowed_by=("search", "status", "attached", "storage_domain", "image"),
    fill=references.fill,
)


@login_required
@require_safe
def volume_list(request: HttpRequest) -> HttpResponse:
    """The current project's volumes."""
    domains = StorageDomain.objects.order_by("name").values_list("pk", "name")
    selects = [
        select("status", _("Status"), VolumeStatus.choices, request.GET),
        select("attached", _("Attachment"), ATTACHED, request.GET),
        select("storage_domain", _("Storage domain"), domains, request.GET),
    ]
    return LIST.show(request, _shown, _row, selects=selects)


@login_required
@require_safe
def volume_row(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One line of the list, as it is now."""
    return render(request, "storage/volumes/_row.html", {"row": _row(_visible(request, pk), actor_of(request))})


@login_required
@require_safe
def volume_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Facts, who has it, and what was done to it."""
    volume, actor = _visible(request, pk), actor_of(request)
    context = {
        "volume": volume,
        "users": users_of(volume),
        "verdicts": verdicts(policies.VOLUME_ACTIONS, volume, actor),
        "jobs": rows_about(volume, actor),
    }
    partials = {"volume": "storage/volumes/_overview.html"}
    return render_page(request, "storage/volumes/detail.html", context, partials=partials)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def volume_create(request: HttpRequest) -> HttpResponse:
    """Ask for size, place and content, and make a volume. A GET with values shows the form with them."""
    actor, project = actor_of(request), project_of(request)
    if project is None:
        return render(request, "no_project.html")
    images = Image.objects.visible_to(actor).usable_in(project)
    form = VolumeForm(request.POST if request.method == "POST" else None, images=images, initial=request.GET.dict())

    def perform() -> Started:
        return started(services.volume_create(actor=actor, project=project, **form.cleaned_data))

    context = {
        "action": policies.CREATE_VOLUME,
        "denial": policies.CREATE_VOLUME.denial(project, actor),
        "count": quotas.level(project, "volumes"),
        "room": quotas.level(project, "volume_gib"),
    }
    partials = {"volume-fields": "storage/volumes/_fields.html"}
    back = reverse("volume-list")
    return formed(request, form, perform, "storage/volumes/form.html", context, back=back, partials=partials)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def volume_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Name and description."""
    volume, actor = _visible(request, pk), actor_of(request)
    given = {"name": volume.name, "description": volume.description}
    form = NamingForm(request.POST if request.method == "POST" else None, initial=given)

    def perform() -> Text:
        services.volume_edit(actor=actor, volume=volume, **form.cleaned_data)
        return _("Saved.")

    denial = policies.EDIT_VOLUME.denial(volume, actor)
    context = {"action": policies.EDIT_VOLUME, "denial": denial, "volume": volume}
    back = reverse("volume-detail", args=[pk])
    return formed(request, form, perform, "storage/volumes/edit.html", context, back=back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def volume_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and delete a volume that nothing uses, with what is on it."""
    volume = _visible(request, pk)

    def perform() -> Started:
        return started(services.volume_delete(actor=actor_of(request), volume=volume))

    template, back = "storage/volumes/delete.html", reverse("volume-list")
    return asked(
        request, volume, policies.DELETE_VOLUME, perform, icon="database", back=back, template=template, typed=True
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A volume as its list shows it."""

    volume: Volume
    users: list[User]
    actions: str  # JSON, for the toolbar


def _row(volume: Volume, actor: Actor) -> Row:
    return Row(volume, users_of(volume), actions_json(verdicts(policies.VOLUME_ACTIONS, volume, actor)))


def _shown(actor: Actor) -> VolumeQuerySet:
    return Volume.objects.visible_to(actor).for_display()


def _visible(request: HttpRequest, pk: UUID) -> Volume:
    return get_object_or_404(_shown(actor_of(request)), pk=pk)


def find(actor: Actor, words: str, at_most: int) -> list[Found]:
    """For the search in the top bar."""
    rows = list(Volume.objects.visible_to(actor).for_display().matching(words).order_by("name", "pk")[:at_most])
    references.fill(rows)
    return [Found(row, reverse("volume-detail", args=[row.pk]), row.short_id) for row in rows]
