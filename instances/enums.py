"""What an instance is wished to be, what it was seen to be, and what its status says to people."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from cloudia.core.display import DisplayState


class DesiredState(models.TextChoices):
    """What the user asked for."""

    RUNNING = "running", _("Running")
    STOPPED = "stopped", _("Stopped")


class PowerState(models.TextChoices):
    """What was seen on the host; written only by the watcher and by jobs that have just looked."""

    ABSENT = "absent", _("Not on its host")  # not made yet, or gone
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    STOPPED = "stopped", _("Stopped")
    CRASHED = "crashed", _("Crashed")


class AffinityPolicy(models.TextChoices):
    """규칙: where the members of an affinity group shall run."""

    AFFINITY = "affinity", _("Affinity (on the same host)")
    ANTI_AFFINITY = "anti-affinity", _("Anti-affinity (on different hosts)")


class ScriptStage(models.TextChoices):
    """실행 단계: when cloud-init runs a script. Its own names: docs/cloud-init.md."""

    BOOT = "boot", _("Boot (at the end of the first start)")
    PRE_NETWORK = "pre-network", _("Pre-network (first start, before the network)")


RUNNING = DisplayState("running", _("Running"), "player-play", "ok")
PAUSED = DisplayState("paused", _("Paused"), "player-pause", "warn")
STOPPED = DisplayState("stopped", _("Stopped"), "player-stop", "idle")
ERROR = DisplayState("error", _("Error"), "alert-circle", "bad")
UNKNOWN = DisplayState("unknown", _("Unknown"), "plug-connected-x", "warn")

BY_POWER: dict[str, DisplayState] = {
    PowerState.RUNNING: RUNNING,
    PowerState.PAUSED: PAUSED,
    PowerState.STOPPED: STOPPED,
    PowerState.CRASHED: ERROR,
    PowerState.ABSENT: ERROR,
}
