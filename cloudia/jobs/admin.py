"""Operators' pages for jobs: look, cancel, retry."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.admin_base import ReadOnlyAdmin, ReadOnlyInline, service_action
from cloudia.jobs import policies, services
from cloudia.jobs.models import Job, JobStep


class StepInline(ReadOnlyInline):
    """The timeline: what was done, as the equivalent commands, and how it ended."""

    model = JobStep
    fields = ("number", "label", "status", "started_at", "finished_at", "detail")
    verbose_name_plural = _("timeline")

    @admin.display(description=_("step"))
    def label(self, step: JobStep) -> str:
        """The step for people."""
        return step.label


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Every job of the installation."""

    list_display = ("label", "target_name", "project", "status", "progress", "requested_by", "created_at", "id")
    list_filter = ("status", "kind", "project")
    list_select_related = ("project", "requested_by")
    search_fields = ("id", "target_id", "target_name", "requested_by__username")
    date_hierarchy = "created_at"
    inlines = (StepInline,)
    actions = (
        service_action(policies.CANCEL, services.job_cancel, "job"),
        service_action(policies.RETRY, services.job_retry, "job"),
    )
    fields = (
        ("label", "kind"),
        ("target_type", "target_name", "target_id"),
        ("project", "requested_by", "origin"),
        ("status", "step", "progress", "attempts"),
        ("error_code", "error_detail"),
        ("created_at", "started_at", "finished_at"),
        ("lease_owner", "lease_until", "resume_at"),
        "params",
    )

    @admin.display(description=_("job"), ordering="kind")
    def label(self, job: Job) -> str:
        """What is done, for people."""
        return job.label

    @admin.display(description=_("error"))
    def error_detail(self, job: Job) -> str:
        """What went wrong."""
        return job.error_detail

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of it; two are not columns."""
        return ("label", "error_detail")
