"""Who may cancel a job or have it tried again."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Action, Denial
from cloudia.jobs.enums import JobStatus


def can_be_cancelled(job: Any, actor: Any) -> Denial | None:
    """Only operations that can stop half-way and clean up after themselves."""
    if not job.operation.cancellable:
        return Denial("not_cancellable", gettext("This kind of job can't be cancelled once it has begun."))
    return None


def can_be_repeated(job: Any, actor: Any) -> Denial | None:
    """Not what was done in part: what is still wanted is another request."""
    if not job.operation.repeatable:
        message = gettext("Some of it may be done. Ask anew for what is still missing.")
        return Denial("not_repeatable", message)
    return None


def target_gone() -> Denial:
    """A job can't be tried again on something that was deleted."""
    return Denial("target_gone", gettext("What this job was about no longer exists."))


CANCEL = Action(
    name="cancel",
    label=_("Cancel"),
    permission="operate",
    states=frozenset({JobStatus.PENDING, JobStatus.RUNNING}),
    states_label=_("pending or in progress"),
    rules=[can_be_cancelled],
    confirm=_("Cancel this job?"),
    icon="ban",
)
RETRY = Action(
    name="retry",
    label=_("Retry"),
    permission="operate",
    states=frozenset({JobStatus.FAILED, JobStatus.CANCELLED}),
    states_label=_("failed or cancelled"),
    rules=[can_be_repeated],
    confirm=_("Try this job again?"),
    icon="refresh",
)
ACTIONS = (CANCEL, RETRY)
