"""작업 현황: every long operation, its timeline, and asking for it to be cancelled or tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts.actor import Actor
from cloudia.core.errors import CloudiaError
from cloudia.core.policy import ActionDenied, Holder, Verdict, verdicts
from cloudia.jobs import policies, services
from cloudia.jobs.enums import ACTIVE, JobStatus, StepStatus
from cloudia.jobs.filtersets import JobFilter, kind_choices
from cloudia.jobs.models import Job, JobQuerySet, JobStep
from cloudia.jobs.selectors import active_jobs
from cloudia.ui.dialogs import Started, notice
from cloudia.ui.filters import is_filtered, select
from cloudia.ui.htmx import details, refused, render_page, toast
from cloudia.ui.links import Link, holder_link
from cloudia.ui.listing import listing
from cloudia.ui.requests import actor_of, project_of

SORTS = {name: name for name in ("created_at", "kind", "target_name", "status")}
FILTERS = ("search", "status", "kind", "mine", "scope")
EVERYWHERE = "all"
RECENT = 50  # jobs on the page of what they are about
NO_PROJECT = Q(project=None)  # about hosts; only operators see these

Service: TypeAlias = Callable[..., None]
SERVICES: dict[str, Service] = {"cancel": services.job_cancel, "retry": services.job_retry}


@login_required
@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    """Jobs of every project of the reader, newest first."""
    actor = actor_of(request)
    found = listing(request, _wanted(request), sorts=SORTS, default="-created_at")
    context = {
        "listing": found,
        "rows": [row_of(job, actor) for job in found.page],
        "statuses": select("status", _("Status"), JobStatus.choices, request.GET),
        "kinds": select("kind", _("Kind"), kind_choices(), request.GET),
        "filtered": is_filtered(request.GET, FILTERS),
        "counts": _visible(request)
        .order_by()
        .aggregate(
            active=Count("pk", filter=Q(status__in=ACTIVE)), failed=Count("pk", filter=Q(status=JobStatus.FAILED))
        ),
    }
    return render_page(request, "jobs/list.html", context, partials={"jobs": "jobs/_results.html"})


@login_required
@require_safe
def job_row(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One line of the list, as it is now."""
    return render(request, "jobs/_row.html", {"row": row_of(_job(request, pk), actor_of(request))})


