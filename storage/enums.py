"""Kinds of storage, and what becomes of what lies in it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from cloudia.core.display import DisplayState


class DomainKind(models.TextChoices):
    """Where a storage domain's files are; :mod:`storage.kinds` says what each can do."""

    DIR = "dir", _("Local directory")
    SHARED_DIR = "shared_dir", _("Shared directory")  # a path that every attached host mounts
    NFS = "nfs", "NFS"
    LVM = "lvm", "LVM"
    RBD = "rbd", "Ceph RBD"


class Media(models.TextChoices):
    """디스크 유형: what the files lie on, as the operator states it."""

    SSD = "ssd", "SSD"
    HDD = "hdd", "HDD"


class ImageStatus(models.TextChoices):
    """Whether instances can be made from an image."""

    UPLOADING = "uploading", _("Uploading")  # its file is coming in piece by piece
    IMPORTING = "importing", _("Importing")  # it is being fetched, examined, converted
    AVAILABLE = "available", _("Available")
    FAILED = "failed", _("Failed")


class VolumeStatus(models.TextChoices):
    """Whether a volume's disk is there."""

    CREATING = "creating", _("Creating")
    AVAILABLE = "available", _("Available")
    FAILED = "failed", _("Failed")


class FileSystemKind(models.TextChoices):
    """How a file system comes into a guest."""

    NFS = "nfs", "NFS"  # over the guest's own network
    VIRTIOFS = "virtiofs", "VIRTIOFS"  # a folder of the host


class StrayKind(models.TextChoices):
    """Where files and rows disagree."""

    ORPHAN = "orphan", _("Left over")  # a file named like ours that no row owns
    MISSING = "missing", _("File missing")  # a row whose file is not there
    FOREIGN = "foreign", _("Not ours")  # a file that we never make; it is never deleted


# What people see.
AVAILABLE = DisplayState("available", _("Available"), "circle-check", "ok")
UPLOADING = DisplayState("uploading", _("Uploading"), "upload", "busy")
IMPORTING = DisplayState("importing", _("Importing"), "loader-2", "busy")
CREATING = DisplayState("creating", _("Creating"), "loader-2", "busy")
IN_USE = DisplayState("in_use", _("In use"), "link", "ok")
FAILED = DisplayState("failed", _("Failed"), "alert-circle", "bad")
BY_IMAGE_STATUS: dict[str, DisplayState] = {
    ImageStatus.UPLOADING: UPLOADING,
    ImageStatus.IMPORTING: IMPORTING,
    ImageStatus.AVAILABLE: AVAILABLE,
    ImageStatus.FAILED: FAILED,
}
BY_VOLUME_STATUS: dict[str, DisplayState] = {
    VolumeStatus.CREATING: CREATING,
    VolumeStatus.AVAILABLE: AVAILABLE,
    VolumeStatus.FAILED: FAILED,
}
