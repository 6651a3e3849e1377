"""인스턴스 상세: 기본 정보, and the tabs of this app."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from cloudia.accounts.actor import Actor
from cloudia.core.policy import verdicts
from cloudia.jobs import policies as job_policies
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job
from cloudia.ui.htmx import render_page
from cloudia.ui.requests import actor_of
from instances.models import Instance
from instances.policies import ACTIONS
from instances.selectors import instances_visible_to

RECENT_JOBS = 50


@login_required
@require_safe
def instance_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The whole page, or for a live update what stands above the tabs."""
    actor = actor_of(request)
    rows = instances_visible_to(actor).select_related("image", "instance_type", "created_by")
    instance = get_object_or_404(rows, pk=pk)
    context = {"instance": instance, "verdicts": verdicts(ACTIONS, instance, actor), **_trouble(instance, actor)}
    return render_page(request, "instances/detail.html", context, partials={"overview": "instances/_overview.html"})


@login_required
@require_safe
def instance_disks(request: HttpRequest, pk: UUID) -> HttpResponse:
    """디스크: what is attached, in the order of the devices."""
    instance = get_object_or_404(instances_visible_to(actor_of(request)), pk=pk)
    disks = instance.disks.select_related("volume__storage_domain").order_by("position")
    return render(request, "instances/tabs/disks.html", {"instance": instance, "disks": disks})


@login_required
@require_safe
def instance_jobs(request: HttpRequest, pk: UUID) -> HttpResponse:
    """작업: what was done to it, newest first."""
    instance = get_object_or_404(instances_visible_to(actor_of(request)), pk=pk)
    jobs = Job.objects.about("instance", pk).select_related("requested_by")[:RECENT_JOBS]
    return render(request, "instances/tabs/jobs.html", {"instance": instance, "jobs": jobs})


def _trouble(instance: Instance, actor: Actor) -> dict[str, Any]:
    """The last job, if it failed and nothing has happened since: why, and whether it may be tried again."""
    job = Job.objects.about("instance", instance.pk).first()
    if job is None or job.status != JobStatus.FAILED:
        return {"failed": None}
    return {"failed": job, "retry": verdicts([job_policies.RETRY], job, actor)["retry"]}
