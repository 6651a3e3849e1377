"""Doing a job's work at once, for commands that wait for it: the same steps, whoever takes them."""

from __future__ import annotations

import time

from django.core.management.base import CommandError

from cloudia.jobs.models import Job
from cloudia.jobs.runner import run_job

TICK_S = 0.2


def finish(job: Job) -> None:
    """Return when the job is done, here or by a worker that was faster. Raises CommandError if it failed."""
    while job.is_active:
        run_job(str(job.pk))
        job.refresh_from_db()
        if job.is_active:
            time.sleep(TICK_S)
    if job.error_code:
        raise CommandError(job.error_detail)
