"""Whether a host takes guests, and how it runs them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from cloudia.core.display import DisplayState


class HostState(models.TextChoices):
    """What the operator wants of a host."""

    ACTIVE = "active", _("Active")
    MAINTENANCE = "maintenance", _("Maintenance")  # takes no new guests


class AcceleratorChoice(models.TextChoices):
    """``AUTO`` is KVM only if it really works there: capabilities alone can lie on nested machines."""

    AUTO = "auto", _("Automatic")
    KVM = "kvm", "KVM"
    TCG = "tcg", _("Software emulation (TCG)")


ACTIVE = DisplayState("active", HostState.ACTIVE.label, "circle-check", "ok")
IN_MAINTENANCE = DisplayState("maintenance", HostState.MAINTENANCE.label, "tool", "warn")
UNREACHABLE = DisplayState("unreachable", _("Does not answer"), "plug-connected-x", "bad")
NOT_SEEN = DisplayState("not_seen", _("Not seen yet"), "circle-dashed", "idle")
