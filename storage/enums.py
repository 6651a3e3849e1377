"""Kinds of storage."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class DomainKind(models.TextChoices):
    """Where a storage domain's files are. Others come with their tests."""

    DIR = "dir", _("Local directory")
    SHARED_DIR = "shared_dir", _("Shared directory")  # a path that every attached host mounts


class Media(models.TextChoices):
    """디스크 유형: what the files lie on, as the operator states it."""

    SSD = "ssd", "SSD"
    HDD = "hdd", "HDD"


class ImageStatus(models.TextChoices):
    """Whether instances can be made from an image."""

    IMPORTING = "importing", _("Importing")
    AVAILABLE = "available", _("Available")
    FAILED = "failed", _("Failed")
