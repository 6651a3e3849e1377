"""Directions and protocols of security group rules."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Direction(models.TextChoices):
    """As the guest sees it."""

    IN = "in", _("Inbound")
    OUT = "out", _("Outbound")


class Protocol(models.TextChoices):
    """What a rule is about; ICMP stands for both families."""

    TCP = "tcp", "TCP"
    UDP = "udp", "UDP"
    ICMP = "icmp", "ICMP"
    ANY = "any", _("Any")

    @property
    def has_ports(self) -> bool:
        """Whether a rule of this protocol may name ports."""
        return self in {Protocol.TCP, Protocol.UDP}
