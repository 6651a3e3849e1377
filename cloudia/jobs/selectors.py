"""Reading jobs for what other pages show of them."""

from __future__ import annotations

import uuid

from cloudia.accounts.actor import Actor
from cloudia.jobs.models import Job


def active_jobs(actor: Actor, project_id: uuid.UUID) -> int:
    """How many jobs of a project go on now."""
    return Job.objects.visible_to(actor).active().filter(project_id=project_id).count()
