"""What lies in storage domains without belonging to a row, and rows without what should lie there."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from storage.enums import StrayKind
from storage.models.domains import StorageDomain

LEAST_AGE = timedelta(hours=1)  # a file must have been seen without a row for so long before it may be deleted


class StrayFile(models.Model):
    """A file (or a row without one) as :mod:`storage.garbage` found it; gone from here when it is put right."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    domain = models.ForeignKey(StorageDomain, models.CASCADE, related_name="strays")
    kind = models.CharField(_("kind"), max_length=16, choices=StrayKind)
    name = models.CharField(_("name"), max_length=255)  # in the pool
    size_bytes = models.BigIntegerField(default=0)  # what it takes
    # Of a row without a file: whose it is.
    holder_type = models.CharField(max_length=32, blank=True)
    holder_id = models.CharField(max_length=64, blank=True)
    holder_name = models.CharField(max_length=128, blank=True)
    seen_at = models.DateTimeField(_("since"), default=timezone.now)  # first seen so

    class Meta:
        verbose_name = _("stray file")
        verbose_name_plural = _("stray files")
        ordering = ["kind", "-size_bytes", "name"]
        constraints = [models.UniqueConstraint(fields=["domain", "name"], name="stray_file_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_old_enough(self) -> bool:
        """Whether it was seen without a row for long enough."""
        return self.seen_at <= timezone.now() - LEAST_AGE

    @property
    def is_deletable(self) -> bool:
        """Whether an operator may choose it."""
        return self.kind == StrayKind.ORPHAN and self.is_old_enough
