"""Deliveries that the queue lost or that are due again. The watcher calls this every second.

django-q2 forgets a task whose worker dies (its row stays locked for `retry` seconds), and has no delayed delivery
that is finer than a minute; so waiting jobs and stranded ones are put on the queue again from here. A delivery too
many is harmless: the claim decides.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from cloudia.jobs.models import Job
from cloudia.jobs.services import job_deliver

GRACE = timedelta(seconds=10)  # longer than a busy worker needs to take what its cluster has fetched for it


def recover() -> int:
    """Deliver again what is due or stranded; returns how many jobs that were."""
    due = Job.objects.unclaimed()
    woken = _deliver(due.filter(resume_at__isnull=False))
    lost = due.filter(resume_at__isnull=True, queued_at__lt=Now() - GRACE)
    return woken + _deliver(lost.exclude(pk__in=_waiting_in_queue()) if lost.exists() else lost)


def _deliver(jobs: QuerySet[Job]) -> int:
    with transaction.atomic():
        rows = list(jobs.select_for_update(skip_locked=True))
        for job in rows:
            Job.objects.filter(pk=job.pk).update(resume_at=None, queued_at=Now())
            job_deliver(job)
    return len(rows)


def _waiting_in_queue() -> set[str]:
    """Ids of jobs whose queue row nobody has taken yet: these only wait for their turn."""
    rows = OrmQ.objects.filter(lock__lte=Now()).values_list("payload", flat=True)
    return {str(SignedPackage.loads(payload)["args"][0]) for payload in rows}
