"""The one function that django-q2 runs, and how a job goes from claimed to finished."""

from __future__ import annotations

import logging
import os
import socket
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import CloudiaError, OperationFailed, TransientError
from cloudia.core.text import in_every_language
from cloudia.jobs import locks
from cloudia.jobs.enums import TRANSITIONS, JobStatus, StepStatus
from cloudia.jobs.models import Job, JobStep
from cloudia.jobs.operation import Cancelled, Operation, Step, Wait
from cloudia.jobs.run import LEASE, Heartbeat, LeaseLost, Run

log = logging.getLogger(__name__)

MAX_INTERRUPTIONS = 5  # a job that outlived so many workers probably kills them
UNDO_BACKOFF_S = (1, 2, 5, 10, 20, 30, 30, 30)  # an undo waits this long in all for a host to come back


def run_job(job_id: str) -> None:
    """Claim the job and take it as far as it goes; returns at once if another worker has it or nothing is due."""
    worker = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    if job := claim(job_id, worker):
        run = Run(job, worker)
        try:
            with Heartbeat(run):
                Delivery(run).advance()
        except LeaseLost:
            log.warning("job %s: lease lost, another worker goes on", job_id)


def claim(job_id: str, worker: str) -> Job | None:
    """Compare-and-set: of any number of deliveries, one gets the job. A lease that ran out counts as interruption."""
    claimed = (
        Job.objects.unclaimed()
        .filter(pk=job_id)
        .update(
            lease_owner=worker,
            lease_until=Now() + LEASE,
            resume_at=None,
            attempts=F("attempts") + 1,
            interruptions=F("interruptions") + Case(When(lease_until__isnull=False, then=1), default=0),
            started_at=Coalesce("started_at", Now()),
            status=Case(When(status=JobStatus.PENDING, then=Value(JobStatus.RUNNING.value)), default=F("status")),
        )
    )
    return Job.objects.select_related("project").get(pk=job_id) if claimed else None


class Delivery:
    """One worker's turn at a job: forwards through the steps, or backwards through the undos of a failed one."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.job = run.job
        self.operation: Operation = self.job.operation(self.job)

    def advance(self) -> None:
        """Go on where the rows say it stopped."""
        try:
            if self.job.error_code or not self._went_forwards():
                self._backwards()
        except Wait as wait:
            self._give_back(wait.seconds)

    def _went_forwards(self) -> bool:
        """Do the steps; False if the job failed, with the reason recorded. Raises Wait to be called again."""
        try:
            self._steps()
            self._finish(JobStatus.SUCCEEDED)
        except Wait:
            raise
        except TransientError as error:
            self._try_again(error)
        except CloudiaError as error:
            self._record(error)
        except Exception as error:
            log.exception("job %s (%s) failed", self.job.pk, self.job.kind)
            self._record(
                OperationFailed(format_lazy(_("Internal error: {name}"), name=type(error).__name__), code="internal")
            )
        return not self.job.error_code

    def _steps(self) -> None:
        if self.job.interruptions > MAX_INTERRUPTIONS:
            raise OperationFailed(_("It was interrupted too often."), code="interrupted")
        closed = {step.name for step in self.job.steps.exclude(status=StepStatus.RUNNING)}
        if not self.job.steps.exists():
            self.run.check_cancelled()
            self.operation.prepare()
        for number, step in enumerate(self.operation.steps, 1):
            if step.name not in closed:
                self.run.check_cancelled()
                self._step(number, step)
        if failed := self.job.steps.filter(status=StepStatus.FAILED).count():
            words = {"failed": failed, "all": self.job.steps.count()}
            raise OperationFailed(
                format_lazy(_("{failed} of {all} steps failed. What the others did stays."), **words),
                code="partly_done",
            )

    def _step(self, number: int, step: Step) -> None:
        row, _created = JobStep.objects.get_or_create(job=self.job, number=number, defaults={"name": step.name})
        self.run.step_row = row
        self.run.write(step=step.name)
        try:
            step.do(self.run)
        except OperationFailed as error:
            if not step.alone:
                raise
            self._undo_alone(row, step, error)
        else:
            row.close(StepStatus.SUCCEEDED)

    def _undo_alone(self, row: JobStep, step: Step, error: CloudiaError) -> None:
        self.run.say(error.message)
        if step.undo:
            self._undo(row, step.undo)
        row.close(StepStatus.FAILED)

    def _try_again(self, error: TransientError) -> None:
        """Wait and repeat the step, as often as the operation allows; then the job has failed."""
        waits = self.operation.backoff_s
        if self.job.retries >= len(waits):
            self._record(error)
            return
        if self.run.step_row:
            self.run.note(str(error))
        self.run.write(retries=self.job.retries + 1)
        raise Wait(waits[self.job.retries - 1])

    def _record(self, error: CloudiaError) -> None:
        """From here on the job only goes backwards, whoever carries it on."""
        if self.run.step_row and self.run.step_row.status == StepStatus.RUNNING:
            self.run.step_row.close(StepStatus.FAILED)
        self.run.write(error_code=error.code, error_texts=in_every_language(error.message), retries=0)

    def _backwards(self) -> None:
        """Undo every step that began, last first; raises Wait to be called again."""
        steps = {step.name: step for step in self.operation.steps}
        for row in self.job.steps.exclude(status=StepStatus.UNDONE).order_by("-number"):
            self.run.step_row = row
            step = steps.get(row.name)
            if step and step.undo and not (step.alone and row.status == StepStatus.SUCCEEDED):
                self._undo(row, step.undo)
        cancelled = self.job.error_code == Cancelled.code
        self._finish(JobStatus.CANCELLED if cancelled else JobStatus.FAILED)

    def _undo(self, row: JobStep, undo: Callable[[Run], None]) -> None:
        try:
            undo(self.run)
        except TransientError as error:
            if self.job.retries < len(UNDO_BACKOFF_S):
                self.run.write(retries=self.job.retries + 1)
                raise Wait(UNDO_BACKOFF_S[self.job.retries - 1]) from error
            self.run.note(f"not undone: {error}")
        except CloudiaError as error:
            self.run.note(f"not undone: {error}")
        else:
            if row.status == StepStatus.SUCCEEDED:
                row.close(StepStatus.UNDONE)

    def _give_back(self, seconds: float) -> None:
        """Let the worker serve others; the watcher delivers the job again when it is due."""
        self.run.write(lease_until=None, lease_owner="", resume_at=timezone.now() + timedelta(seconds=seconds))

    def _finish(self, status: JobStatus) -> None:
        """End the job, record its outcome on the target and free its locks, in one transaction."""
        with transaction.atomic():
            current = Job.objects.select_for_update().get(pk=self.job.pk)
            if current.lease_owner != self.run.worker:
                raise LeaseLost
            if status not in TRANSITIONS[current.status]:
                raise RuntimeError(f"a job can't go from {current.status} to {status}")
            if status == JobStatus.SUCCEEDED:
                self.operation.succeeded()
            else:
                self.operation.failed()
            percent = 100 if status == JobStatus.SUCCEEDED else self.job.progress
            self.run.write(status=status, progress=percent, lease_until=None, finished_at=timezone.now())
            locks.release(self.job)
