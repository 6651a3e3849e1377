"""파일 시스템 of an instance: the tab, and the dialogs that add, move and remove one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.core.policy import Action, Text, verdicts
from cloudia.ui.dialogs import formed
from cloudia.ui.requests import actor_of
from instances import mount_policies as policies
from instances import mount_services as services
from instances.models import Instance, InstanceMount
from instances.mount_forms import MountForm, PathForm
from instances.selectors import instances_visible_to
from instances.service_forms import ServiceForm
from storage.models import FileSystem

SHOWN = 200  # file systems to choose from


@login_required
@require_safe
def instance_filesystems(request: HttpRequest, pk: UUID) -> HttpResponse:
    """파일 시스템: what is mounted, by the folder in the guest."""
    instance = _instance(request, pk)
    rows = list(instance.mounts.select_related("filesystem"))
    found = verdicts([policies.ADD_MOUNT, *policies.MOUNT_ACTIONS], instance, actor_of(request))
    context = {
        "instance": instance,
        "rows": rows,
        "add": found.pop(policies.ADD_MOUNT.name),
        "edit": found[policies.EDIT_MOUNT.name],
        "remove": found[policies.REMOVE_MOUNT.name],
        "stays": policies.stays_on_its_host(rows),
    }
    return render(request, "instances/tabs/filesystems.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def mount_add(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask which, and where in the guest."""
    instance, actor = _instance(request, pk), actor_of(request)
    offered = FileSystem.objects.visible_to(actor).for_display().filter(project=instance.project).order_by("name", "pk")
    data = request.POST if request.method == "POST" else None
    form = MountForm(data, instance=instance, filesystems=offered[:SHOWN])

    def perform() -> Text:
        chosen, path = form.picked("filesystem"), form.cleaned_data["mount_path"]
        services.mount_add(actor=actor, instance=instance, filesystem=chosen, mount_path=path)
        return _("The guest mounts it at its next start.")

    return _dialog(request, instance, policies.ADD_MOUNT, form, perform)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def mount_edit(request: HttpRequest, pk: UUID, filesystem: UUID) -> HttpResponse:
    """Ask for another folder."""
    instance = _instance(request, pk)
    mount = _mount(instance, filesystem)
    given = {"mount_path": mount.mount_path}
    form = PathForm(request.POST if request.method == "POST" else None, initial=given)

    def perform() -> Text:
        path = form.cleaned_data["mount_path"]
        services.mount_edit(actor=actor_of(request), instance=instance, mount=mount, mount_path=path)
        return _("The guest mounts it there at its next start.")

    return _dialog(request, instance, policies.EDIT_MOUNT, form, perform, mount)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def mount_remove(request: HttpRequest, pk: UUID, filesystem: UUID) -> HttpResponse:
    """Ask, and mount it no more."""
    instance = _instance(request, pk)
    mount = _mount(instance, filesystem)
    form = ServiceForm(request.POST if request.method == "POST" else None)

    def perform() -> Text:
        services.mount_remove(actor=actor_of(request), instance=instance, mount=mount)
        return _("The guest mounts it no more.")

    return _dialog(request, instance, policies.REMOVE_MOUNT, form, perform, mount)


def _dialog(
    request: HttpRequest,
    instance: Instance,
    action: Action,
    form: Any,
    perform: Any,
    mount: InstanceMount | None = None,
) -> HttpResponse:
    denial = action.denial(instance, actor_of(request))
    context = {"action": action, "denial": denial, "instance": instance, "mount": mount}
    back = f"{reverse('instance-detail', args=[instance.pk])}?tab=filesystems"
    return formed(request, form, perform, "instances/mounts/ask.html", context, back=back)


def _instance(request: HttpRequest, pk: UUID) -> Instance:
    return get_object_or_404(instances_visible_to(actor_of(request)), pk=pk)


def _mount(instance: Instance, filesystem: UUID) -> InstanceMount:
    return get_object_or_404(instance.mounts.select_related("filesystem"), filesystem=filesystem)
