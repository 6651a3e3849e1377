"""Whether anybody runs jobs: asked by putting a note on the queue, which is the only way to know."""

from __future__ import annotations

import time
import uuid

from django.conf import settings
from django_q.models import OrmQ
from django_q.tasks import async_task

from cloudia.jobs.cluster import busy_workers

POLL_S = 0.1


def workers_answer(timeout_s: float = 5.0) -> bool:
    """Whether a worker takes a note within ``timeout_s``, or all of this host are busy."""
    task = async_task("cloudia.jobs.runner.run_job", str(uuid.uuid4()))  # no such job: nothing is done
    row = next(row for row in OrmQ.objects.order_by("-pk") if row.task_id() == task)
    deadline = time.monotonic() + timeout_s
    while OrmQ.objects.filter(pk=row.pk).exists():
        if time.monotonic() > deadline:
            row.delete()
            return busy_workers() >= settings.CLOUDIA_WORKERS
        time.sleep(POLL_S)
    return True
