"""파일 시스템: the list, one with who mounts it and where it is, and the dialogs that register, edit and delete one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts.actor import Actor
from cloudia.core.policy import Denial, Text, verdicts
from cloudia.jobs.views import rows_about
from cloudia.ui.dialogs import asked, formed
from cloudia.ui.filters import select
from cloudia.ui.htmx import render_page
from cloudia.ui.lists import NEWEST, ListPage
from cloudia.ui.requests import actor_of, project_of
from cloudia.ui.rows import actions_json
from cloudia.ui.search import Found
from storage import policies, references
from storage.enums import FileSystemKind
from storage.filesystem_forms import FileSystemEditForm, FileSystemForm
from storage.filtersets import FileSystemFilter
from storage.models import FileSystem
from storage.querysets import FileSystemQuerySet
from storage.services import filesystems as services
from storage.views.users import User, users_of

LIST = ListPage(
    prefix="filesystem",
    target="filesystems",
    folder="storage/filesystems",
    filters=FileSystemFilter,
    sorts={"name": "name", "kind": "kind", "size_gib": "size_gib", "created_at": "created_at"},
    sortings=(NEWEST, ("name", gettext_lazy("By name"))),
    create=policies.CREATE_FILESYSTEM,
    actions=policies.FILESYSTEM_ACTIONS,
    one_only=gettext_lazy("Only one file system at a time."),
    narrowed_by=("search", "kind"),
    fill=references.fill,
)


@login_required
@require_safe
def filesystem_list(request: HttpRequest) -> HttpResponse:
    """The current project's file systems."""
    kinds = select("kind", _("Type"), FileSystemKind.choices, request.GET)
    return LIST.show(request, _shown, _row, selects=[kinds])


@login_required
@require_safe
def filesystem_row(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One line of the list, as it is now."""
    context = {"row": _row(_visible(request, pk), actor_of(request))}
    return render(request, "storage/filesystems/_row.html", context)


@login_required
@require_safe
def filesystem_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Facts, who mounts it, and for VirtioFS the hosts that have it."""
    filesystem, actor = _visible(request, pk), actor_of(request)
    context = {
        "filesystem": filesystem,
        "users": users_of(filesystem),
        "verdicts": verdicts(policies.FILESYSTEM_ACTIONS, filesystem, actor),
        "jobs": rows_about(filesystem, actor),
    }
    partials = {"filesystem": "storage/filesystems/_overview.html"}
    return render_page(request, "storage/filesystems/detail.html", context, partials=partials)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def filesystem_create(request: HttpRequest) -> HttpResponse:
    """Ask where it is, and register it. A GET with values shows the form with them."""
    actor, project = actor_of(request), project_of(request)
    if project is None:
        return render(request, "no_project.html")
    form = FileSystemForm(request.POST if request.method == "POST" else None, project=project, initial=_given(request))

    def perform() -> Text:
        made = services.filesystem_create(actor=actor, project=project, **form.cleaned_data)
        return _("Created: %(name)s") % {"name": made}

    context = {
        "action": policies.CREATE_FILESYSTEM,
        "denial": policies.CREATE_FILESYSTEM.denial(project, actor),
        "refused": _refused(form, actor),
        "roots": settings.VIRTIOFS_ROOTS,
    }
    partials = {"filesystem-fields": "storage/filesystems/_fields.html"}
    back = reverse("filesystem-list")
    return formed(request, form, perform, "storage/filesystems/form.html", context, back=back, partials=partials)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def filesystem_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Name, description, stated size."""
    filesystem, actor = _visible(request, pk), actor_of(request)
    given = {name: getattr(filesystem, name) for name in ("name", "description", "size_gib")}
    form = FileSystemEditForm(request.POST if request.method == "POST" else None, initial=given)

    def perform() -> Text:
        services.filesystem_edit(actor=actor, filesystem=filesystem, **form.cleaned_data)
        return _("Saved.")

    denial = policies.EDIT_FILESYSTEM.denial(filesystem, actor)
    context = {"action": policies.EDIT_FILESYSTEM, "denial": denial, "filesystem": filesystem}
    back = reverse("filesystem-detail", args=[pk])
    return formed(request, form, perform, "storage/filesystems/edit.html", context, back=back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def filesystem_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and forget a file system that nobody mounts."""
    filesystem = _visible(request, pk)

    def perform() -> Text:
        services.filesystem_delete(actor=actor_of(request), filesystem=filesystem)
        return _("Deleted: %(name)s") % {"name": filesystem}

    back = reverse("filesystem-list")
    return asked(request, filesystem, policies.DELETE_FILESYSTEM, perform, icon="folders", back=back)


def _given(request: HttpRequest) -> dict[str, Any]:
    """What was typed before the type was changed."""
    return {name: value for name, value in request.GET.items() if value}


def _refused(form: FileSystemForm, actor: Actor) -> Denial | None:
    """Whether this person may register the chosen type at all."""
    return policies.shares_a_host(FileSystem(kind=form.chosen), actor)


@dataclass(frozen=True, slots=True)
class Row:
    """A file system as its list shows it."""

    filesystem: FileSystem
    users: list[User]
    actions: str  # JSON, for the toolbar


def _row(filesystem: FileSystem, actor: Actor) -> Row:
    found = verdicts(policies.FILESYSTEM_ACTIONS, filesystem, actor)
    return Row(filesystem, users_of(filesystem), actions_json(found))


def _shown(actor: Actor) -> FileSystemQuerySet:
    return FileSystem.objects.visible_to(actor).for_display()


def _visible(request: HttpRequest, pk: UUID) -> FileSystem:
    return get_object_or_404(_shown(actor_of(request)), pk=pk)


def find(actor: Actor, words: str, at_most: int) -> list[Found]:
    """For the search in the top bar."""
    rows = FileSystem.objects.visible_to(actor).matching(words).order_by("name", "pk")[:at_most]
    return [Found(row, reverse("filesystem-detail", args=[row.pk]), row.short_id) for row in rows]
