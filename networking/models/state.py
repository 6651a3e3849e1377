"""Putting networks into effect: what waits to be told to OVN, how the last telling went, and what OVN says of hosts."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloudia.core.text import in_current_language
from cloudia.hosts.models import Host

SLOW = timedelta(seconds=5)  # a change that waits longer is worth saying


class NetworkChange(models.Model):
    """Something about networks was changed and OVN may not know yet. Database triggers write these rows in the
    transaction of the change; whoever has told OVN everything they saw removes them: an outbox."""

    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S}"


class NetworkState(models.Model):
    """The one row about the whole network. ``installation`` marks OVN's rows as ours and nobody else's."""

    THE_ONE = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ONE)
    installation = models.UUIDField(default=uuid.uuid4, editable=False)
    synced_at = models.DateTimeField(_("last in agreement"), null=True, editable=False)
    problem_code = models.CharField(max_length=64, blank=True, editable=False)
    problem_texts = models.JSONField(default=dict, editable=False)  # by language code

    class Meta:
        verbose_name = _("network state")
        verbose_name_plural = _("network state")

    def __str__(self) -> str:
        return str(_("network state"))

    @classmethod
    def current(cls) -> NetworkState:
        """The row, made on first use."""
        return cls.objects.get_or_create(pk=cls.THE_ONE)[0]

    @property
    def problem(self) -> str:
        """Why OVN could not be told, in the reader's language."""
        return in_current_language(self.problem_texts)


class NetworkRepair(models.Model):
    """Drift that was found and mended: OVN said something else than the database, though nobody had asked for it."""

    at = models.DateTimeField(_("time"), default=timezone.now, editable=False, db_index=True)
    changes = models.JSONField(_("changes"), default=list, editable=False)  # texts: "~ Logical_Switch_Port … addresses"
    total = models.PositiveIntegerField(_("rows"), default=0, editable=False)  # the list above may be cut

    class Meta:
        verbose_name = _("network repair")
        verbose_name_plural = _("network repairs")
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} ({self.total})"


class HostNetwork(models.Model):
    """A host's place in the network as OVN sees it (a *chassis*); written by the watcher."""

    host = models.OneToOneField(Host, models.CASCADE, related_name="network", primary_key=True)
    chassis = models.CharField(_("chassis"), max_length=255)
    answers = models.BooleanField(_("answers"), default=True)
    userspace = models.BooleanField(
        _("userspace datapath"), default=False, help_text=_("Without the kernel module; guests compute checksums.")
    )
    physical_networks = models.JSONField(_("physical networks"), default=list)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("host's network")
        verbose_name_plural = _("hosts' networks")

    def __str__(self) -> str:
        return f"{self.host} · {self.chassis}"
