"""File systems that instances mount: NFS over their network, VirtioFS from their host."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project, User
from cloudia.core.text import in_current_language
from cloudia.hosts.models import Host
from cloudia.jobs.models import Lockable
from networking.models import Subnet
from storage.enums import FileSystemKind
from storage.models.base import Stored
from storage.querysets import FileSystemQuerySet


class FileSystem(Stored, Lockable):
    """파일 시스템. NFS: ``export`` (``server:/path``) and perhaps the subnet it is in. VirtioFS: ``path``, on hosts."""

    PREFIX = "fs"

    name = models.CharField(_("name"), max_length=128)
    description = models.CharField(_("description"), max_length=255, blank=True)
    project = models.ForeignKey(Project, models.PROTECT, related_name="filesystems", verbose_name=_("project"))
    kind = models.CharField(_("type"), max_length=16, choices=FileSystemKind)
    export = models.CharField(_("export"), max_length=512, blank=True)
    subnet = models.ForeignKey(
        Subnet, models.PROTECT, null=True, blank=True, related_name="filesystems", verbose_name=_("subnet")
    )
    path = models.CharField(_("host directory"), max_length=512, blank=True)
    size_gib = models.PositiveIntegerField(_("size (GiB)"), null=True, blank=True)  # as stated; nobody measures it
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)

    objects = FileSystemQuerySet.as_manager()

    class Meta:
        verbose_name = _("file system")
        verbose_name_plural = _("file systems")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="filesystem_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def tag(self) -> str:
        """What a guest calls a VirtioFS one; up to 36 bytes (virtio specification, 5.11.4)."""
        return self.short_id


class FileSystemPlace(models.Model):
    """A VirtioFS directory on one host, as the watcher last saw it."""

    filesystem = models.ForeignKey(FileSystem, models.CASCADE, related_name="places")
    host = models.ForeignKey(Host, models.CASCADE, related_name="filesystem_places")
    usable = models.BooleanField(_("usable"), default=False, editable=False)
    problem_texts = models.JSONField(default=dict, editable=False)  # why it is not, by language code
    checked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("host of a file system")
        verbose_name_plural = _("hosts of a file system")
        constraints = [models.UniqueConstraint(fields=["filesystem", "host"], name="filesystem_host_once")]

    def __str__(self) -> str:
        return f"{self.filesystem} · {self.host}"

    @property
    def problem(self) -> str:
        """Why it can't be used there, in the reader's language."""
        return in_current_language(self.problem_texts)
