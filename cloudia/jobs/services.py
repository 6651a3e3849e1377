"""What may be asked of jobs: enqueue, cancel, retry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.utils import timezone
from django_q.tasks import async_task

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.policy import ActionDenied
from cloudia.jobs import locks, policies
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job, Lockable
from cloudia.jobs.operation import Operation


def job_enqueue(
    *,
    operation: type[Operation],
    target: Lockable,
    actor: Actor,
    params: dict[str, Any],
    also_lock: Iterable[Lockable] = (),
) -> Job:
    """Record a job for ``target``, take its locks and put it on the queue, all in the caller's transaction.

    Raises ActionDenied(busy) if a lock is held. The ORM broker's row is part of the transaction: a rollback leaves
    neither job nor queue row.
    """
    job = Job.objects.create(
        kind=operation.kind,
        project=getattr(target, "project", None),
        requested_by=None if actor.user._state.adding else actor.user,  # the shell's actor has no row
        origin=actor.origin,
        target_type=str(target._meta.model_name),
        target_id=target.pk,
        target_name=str(target),
        params=params,
    )
    locks.acquire(job, [target, *also_lock])
    job_deliver(job)
    return job


def job_deliver(job: Job) -> None:
    """Put a note on the queue to look at this job. Harmless if there is one already."""
    async_task("cloudia.jobs.runner.run_job", str(job.pk))


@audited("job.cancel", target="job")
def job_cancel(*, actor: Actor, job: Job) -> None:
    """Ask a job to stop. It undoes what it did and ends as cancelled; raises ActionDenied if it can't."""
    row = Job.objects.select_for_update().get(pk=job.pk)
    policies.CANCEL.check(row, actor)
    row.status = JobStatus.CANCELLING
    row.save(update_fields=["status"])
    if row.lease_until is None:
        Job.objects.filter(pk=row.pk).update(resume_at=None)
        job_deliver(row)


@audited("job.retry", target="job")
def job_retry(*, actor: Actor, job: Job) -> None:
    """Run a failed or cancelled job again from its first step, with the locks it needs; raises ActionDenied."""
    row = Job.objects.select_for_update().get(pk=job.pk)
    policies.RETRY.check(row, actor)
    target = job_target(row, lock=True)
    if target is None:
        raise ActionDenied(policies.target_gone())
    operation = row.operation(row)
    operation.reopen(actor)
    row.steps.all().delete()
    row.status, row.error_code, row.error_texts, row.progress = JobStatus.PENDING, "", {}, None
    row.finished_at = row.resume_at = row.lease_until = None
    row.retries = row.interruptions = 0
    row.lease_owner, row.queued_at = "", timezone.now()
    row.save()
    locks.acquire(row, [target, *operation.also_lock(target)])
    job_deliver(row)


def job_target(job: Job, *, lock: bool = False) -> Lockable | None:
    """The row a job is about, or None if it is gone."""
    for model in apps.get_models():
        if issubclass(model, Lockable) and model._meta.model_name == job.target_type:
            rows = model._default_manager.select_for_update() if lock else model._default_manager.all()
            return rows.filter(pk=job.target_id).first()
    return None
