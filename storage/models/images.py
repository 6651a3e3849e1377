"""Images, and the uploads that they come in by."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project, User
from cloudia.core.display import DisplayState
from cloudia.core.policy import Text
from cloudia.jobs.models import Lockable
from storage.enums import BY_IMAGE_STATUS, ImageStatus
from storage.models.base import GIB, Stored
from storage.models.domains import StorageDomain
from storage.querysets import ImageQuerySet


class Image(Stored, Lockable):
    """이미지: a disk that instances are cloned from. Without a project it is public."""

    PREFIX = "img"

    name = models.CharField(_("name"), max_length=128)
    description = models.CharField(_("description"), max_length=255, blank=True)
    project = models.ForeignKey(
        Project, models.CASCADE, null=True, blank=True, related_name="images", verbose_name=_("project")
    )
    storage_domain = models.ForeignKey(
        StorageDomain, models.PROTECT, related_name="images", verbose_name=_("storage domain")
    )
    os_type = models.CharField(_("operating system"), max_length=64, blank=True)
    os_version = models.CharField(_("version"), max_length=64, blank=True)
    status = models.CharField(
        _("status"), max_length=16, choices=ImageStatus, default=ImageStatus.IMPORTING, editable=False
    )
    deprecated = models.BooleanField(_("deprecated"), default=False, help_text=_("Not offered for new instances."))
    file_name = models.CharField(max_length=64, blank=True, editable=False)  # in the pool, if it is not the id
    format = models.CharField(_("format"), max_length=8, default="qcow2", editable=False)  # of the file in the pool
    virtual_bytes = models.BigIntegerField(_("virtual size"), default=0, editable=False)
    file_bytes = models.BigIntegerField(_("file size"), default=0, editable=False)
    sha256 = models.CharField(max_length=64, blank=True, editable=False)  # of what was brought in
    source_url = models.TextField(blank=True, editable=False)  # until it is fetched; may carry a signature
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = ImageQuerySet.as_manager()

    class Meta:
        verbose_name = _("image")
        verbose_name_plural = _("images")
        ordering = ["name", "-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_public(self) -> bool:
        """Whether every project may use it."""
        return self.project_id is None

    @property
    def volume_name(self) -> str:
        """Its name in the pool."""
        return self.file_name or str(self.pk)

    @property
    def minimum_gib(self) -> int:
        """The smallest boot disk that holds it, in GiB."""
        return max(1, -(-self.virtual_bytes // GIB))

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
        """The status that people see: the job's label and progress while there is one."""
        if (job := self.current_job) and job.is_active:
            operation = job.operation
            return DisplayState(
                operation.transition_code, operation.transition, "loader-2", "busy", progress=job.progress
            )
        return BY_IMAGE_STATUS[self.status]


class Upload(models.Model):
    """An image's file coming in by the tus protocol, https://tus.io/protocols/resumable-upload (1.0).

    ``head`` keeps the first bytes back from the pool until the whole was examined: without them the file is no image
    to anybody who looks, and names no other files. ``received_bytes`` counts what has safely reached the pool, the
    head included.
    """

    HEAD_BYTES = 4096

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    image = models.OneToOneField(Image, models.CASCADE, related_name="upload")
    length_bytes = models.BigIntegerField()
    received_bytes = models.BigIntegerField(default=0)
    head = models.BinaryField(default=bytes)
    checksum = models.CharField(max_length=64, blank=True)  # the SHA-256 that it must have, in hex
    # Who is writing into it now, and since when: one PATCH at a time.
    writer = models.CharField(max_length=64, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")

    def __str__(self) -> str:
        return f"{self.image} ({self.received_bytes}/{self.length_bytes})"

    @property
    def percent(self) -> int:
        """How much of it is there."""
        return 100 * self.received_bytes // self.length_bytes if self.length_bytes else 0
