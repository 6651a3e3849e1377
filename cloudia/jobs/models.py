"""Job, its steps and its locks. These rows are the truth; the queue only says "look at this one"."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.enums import Origin
from cloudia.accounts.models import Project, User
from cloudia.core.policy import Holder
from cloudia.core.querysets import ProjectQuerySet
from cloudia.core.text import in_current_language
from cloudia.jobs.enums import ACTIVE, JobStatus, StepStatus


class JobQuerySet(ProjectQuerySet["Job"]):
    """Jobs of a project are visible to its members; jobs of no project to operators."""

    def active(self) -> JobQuerySet:
        """Not finished yet."""
        return self.filter(status__in=ACTIVE)

    def unclaimed(self) -> JobQuerySet:
        """Active, due, and nobody is working on it: never claimed, given back to wait, or its worker is gone."""
        return self.active().filter(
            models.Q(lease_until__isnull=True) | models.Q(lease_until__lt=Now()),
            models.Q(resume_at__isnull=True) | models.Q(resume_at__lte=Now()),
        )

    def about(self, target_type: str, target_id: Any) -> JobQuerySet:
        """Everything that was done to one object."""
        return self.filter(target_type=target_type, target_id=target_id)


class Job(models.Model):
    """One long operation. ``params`` holds ids and plain values, never secrets."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=64, editable=False)
    project = models.ForeignKey(
        Project, models.CASCADE, null=True, related_name="jobs", editable=False, verbose_name=_("project")
    )
    requested_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", editable=False, verbose_name=_("requested by")
    )
    origin = models.CharField(max_length=16, choices=Origin, default=Origin.MANUAL, editable=False)
    target_type = models.CharField(_("target type"), max_length=32, editable=False)
    target_id = models.UUIDField(_("target ID"), editable=False)
    target_name = models.CharField(_("target"), max_length=255, editable=False)
    params = models.JSONField(default=dict, editable=False)

    status = models.CharField(_("status"), max_length=16, choices=JobStatus, default=JobStatus.PENDING, editable=False)
    progress = models.PositiveSmallIntegerField(_("progress"), null=True, editable=False)  # percent; None: not known
    step = models.CharField(_("step"), max_length=128, blank=True, editable=False)
    error_code = models.CharField(_("error code"), max_length=64, blank=True, editable=False)
    error_texts = models.JSONField(_("error"), default=dict, blank=True, editable=False)  # by language code

    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, editable=False)
    retries = models.PositiveSmallIntegerField(default=0, editable=False)  # of transient errors, since the last success
    interruptions = models.PositiveSmallIntegerField(default=0, editable=False)  # workers that died on it
    lease_owner = models.CharField(max_length=128, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    resume_at = models.DateTimeField(null=True, editable=False)
    queued_at = models.DateTimeField(default=timezone.now, editable=False)

    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    started_at = models.DateTimeField(_("started at"), null=True, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, editable=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["project", "-created_at", "-id"], name="job_project_newest"),
            models.Index(fields=["target_type", "target_id", "-created_at"], name="job_target_newest"),
            models.Index(fields=["resume_at"], condition=models.Q(status__in=sorted(ACTIVE)), name="job_active"),
        ]

    def __str__(self) -> str:
        return f"{self.label} · {self.target_name}"

    @property
    def operation(self) -> Any:
        """The operation's declaration (``cloudia.jobs.operation.Operation`` subclass)."""
        from cloudia.jobs.registry import operation_of  # noqa: PLC0415  # the registry needs this module first

        return operation_of(self.kind)

    @property
    def label(self) -> str:
        """What is being done, for people: 인스턴스 생성."""
        return str(self.operation.label)

    @property
    def error_detail(self) -> str:
        """What went wrong, in the reader's language."""
        return in_current_language(self.error_texts)

    @property
    def is_active(self) -> bool:
        """Whether it still holds its locks."""
        return self.status in ACTIVE

    @property
    def state(self) -> str:
        """What policies ask about."""
        return self.status

    @property
    def state_label(self) -> str:
        """What policies say about it."""
        return self.get_status_display()

    @property
    def held_by(self) -> Holder | None:
        """Nothing holds a job."""
        return None

    @property
    def as_holder(self) -> Holder:
        """This job as the reason why something else must wait, in the reader's language of now."""
        return Holder("job", str(self.pk), self.label)


class JobStep(models.Model):
    """One step of a job; a failed job stays on the step where it stopped."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="steps")
    number = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=64)  # stable key; the label comes from the operation
    status = models.CharField(max_length=16, choices=StepStatus, default=StepStatus.RUNNING)
    detail = models.TextField(blank=True)  # the equivalent virsh commands, and what was found
    texts = models.JSONField(default=dict, blank=True)  # what came of it, by language code
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="one_row_per_step")]

    def __str__(self) -> str:
        return f"{self.number}. {self.name}"

    def close(self, status: StepStatus) -> None:
        """Record how the step ended."""
        self.status, self.finished_at = status, timezone.now()
        self.save(update_fields=["status", "finished_at"])

    @property
    def label(self) -> str:
        """The step for people."""
        return str(self.job.operation.step_label(self.name))

    @property
    def message(self) -> str:
        """What came of it, in the reader's language, where there is more to say than that it is done."""
        return in_current_language(self.texts)


class JobLock(models.Model):
    """A resource (``instance:<id>``) held by an active job. The unique key is what makes two jobs impossible."""

    resource = models.CharField(max_length=80, primary_key=True)
    job = models.ForeignKey(Job, models.CASCADE, related_name="locks")

    def __str__(self) -> str:
        return self.resource


class Lockable(models.Model):
    """A row that a job may hold. ``current_job`` mirrors its JobLock so that lists need no second query."""

    current_job = models.ForeignKey(Job, models.SET_NULL, null=True, editable=False, related_name="+")

    class Meta:
        abstract = True

    @property
    def held_by(self) -> Holder | None:
        """The running job that has this object."""
        return self.current_job.as_holder if self.current_job and self.current_job.is_active else None

    @property
    def lock_name(self) -> str:
        """The resource name of this row's lock."""
        return f"{self._meta.model_name}:{self.pk}"
