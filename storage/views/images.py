"""이미지: the list, an image with what was made of it, and the dialogs that edit and delete one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.display import DisplayState
from cloudia.core.policy import Text, verdicts
from cloudia.jobs.views import rows_about, started
from cloudia.ui.dialogs import Started, asked, formed
from cloudia.ui.filters import select
from cloudia.ui.htmx import render_page
from cloudia.ui.lists import NEWEST, ListPage
from cloudia.ui.requests import actor_of, project_of
from cloudia.ui.rows import actions_json
from cloudia.ui.search import Found
from storage import policies, references
from storage.enums import UPLOADING, ImageStatus
from storage.filtersets import VISIBILITIES, ImageFilter
from storage.forms import SYSTEMS, ImageForm
from storage.models import Image
from storage.querysets import ImageQuerySet
from storage.services import images as services
from storage.views.users import users_of

SORTS = {name: name for name in ("name", "virtual_bytes", "created_at")}
SORTS |= {"system": "os_type", "storage_domain": "storage_domain__name"}
ONE_ONLY = gettext_lazy("Only one image at a time.")
LIST = ListPage(
    prefix="image",
    target="images",
    folder="storage/images",
    filters=ImageFilter,
    sorts=SORTS,
    sortings=(("name", gettext_lazy("By name")), NEWEST, ("-virtual_bytes", gettext_lazy("Largest first"))),
    create=policies.IMPORT,
    actions=policies.IMAGE_ACTIONS,
    one_only=ONE_ONLY,
    narrowed_by=("search", "visibility", "os_type", "status", "deprecated"),
    within=lambda rows, project: rows.offered_in(project),
    fill=references.fill,
)
USERS_SHOWN = 50  # instances and volumes on the page of their image; their own lists have all


@login_required
@require_safe
def image_list(request: HttpRequest) -> HttpResponse:
    """The current project's images, and the public ones."""
    project = project_of(request)
    selects = [
        select("visibility", _("Visibility"), VISIBILITIES, request.GET),
        select("os_type", _("Operating system"), _systems(project) if project else [], request.GET),
        select("status", _("Status"), ImageStatus.choices, request.GET),
    ]
    return LIST.show(request, _shown, _row, selects=selects)


def _systems(project: Project) -> list[tuple[str, str]]:
    rows = Image.objects.offered_in(project).exclude(os_type="").order_by("os_type")
    return [(system, system) for system in rows.values_list("os_type", flat=True).distinct()]


@login_required
@require_safe
def image_row(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One line of the list, as it is now."""
    return render(request, "storage/images/_row.html", {"row": _row(_visible(request, pk), actor_of(request))})


@login_required
@require_safe
def image_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Facts, what was made of it, and what was done to it."""
    image, actor = _visible(request, pk), actor_of(request)
    knows_all = image.project_id is not None or actor.is_operator  # others' names are not told
    users = users_of(image) if knows_all else []
    context = {
        "image": image,
        "state": state_of(image),
        "resumable": _is_resumable(image, actor),
        "shows_users": knows_all,
        "users": users[:USERS_SHOWN],
        "more_users": max(0, len(users) - USERS_SHOWN),
        "verdicts": verdicts(policies.IMAGE_ACTIONS, image, actor),
        "jobs": rows_about(image, actor),
    }
    partials = {"image": "storage/images/_overview.html"}
    return render_page(request, "storage/images/detail.html", context, partials=partials)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def image_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What people call it, what is on it, and whether it is offered for new instances."""
    image, actor = _visible(request, pk), actor_of(request)
    given = {name: getattr(image, name) for name in ImageForm.base_fields}
    form = ImageForm(request.POST if request.method == "POST" else None, initial=given)

    def perform() -> Text:
        services.image_edit(actor=actor, image=image, **form.cleaned_data)
        return _("Saved.")

    denial = policies.EDIT_IMAGE.denial(image, actor)
    context = {"action": policies.EDIT_IMAGE, "denial": denial, "image": image, "systems": SYSTEMS}
    back = reverse("image-detail", args=[pk])
    return formed(request, form, perform, "storage/images/edit.html", context, back=back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def image_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and delete an image that nothing depends on."""
    image = _visible(request, pk)

    def perform() -> Started:
        return started(services.image_delete(actor=actor_of(request), image=image))

    template, back = "storage/images/delete.html", reverse("image-list")
    return asked(request, image, policies.DELETE_IMAGE, perform, icon="disc", back=back, template=template, typed=True)


@dataclass(frozen=True, slots=True)
class Row:
    """An image as its list shows it."""

    image: Image
    state: DisplayState
    resumable: bool
    actions: str  # JSON, for the toolbar


def _row(image: Image, actor: Actor) -> Row:
    actions = actions_json(verdicts(policies.IMAGE_ACTIONS, image, actor))
    return Row(image, state_of(image), _is_resumable(image, actor), actions)


def state_of(image: Image) -> DisplayState:
    """The status that people see; of an upload also how far it has come."""
    shown, upload = image.display_state, getattr(image, "upload", None)
    return replace(shown, progress=upload.percent) if shown == UPLOADING and upload else shown


def _is_resumable(image: Image, actor: Actor) -> bool:
    """Whether the rest of its file may be brought."""
    return image.status == ImageStatus.UPLOADING and policies.IMPORT.denial(image, actor) is None


def _shown(actor: Actor) -> ImageQuerySet:
    return Image.objects.visible_to(actor).for_display()


def _visible(request: HttpRequest, pk: UUID) -> Image:
    return get_object_or_404(_shown(actor_of(request)), pk=pk)


def find(actor: Actor, words: str, at_most: int) -> list[Found]:
    """For the search in the top bar."""
    rows = Image.objects.visible_to(actor).for_display().matching(words).order_by("name", "pk")[:at_most]
    return [Found(row, reverse("image-detail", args=[row.pk]), row.short_id) for row in rows]
