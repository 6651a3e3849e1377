"""What all of storage has in common."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

GIB = 2**30


class Stored(models.Model):
    """An id, a readable one, and a time. What libvirt keeps of it is named by the id."""

    PREFIX: ClassVar[str]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        abstract = True

    @property
    def short_id(self) -> str:
        """A readable id."""
        return f"{self.PREFIX}-{self.id.hex[:8]}"
