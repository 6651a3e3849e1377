"""States of a job and of its steps: value, label, icon and tone in one declaration."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Shown(models.TextChoices):
    """How a status looks; the enums below are made from it."""

    @property
    def icon(self) -> str:
        """Name in the icon sprite."""
        return ICONS[self.value]

    @property
    def tone(self) -> str:
        """One of the UI's tones."""
        return TONES[self.value]


class JobStatus(Shown):
    """Where a job stands. The first three are active: the job holds its locks."""

    PENDING = "pending", _("Pending")
    RUNNING = "running", _("In progress")
    CANCELLING = "cancelling", _("Cancelling")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


ICONS = {
    "pending": "clock",
    "running": "loader-2",
    "cancelling": "loader-2",
    "succeeded": "circle-check",
    "failed": "alert-circle",
    "cancelled": "ban",
    "undone": "arrow-back-up",
}
TONES = {
    "pending": "idle",
    "running": "busy",
    "cancelling": "warn",
    "succeeded": "ok",
    "failed": "bad",
    "cancelled": "idle",
    "undone": "idle",
}
ACTIVE = frozenset({JobStatus.PENDING, JobStatus.RUNNING, JobStatus.CANCELLING})
FINISHED = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})

# Where each status may go; anything else is a bug (the idea of MAAS's NODE_TRANSITIONS).
TRANSITIONS: dict[str, frozenset[str]] = {
    JobStatus.PENDING: frozenset({JobStatus.RUNNING, JobStatus.CANCELLING, JobStatus.FAILED}),
    JobStatus.RUNNING: frozenset({JobStatus.CANCELLING, JobStatus.SUCCEEDED, JobStatus.FAILED}),
    JobStatus.CANCELLING: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.SUCCEEDED, JobStatus.FAILED}),
    JobStatus.FAILED: frozenset({JobStatus.PENDING}),  # retry
    JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),  # retry
    JobStatus.SUCCEEDED: frozenset(),
}


class StepStatus(Shown):
    """Where one step stands; ``UNDONE`` after its undo ran."""

    RUNNING = "running", _("In progress")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    UNDONE = "undone", _("Undone")
