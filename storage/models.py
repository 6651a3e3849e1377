"""Storage domains, the images in them, and the volumes made from these."""

from __future__ import annotations

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project, User
from cloudia.core.querysets import ProjectQuerySet
from cloudia.hosts.models import Host
from cloudia.jobs.models import Lockable
from storage.enums import DomainKind, ImageStatus, Media


class StorageDomain(models.Model):
    """스토리지 도메인: the same libvirt pool on every attached host."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=64, unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=DomainKind, default=DomainKind.DIR)
    path = models.CharField(_("path"), max_length=512)
    media = models.CharField(_("disk type"), max_length=8, choices=Media, default=Media.SSD)
    hosts = models.ManyToManyField(Host, through="StorageAttachment", related_name="storage_domains")
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("storage domain")
        verbose_name_plural = _("storage domains")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def pool_name(self) -> str:
        """The libvirt pool's name, on each host."""
        return f"cloudia-{self.pk}"

    @property
    def held_by(self) -> None:
        """No job holds a storage domain."""
        return


class StorageAttachment(models.Model):
    """A storage domain on one host, as the watcher last saw it."""

    domain = models.ForeignKey(StorageDomain, models.CASCADE, related_name="attachments")
    host = models.ForeignKey(Host, models.CASCADE, related_name="attachments")
    active = models.BooleanField(_("active"), default=False, editable=False)
    capacity_bytes = models.BigIntegerField(default=0, editable=False)
    available_bytes = models.BigIntegerField(default=0, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("attached host")
        verbose_name_plural = _("attached hosts")
        constraints = [models.UniqueConstraint(fields=["domain", "host"], name="host_attached_once")]

    def __str__(self) -> str:
        return f"{self.domain} · {self.host}"


class ImageQuerySet(ProjectQuerySet["Image"]):
    """Public images are everybody's, the others their project's."""

    def visible_to(self, actor: Actor) -> Self:  # type: ignore[override]  # the concrete actor
        """Public ones and those of the actor's projects."""
        return self.all() if actor.is_operator else self.filter(Q(project=None) | Q(project__in=actor.project_ids))

    def usable_in(self, project: Project) -> Self:
        """What an instance of ``project`` can be made from now."""
        return self.filter(Q(project=None) | Q(project=project), status=ImageStatus.AVAILABLE, deprecated=False)


class Image(models.Model):
    """이미지: a disk that instances are cloned from. Without a project it is public."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=128)
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
    virtual_bytes = models.BigIntegerField(_("virtual size"), default=0, editable=False)
    file_bytes = models.BigIntegerField(_("file size"), default=0, editable=False)
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = ImageQuerySet.as_manager()

    class Meta:
        verbose_name = _("image")
        verbose_name_plural = _("images")
        ordering = ["name", "-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def held_by(self) -> None:
        """No job holds an image."""
        return

    @property
    def is_public(self) -> bool:
        """Whether every project may use it."""
        return self.project_id is None

    @property
    def volume_name(self) -> str:
        """Its name in the pool."""
        return str(self.pk)

    @property
    def short_id(self) -> str:
        """A readable id."""
        return f"img-{self.id.hex[:8]}"

    @property
    def minimum_gib(self) -> int:
        """The smallest boot disk that holds it, in GiB."""
        return max(1, -(-self.virtual_bytes // 2**30))


class VolumeQuerySet(ProjectQuerySet["Volume"]):
    """Volumes belong to a project."""


class Volume(Lockable):
    """블록 스토리지: a disk of its own lifecycle."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=128)
    project = models.ForeignKey(Project, models.PROTECT, related_name="volumes", verbose_name=_("project"))
    storage_domain = models.ForeignKey(
        StorageDomain, models.PROTECT, related_name="volumes", verbose_name=_("storage domain")
    )
    image = models.ForeignKey(Image, models.PROTECT, null=True, related_name="clones", verbose_name=_("image"))
    size_gib = models.PositiveIntegerField(_("size (GiB)"))
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = VolumeQuerySet.as_manager()

    class Meta:
        verbose_name = _("volume")
        verbose_name_plural = _("volumes")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def volume_name(self) -> str:
        """Its name in the pool."""
        return str(self.pk)

    @property
    def short_id(self) -> str:
        """A readable id."""
        return f"vol-{self.id.hex[:8]}"
