"""Parts of the create form, drawn again after a press on one of their buttons. Nothing is recorded."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST
from django_htmx.http import retarget, trigger_client_event

from cloudia.accounts.models import Project
from cloudia.ui.requests import actor_of, project_of
from instances.create_rows import (
    MountFormSet,
    ScriptForm,
    ScriptFormSet,
    VolumeFormSet,
    VolumeOffer,
    kept,
    lost,
)
from instances.network_forms import InterfaceFormSet, Offer, changed_interfaces
from instances.row_forms import Rows, changed_rows, pressed, typed_rows
from storage.models import Image, StorageDomain

NEW_VOLUME = {"name": "", "size_gib": 10}


def part(draw: Callable[[HttpRequest, Project], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A view for somebody who is logged in and has chosen a project."""

    @login_required
    @require_POST
    @wraps(draw)
    def view(request: HttpRequest) -> HttpResponse:
        project = project_of(request)
        return draw(request, project) if project else HttpResponse(status=204)

    return view


@part
def instance_networks(request: HttpRequest, project: Project) -> HttpResponse:
    """The section of networks with one row more (``add``) or less (``remove``, counted from 0)."""
    offer = Offer.of(project)
    rows = InterfaceFormSet(offer=offer, rows=changed_interfaces(request.POST, offer))
    return _drawn(request, "network", {"interfaces": rows}, rows, "subnet")


@part
def instance_new_volumes(request: HttpRequest, project: Project) -> HttpResponse:
    """The data disks with a new volume more or less, or for another image: what no longer fits is said."""
    rows = VolumeFormSet(initial=changed_rows(VolumeFormSet, request.POST, NEW_VOLUME))
    domain = _domain(project, request.POST.get("image", ""))
    choices = VolumeOffer(project, domain, actor_of(request)).choices(request.POST.getlist("volumes"))
    context = {"new_volumes": rows, "volumes": kept(choices), "lost": lost(choices), "domain": domain}
    return _drawn(request, "volumes", context, rows, "name")


@part
def instance_new_mounts(request: HttpRequest, project: Project) -> HttpResponse:
    """The file systems with one row more or less."""
    rows = MountFormSet(project=project, rows=changed_rows(MountFormSet, request.POST, {}))
    return _drawn(request, "mounts", {"filesystems": rows}, rows, "filesystem")


@part
def instance_new_scripts(request: HttpRequest, project: Project) -> HttpResponse:
    """The scripts with one less or moved up; with the dialog's (``save``); or the dialog for one (``edit``)."""
    rows = typed_rows(ScriptFormSet, request.POST)
    if "edit" in request.POST:
        return _dialog(request, ScriptForm.of(rows, pressed(request.POST, "edit")))
    script = ScriptForm(request.POST if "save" in request.POST else None)
    if not script.is_bound:
        rows = changed_rows(ScriptFormSet, request.POST, {})
    elif not script.put_into(rows):
        return retarget(_dialog(request, script), "#script-fields")
    context = {"scripts": ScriptFormSet(initial=rows), "script": ScriptForm.of(rows, -1)}
    answer = render(request, "instances/create/_scripts.html", context)
    return trigger_client_event(answer, "scripts:changed", {}, after="settle")


def _dialog(request: HttpRequest, script: ScriptForm) -> HttpResponse:
    answer = render(request, "instances/create/_script_fields.html", {"script": script})
    return trigger_client_event(answer, "script:open", {}, after="settle")


def _drawn(request: HttpRequest, name: str, context: dict[str, Any], rows: Rows, first: str) -> HttpResponse:
    """The part; the reader goes on where a row was added, and the summary hears of it."""
    if "add" in request.POST:
        rows.forms[-1].fields[first].widget.attrs["autofocus"] = True
    context["removed"] = "remove" in request.POST
    answer = render(request, f"instances/create/_{name}.html", context)
    return trigger_client_event(answer, "rows:changed", {}, after="settle")


def _domain(project: Project, image_id: str) -> StorageDomain | None:
    """Where the chosen image is."""
    images = Image.objects.usable_in(project).select_related("storage_domain")
    return next((image.storage_domain for image in images if str(image.pk) == image_id), None)
