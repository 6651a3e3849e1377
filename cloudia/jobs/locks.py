"""Taking and giving back the locks of a job, together with the ``current_job`` that mirrors them."""

from __future__ import annotations

from collections.abc import Iterable

from django.apps import apps
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cloudia.core.policy import ActionDenied, Denial
from cloudia.jobs.models import Job, JobLock, Lockable


def busy(job: Job) -> Denial:
    """The refusal that names the job in the way."""
    message = _("“%(job)s” is in progress. Try again when it has finished.") % {"job": job.label}
    return Denial("busy", message, holder=job.as_holder)


def acquire(job: Job, rows: Iterable[Lockable]) -> None:
    """Hold ``rows`` for ``job``. Inside a transaction; raises ActionDenied(busy) if another job has one of them."""
    for row in sorted(rows, key=lambda row: row.lock_name):  # one order for all, so that two jobs never deadlock
        try:
            with transaction.atomic():
                JobLock.objects.create(resource=row.lock_name, job=job)
        except IntegrityError:
            lock = JobLock.objects.filter(resource=row.lock_name).select_related("job").first()
            raise ActionDenied(busy(lock.job if lock else job)) from None
        type(row)._default_manager.filter(pk=row.pk).update(current_job=job)
        row.current_job = job


def release(job: Job) -> None:
    """Give back everything ``job`` holds. Inside the transaction that ends it."""
    job.locks.all().delete()
    for model in apps.get_models():
        if issubclass(model, Lockable):
            model._default_manager.filter(current_job=job).update(current_job=None)
