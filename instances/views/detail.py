"""인스턴스 상세: 기본 정보, and the tabs of this app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Origin
from cloudia.core.policy import Verdict, verdicts
from cloudia.jobs import policies as job_policies
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job
from cloudia.jobs.views import rows_about
from cloudia.ui.htmx import render_page
from cloudia.ui.requests import actor_of
from instances.models import Instance
from instances.policies import ACTIONS, EDIT, START
from instances.selectors import instances_visible_to
from instances.views.actions import DIALOGS
from instances.views.interfaces import Named


@login_required
@require_safe
def instance_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The whole page, or for a live update what stands above the tabs."""
    actor = actor_of(request)
    rows = instances_visible_to(actor).select_related(
        "image", "instance_type", "launch_template", "created_by", "guest"
    )
    instance = get_object_or_404(rows, pk=pk)
    context = {
        "instance": instance,
        "origin": Origin(instance.origin),
        "vpc": Named.of("vpc", vpc) if (vpc := instance.vpc) else None,
        "buttons": _buttons(instance, actor),
        **_trouble(instance, actor),
    }
    return render_page(request, "instances/detail.html", context, partials={"overview": "instances/_overview.html"})


@login_required
@require_safe
def instance_jobs(request: HttpRequest, pk: UUID) -> HttpResponse:
    """작업: what was done to it, newest first."""
    instance = get_object_or_404(instances_visible_to(actor_of(request)), pk=pk)
    rows = rows_about(instance, actor_of(request))
    return render(request, "instances/tabs/jobs.html", {"instance": instance, "rows": rows})


@dataclass(frozen=True, slots=True)
class Button:
    """An action of the page's head: opens a dialog, or goes to a page."""

    verdict: Verdict
    dialog: str = ""
    href: str = ""
    primary: bool = False


def _buttons(instance: Instance, actor: Actor) -> list[Button]:
    """In the order of the policies; the first that is possible stands out while the instance is stopped."""
    found = verdicts(ACTIONS, instance, actor).values()
    return [_button(verdict, instance) for verdict in found if verdict.action is EDIT or verdict.action.name in DIALOGS]


def _button(verdict: Verdict, instance: Instance) -> Button:
    if verdict.action is EDIT:
        return Button(verdict, href=reverse("instance-edit", args=[instance.pk]))
    address = reverse("instance-action", args=[verdict.action.name])
    return Button(verdict, dialog=f"{address}?id={instance.pk}", primary=verdict.action is START)


def _trouble(instance: Instance, actor: Actor) -> dict[str, Any]:
    """The last job, if it failed and nothing has happened since: why, and whether it may be tried again."""
    job = Job.objects.about("instance", instance.pk).first()
    if job is None or job.status != JobStatus.FAILED:
        return {"failed": None}
    return {"failed": job, "retry": verdicts([job_policies.RETRY], job, actor)["retry"]}