@login_required
@require_safe
def job_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The timeline of a job; for a live update only what changes."""
    job, actor = _job(request, pk), actor_of(request)
    context = {"row": row_of(job, actor), "job": job, "steps": timeline(job), "locks": job.locks.all()}
    return render_page(request, "jobs/detail.html", context, partials={"job": "jobs/_job.html"})


@login_required
@require_safe
def job_toast(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The notice that follows a job."""
    job = _job(request, pk)
    ended = "ok" if job.status == JobStatus.SUCCEEDED else "bad"
    context = {
        "job": job,
        "tone": "busy" if job.is_active else ended,
        "detail": job.error_detail or job.get_status_display(),
        "live": f"job:{job.pk}" if job.is_active else "",
    }
    return render(request, "jobs/_toast.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def job_action(request: HttpRequest, pk: UUID, name: str) -> HttpResponse:
    """Ask (GET) or do (POST): cancel, retry."""
    job, actor = _job(request, pk), actor_of(request)
    verdict = verdicts(policies.ACTIONS, job, actor).get(name)
    if verdict is None:
        raise Http404
    if request.method != "POST":
        return render(request, "jobs/ask.html", {"job": job, "action": verdict.action, "denial": verdict.denial})
    try:
        SERVICES[name](actor=actor, job=job)
    except ActionDenied as error:
        return refused(error.denial)
    except CloudiaError as error:
        return toast(HttpResponse(status=409), error.message, tone="bad")
    if not details(request):
        return redirect("job-detail", pk)
    words = gettext("Cancelling: %(job)s") if name == "cancel" else gettext("Trying again: %(job)s")
    return job_accepted(words % {"job": job}, job)


def job_accepted(text: str, job: Job) -> HttpResponse:
    """The answer to a dialog: a notice that follows the job."""
    return notice(started(job, text))


def started(job: Job, text: str = "") -> Started:
    """What a dialog says of a job that it has started."""
    return Started(
        text or gettext("Accepted: %(job)s") % {"job": job},
        reverse("job-detail", args=[job.pk]),
        gettext("Open job"),
        live=f"job:{job.pk}",
        refresh=reverse("job-toast", args=[job.pk]),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A status as the ``state`` tag wants it."""

    label: str
    icon: str
    tone: str
    progress: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A job as its pages show it."""

    job: Job
    state: Shown
    target: Link | None
    verdicts: dict[str, Verdict]

    @property
    def took(self) -> timedelta | None:
        """How long it has run, or ran."""
        return (self.job.finished_at or timezone.now()) - self.job.started_at if self.job.started_at else None

    @property
    def step_label(self) -> str:
        """What it is doing, or was doing when it stopped."""
        unfinished = self.job.step and self.job.status != JobStatus.SUCCEEDED
        return str(self.job.operation.step_label(self.job.step)) if unfinished else ""

    @property
    def offer(self) -> Verdict | None:
        """The one button of a list's row: cancel while it goes on, else retry; none where neither could ever be."""
        if self.job.is_active:
            return self.verdicts["cancel"] if self.job.operation.cancellable else None
        return self.verdicts["retry"] if self.job.status != JobStatus.SUCCEEDED else None


def row_of(job: Job, actor: Actor) -> Row:
    """The row of one job for one reader."""
    status = JobStatus(job.status)
    shown = Shown(str(status.label), status.icon, status.tone, job.progress if job.is_active else None)
    target = holder_link(Holder(job.target_type, str(job.target_id), job.target_name))
    return Row(job, shown, target, verdicts(policies.ACTIONS, job, actor))


def rows_about(obj: Any, actor: Actor) -> list[Row]:
    """What was done to something, newest first, as far as the reader may know of it."""
    jobs = Job.objects.visible_to(actor).about(obj._meta.model_name, obj.pk).select_related("requested_by")
    return [row_of(job, actor) for job in jobs[:RECENT]]


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """A step that ran, or one that is still to come (without ``row``)."""

    label: str
    icon: str
    tone: str
    row: JobStep | None = None

    @property
    def took(self) -> timedelta | None:
        """How long it has run, or ran."""
        return (self.row.finished_at or timezone.now()) - self.row.started_at if self.row else None


def timeline(job: Job) -> list[TimelineStep]:
    """What was done, in order, and what is still to be done."""
    ran = {row.name: row for row in job.steps.all()}
    steps = [_ran(job, row) for row in ran.values()]
    if job.is_active and not job.error_code:
        coming = [step for step in job.operation(job).steps if step.name not in ran]
        steps += [TimelineStep(str(step.label), "circle-dashed", "idle") for step in coming]
    return steps


def _ran(job: Job, row: JobStep) -> TimelineStep:
    status = StepStatus(row.status)
    return TimelineStep(str(job.operation.step_label(row.name)), status.icon, status.tone, row)


def _visible(request: HttpRequest) -> JobQuerySet:
    """Jobs of the current project and of none; with ``scope=all`` of every project that the reader may see."""
    rows = Job.objects.visible_to(actor_of(request)).select_related("requested_by", "project")
    return rows if request.GET.get("scope") == EVERYWHERE else rows.filter(Q(project=project_of(request)) | NO_PROJECT)


def _wanted(request: HttpRequest) -> JobQuerySet:
    rows = _visible(request)
    if request.GET.get("mine"):
        rows = rows.filter(requested_by=actor_of(request).user)
    wanted: JobQuerySet = JobFilter(request.GET, queryset=rows).qs
    return wanted


def _job(request: HttpRequest, pk: UUID) -> Job:
    rows = Job.objects.visible_to(actor_of(request)).select_related("requested_by", "project")
    return get_object_or_404(rows, pk=pk)


def active_badge(request: HttpRequest) -> str | None:
    """Beside the menu's entry: how many jobs of the current project go on now."""
    project = project_of(request)
    n = active_jobs(actor_of(request), project.pk) if project else 0
    return gettext("%(n)s in progress") % {"n": n} if n else None
