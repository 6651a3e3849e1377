"""Volumes: disks of their own lifecycle."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project, User
from cloudia.core.display import DisplayState
from cloudia.core.policy import Text
from cloudia.jobs.models import Lockable
from storage import references
from storage.enums import BY_VOLUME_STATUS, IN_USE, VolumeStatus
from storage.models.base import GIB, Stored
from storage.models.domains import StorageDomain
from storage.models.images import Image
from storage.querysets import VolumeQuerySet


class Volume(Stored, Lockable):
    """블록 스토리지: a disk of its own lifecycle."""

    PREFIX = "vol"

    name = models.CharField(_("name"), max_length=128)
    description = models.CharField(_("description"), max_length=255, blank=True)
    project = models.ForeignKey(Project, models.PROTECT, related_name="volumes", verbose_name=_("project"))
    storage_domain = models.ForeignKey(
        StorageDomain, models.PROTECT, related_name="volumes", verbose_name=_("storage domain")
    )
    image = models.ForeignKey(
        Image, models.PROTECT, null=True, blank=True, related_name="clones", verbose_name=_("image")
    )
    size_gib = models.PositiveIntegerField(_("size (GiB)"))
    status = models.CharField(
        _("status"), max_length=16, choices=VolumeStatus, default=VolumeStatus.AVAILABLE, editable=False
    )
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = VolumeQuerySet.as_manager()

    class Meta:
        verbose_name = _("volume")
        verbose_name_plural = _("volumes")
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["project", "-created_at", "-id"], name="volume_newest")]

    def __str__(self) -> str:
        return self.name

    @property
    def volume_name(self) -> str:
        """블록 디바이스 이름: its name in the pool."""
        return str(self.pk)

    @property
    def size_bytes(self) -> int:
        """What a guest sees of it."""
        return self.size_gib * GIB

    @property
    def format(self) -> str:
        """Of its file: as its storage domain keeps volumes."""
        return self.storage_domain.traits.format

    @property
    def state(self) -> str:
        """What policies ask about."""
        return self.status

    @property
    def state_label(self) -> Text:
        """What policies say about it."""
        return self.display_state.label

    @property
    def display_state(self) -> DisplayState:
        """The status that people see: the job's label while there is one; in use when something depends on it."""
        if (job := self.current_job) and job.is_active:
            operation = job.operation
            return DisplayState(
                operation.transition_code, operation.transition, "loader-2", "busy", progress=job.progress
            )
        if self.status == VolumeStatus.AVAILABLE and references.holders_of(self):
            return IN_USE
        return BY_VOLUME_STATUS[self.status]
