"""Storage domains, and the hosts that have them."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cloudia.core import secrets
from cloudia.core.policy import Holder
from cloudia.core.text import in_current_language
from cloudia.hosts.models import Host
from cloudia.jobs.models import Lockable
from storage.enums import DomainKind, Media
from storage.kinds import KINDS, Kind
from storage.models.base import Stored
from storage.querysets import StorageDomainQuerySet


class StorageDomain(Stored, Lockable):
    """스토리지 도메인: the same libvirt pool on every attached host."""

    PREFIX = "sd"

    name = models.CharField(_("name"), max_length=64, unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=DomainKind, default=DomainKind.DIR)
    path = models.CharField(_("path"), max_length=512, blank=True, help_text=_("The directory, on every host."))
    server = models.CharField(
        _("server"),
        max_length=255,
        blank=True,
        help_text=_("NFS: the server. Ceph: its monitors, separated by commas."),
    )
    source = models.CharField(
        _("source"), max_length=255, blank=True, help_text=_("NFS: the export. LVM: the volume group. Ceph: the pool.")
    )
    username = models.CharField(_("user name"), max_length=128, blank=True, help_text=_("For Ceph."))
    sealed_secret = models.TextField(blank=True, editable=False)
    media = models.CharField(_("disk type"), max_length=8, choices=Media, default=Media.SSD)
    over_commit = models.DecimalField(
        _("over-commit"),
        max_digits=5,
        decimal_places=2,
        default=10,
        validators=[MinValueValidator(1)],
        help_text=_("How many times its capacity may be promised to disks, which take room only as they fill."),
    )
    # Whether the marker (storage.pools) lies in it: without it there, a directory is not this storage domain's.
    marked = models.BooleanField(default=False, editable=False)
    scanned_at = models.DateTimeField(null=True, editable=False)  # when its files were last compared with the rows
    hosts = models.ManyToManyField(Host, through="StorageAttachment", related_name="storage_domains")

    objects = StorageDomainQuerySet.as_manager()

    class Meta:
        verbose_name = _("storage domain")
        verbose_name_plural = _("storage domains")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its page."""
        return reverse("storagedomain-detail", args=[self.pk])

    @property
    def traits(self) -> Kind:
        """What its kind can do."""
        return KINDS[self.kind]

    @property
    def pool_name(self) -> str:
        """The libvirt pool's name, on each host."""
        return f"cloudia-{self.pk}"

    @property
    def secret(self) -> str:
        """The Ceph key in the clear; for the gateway alone."""
        return secrets.unseal(self.sealed_secret)

    def set_secret(self, secret: str) -> None:
        """Keep the Ceph key sealed; it is never shown again."""
        self.sealed_secret = secrets.seal(secret)


class StorageAttachment(models.Model):
    """A storage domain on one host, as the watcher last saw it."""

    domain = models.ForeignKey(StorageDomain, models.CASCADE, related_name="attachments")
    host = models.ForeignKey(Host, models.CASCADE, related_name="attachments")
    leaving = models.BooleanField(default=False, editable=False)  # being detached: nothing new begins to need it
    active = models.BooleanField(_("active"), default=False, editable=False)
    problem_texts = models.JSONField(default=dict, editable=False)  # why it is not, by language code
    capacity_bytes = models.BigIntegerField(default=0, editable=False)
    available_bytes = models.BigIntegerField(default=0, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("attached host")
        verbose_name_plural = _("attached hosts")
        constraints = [models.UniqueConstraint(fields=["domain", "host"], name="host_attached_once")]

    def __str__(self) -> str:
        return f"{self.domain} · {self.host}"

    @property
    def held_by(self) -> Holder | None:
        """The running job that has its storage domain."""
        return self.domain.held_by

    @property
    def problem(self) -> str:
        """Why the pool does not work there, in the reader's language."""
        return in_current_language(self.problem_texts)
