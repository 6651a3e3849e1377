"""One delivery of one job, as its steps see it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from django.db import close_old_connections, connection
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Text
from cloudia.core.text import in_every_language
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job, JobStep
from cloudia.jobs.operation import Cancelled

LEASE = timedelta(seconds=12)  # a dead worker's job is free after this; three heartbeats may be late
HEARTBEAT_S = 4.0


class LeaseLost(BaseException):
    """This worker was too slow and another one has the job: stop without writing. Not an Exception on purpose:
    no step may swallow it."""


class Run:
    """The job in the hands of one worker: progress, notes, and the fence that keeps a late worker from writing."""

    def __init__(self, job: Job, worker: str) -> None:
        self.job = job
        self.worker = worker
        self.step_row: JobStep | None = None
        self.lost = threading.Event()

    def write(self, **values: Any) -> None:
        """Update the job, if it is still ours; raises LeaseLost if not."""
        if self.lost.is_set() or not Job.objects.filter(pk=self.job.pk, lease_owner=self.worker).update(**values):
            self.lost.set()
            raise LeaseLost
        for name, value in values.items():
            setattr(self.job, name, value)

    def progress(self, percent: int | None) -> None:
        """Show how far the job is; None when that can't be known."""
        if percent != self.job.progress:
            self.write(progress=percent)

    def note(self, text: str) -> None:
        """Add a line to the current step: what was done, as the equivalent command, or what was found."""
        row = self.current_step
        if text not in row.detail.splitlines():
            row.detail = f"{row.detail}\n{text}".strip()
            row.save(update_fields=["detail"])

    def say(self, message: Text) -> None:
        """Tell what came of the current step, in every language."""
        row = self.current_step
        row.texts = in_every_language(message)
        row.save(update_fields=["texts"])

    @property
    def current_step(self) -> JobStep:
        """The row of the step that is running."""
        if self.step_row is None:
            raise RuntimeError("no step is running")
        return self.step_row

    @property
    def step_started_at(self) -> datetime:
        """When the current step first began, in whichever delivery that was."""
        return self.current_step.started_at

    def check_cancelled(self) -> None:
        """Raise Cancelled if somebody asked for it. Called between steps, and inside long ones."""
        if self.lost.is_set():
            raise LeaseLost
        if Job.objects.filter(pk=self.job.pk, status=JobStatus.CANCELLING).exists():
            self.job.status = JobStatus.CANCELLING
            raise Cancelled(_("Cancelled on request."))


class Heartbeat:
    """Renews the lease of a run from a thread of its own while the ``with`` block lasts."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{run.job.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        try:
            while not self._stop.wait(HEARTBEAT_S):
                self._renew()
        finally:
            connection.close()

    def _renew(self) -> None:
        close_old_connections()
        rows = Job.objects.filter(pk=self.run.job.pk, lease_owner=self.run.worker)
        try:
            renewed = rows.update(lease_until=Now() + LEASE)
        except Exception:  # the database is away: the lease tells, the next beat tries again
            return
        if not renewed:
            self.run.lost.set()
