"""디스크 of an instance: the tab, and the dialogs that attach, detach and enlarge volumes, also from their own list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.policy import Action, Verdict, verdicts
from cloudia.jobs.models import Job
from cloudia.jobs.views import started
from cloudia.ui.dialogs import Started, asked, formed
from cloudia.ui.requests import actor_of
from instances import disk_policies as policies
from instances import disk_services as services
from instances.disk_forms import AttachForm, DiskForm, ResizeForm, wished_gib
from instances.models import Instance, InstanceDisk
from instances.selectors import instances_visible_to
from storage import references
from storage.models import Volume

SHOWN = 200  # instances or volumes to choose from; more are attached from the other's page
ON_DISKS = (policies.DETACH, policies.RESIZE)


@dataclass(frozen=True, slots=True)
class Row:
    """A disk as a line of the tab."""

    disk: InstanceDisk
    verdicts: list[Verdict]


@login_required
@require_safe
def instance_disks(request: HttpRequest, pk: UUID) -> HttpResponse:
    """디스크: what is attached, in the order of the devices."""
    actor = actor_of(request)
    instance = _instance(actor, pk)
    volumes = Volume.objects.for_display().filter(attachment__instance=instance).order_by("attachment__position")
    rows = [_row(volume, actor) for volume in volumes]
    add = verdicts([policies.ADD_DISK], instance, actor)["add_disk"]
    return render(request, "instances/tabs/disks.html", {"instance": instance, "rows": rows, "add": add})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def disk_add(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give an instance a volume that is there, or a new one. A GET with values shows the form with them."""
    actor = actor_of(request)
    instance = _instance(actor, pk)
    data = request.POST if request.method == "POST" else None
    volumes = _unused(actor, instance.project)
    form = DiskForm(data, instance=instance, volumes=volumes, actor=actor, initial=request.GET.dict())

    def perform() -> Started:
        return started(_give(actor, instance, form))

    context = _context(policies.ADD_DISK, instance, actor) | _quotas(instance.project, form)
    context |= {"instance": instance}
    partials = {"disk-fields": "instances/disks/_add_fields.html"}
    return formed(request, form, perform, "instances/disks/add.html", context, back=_tab(instance), partials=partials)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def volume_attach(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a volume to one of the project's instances."""
    actor = actor_of(request)
    volume = _volume(actor, pk)
    data = request.POST if request.method == "POST" else None
    form = AttachForm(data, volume=volume, instances=_instances(actor, volume.project), actor=actor)

    def perform() -> Started:
        return started(services.disk_attach(actor=actor, instance=form.picked("instance"), volume=volume))

    context = _context(policies.ATTACH, volume, actor) | {"volume": volume}
    return formed(request, form, perform, "instances/disks/attach.html", context, back=reverse("volume-list"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def volume_detach(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and take a volume away from its instance."""
    actor = actor_of(request)
    volume = _volume(actor, pk)

    def perform() -> Started:
        return started(services.disk_detach(actor=actor, volume=volume))

    disk = policies.attachment_of(volume)
    back = _tab(disk.instance) if disk else reverse("volume-list")
    template = "instances/disks/detach.html"
    return asked(request, volume, policies.DETACH, perform, icon="database", back=back, template=template)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def volume_resize(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask how large a volume shall be, and enlarge it."""
    actor = actor_of(request)
    volume = _volume(actor, pk)
    disk = policies.attachment_of(volume)
    given = {"size_gib": volume.size_gib + 10, **request.GET.dict()}
    form = ResizeForm(request.POST if request.method == "POST" else None, initial=given)

    def perform() -> Started:
        size_gib = form.cleaned_data["size_gib"]
        return started(services.volume_resize(actor=actor, volume=volume, size_gib=size_gib))

    context = _context(policies.RESIZE, volume, actor) | _quotas(volume.project, form, volume.size_gib)
    context |= {"volume": volume, "disk": disk}
    partials = {"resize-fields": "instances/disks/_resize_fields.html"}
    back = _tab(disk.instance) if disk else reverse("volume-list")
    return formed(request, form, perform, "instances/disks/resize.html", context, back=back, partials=partials)


def _give(actor: Actor, instance: Instance, form: DiskForm) -> Job:
    if form.makes:
        name, size_gib = form.cleaned_data["name"], form.cleaned_data["size_gib"]
        return services.disk_create(actor=actor, instance=instance, name=name, size_gib=size_gib)
    return services.disk_attach(actor=actor, instance=instance, volume=form.picked("volume"))


def _row(volume: Volume, actor: Actor) -> Row:
    return Row(policies.attachment_of(volume), list(verdicts(ON_DISKS, volume, actor).values()))


def _context(action: Action, row: Any, actor: Actor) -> dict[str, Any]:
    return {"action": action, "denial": action.denial(row, actor)}


def _quotas(project: Project, form: Any, now: int = 0) -> dict[str, Any]:
    """How far the project's quotas are used up, and how much more the form asks for."""
    more = max(0, wished_gib(form) - now)
    return {"count": quotas.level(project, "volumes"), "room": quotas.level(project, "volume_gib"), "more_gib": more}


def _instance(actor: Actor, pk: UUID) -> Instance:
    return get_object_or_404(instances_visible_to(actor).select_related("image__storage_domain"), pk=pk)


def _volume(actor: Actor, pk: UUID) -> Volume:
    return get_object_or_404(Volume.objects.visible_to(actor).for_display(), pk=pk)


def _instances(actor: Actor, project: Project) -> list[Instance]:
    """What a volume of the project can go to, or could."""
    rows = Instance.objects.visible_to(actor).for_policies().filter(project=project).order_by("name", "pk")
    found = rows.select_related("image__storage_domain").prefetch_related("disks")
    return list(found[:SHOWN])


def _unused(actor: Actor, project: Project) -> list[Volume]:
    """What an instance of the project can be given, or could."""
    rows = Volume.objects.visible_to(actor).for_display().filter(project=project, attachment=None)
    found = list(rows.order_by("name", "pk")[:SHOWN])
    references.fill(found)
    return found


def _tab(instance: Instance) -> str:
    return f"{reverse('instance-detail', args=[instance.pk])}?tab=disks"
