"""왜 막혔나요?: one question about one packet, and OVN's answer."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project
from cloudia.core.querysets import ProjectQuerySet
from cloudia.jobs.models import Lockable
from networking.enums import Protocol
from networking.models.resources import NetworkInterface


class TraceQuerySet(ProjectQuerySet["Trace"]):
    """Traces belong to the project of the interface they start at."""


class Trace(Lockable):
    """A packet from an interface to an address. ``answer`` is empty until a worker has asked OVN.

    ``{"delivered": bool, "dropped_at": stage, "out": {"rule", "group"}, "in": {...}, "text": what ovn-trace said}``
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", verbose_name=_("project"))
    source = models.ForeignKey(NetworkInterface, models.CASCADE, related_name="+", verbose_name=_("source"))
    # The other end, if it is an interface of the same VPC; else only the address is known.
    destination = models.ForeignKey(NetworkInterface, models.SET_NULL, null=True, related_name="+")
    address = models.GenericIPAddressField(_("destination"), protocol="IPv4")
    protocol = models.CharField(_("protocol"), max_length=4, choices=Protocol)
    port = models.PositiveIntegerField(_("port"), null=True)
    answer = models.JSONField(default=dict, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TraceQuerySet.as_manager()

    class Meta:
        verbose_name = _("trace")
        verbose_name_plural = _("traces")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        words = [self.get_protocol_display(), self.address, str(self.port or "")]
        return f"{self.source} → {' '.join(word for word in words if word)}"
