"""Instances, their types and their disks."""

from __future__ import annotations

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from cloudia.accounts.enums import Origin
from cloudia.accounts.models import Project, User
from cloudia.core.display import DisplayState
from cloudia.core.policy import Holder, Text
from cloudia.hosts.models import Gpu, Host
from cloudia.jobs.models import Lockable
from instances import enums
from instances.affinity_models import AffinityGroup
from instances.enums import DesiredState, PowerState, ScriptStage
from instances.launch_templates import LaunchTemplate
from instances.querysets import InstanceQuerySet, InstanceTypeQuerySet
from networking.models import VPC, NetworkInterface
from storage.models import FileSystem, Image, Volume

MAX_VCPUS = 255  # QEMU's q35 machine without an x2APIC-capable guest
MAX_MEMORY_MIB = 4 * 1024 * 1024
MIN_MEMORY_MIB = 64
SCRIPT_FOLDERS: dict[str, str] = {  # cloud-init runs what is in the first; the second is ours
    ScriptStage.BOOT: "/var/lib/cloud/instance/scripts",
    ScriptStage.PRE_NETWORK: "/var/lib/cloudia/pre-network",
}


class InstanceType(models.Model):
    """인스턴스 타입: vCPUs and memory under one name. Without a project it is public."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=64)
    description = models.CharField(_("description"), max_length=255, blank=True)
    project = models.ForeignKey(
        Project, models.CASCADE, null=True, blank=True, related_name="instance_types", verbose_name=_("project")
    )
    vcpus = models.PositiveSmallIntegerField(
        _("vCPUs"), validators=[MinValueValidator(1), MaxValueValidator(MAX_VCPUS)]
    )
    memory_mib = models.PositiveIntegerField(
        _("memory (MiB)"), validators=[MinValueValidator(MIN_MEMORY_MIB), MaxValueValidator(MAX_MEMORY_MIB)]
    )
    active = models.BooleanField(_("offered"), default=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects = InstanceTypeQuerySet.as_manager()

    class Meta:
        verbose_name = _("instance type")
        verbose_name_plural = _("instance types")
        ordering = ["memory_mib", "vcpus", "name"]
        constraints = [
            models.UniqueConstraint(fields=["name", "project"], name="type_name_once", nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def held_by(self) -> None:
        """No job holds a type."""
        return


def short_id_of(pk: uuid.UUID) -> str:
    """The readable id that goes with an id."""
    return f"i-{pk.hex[:8]}"


class Instance(Lockable):
    """인스턴스. Its id is the domain's UUID, its short id the domain's name.

    Three facts, never mixed: ``desired_state`` (asked for), ``power_state`` (seen, with when and where) and
    ``current_job``. What people see is derived: :attr:`display_state`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    short_id = models.CharField(_("ID"), max_length=16, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=128)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    project = models.ForeignKey(Project, models.PROTECT, related_name="instances", verbose_name=_("project"))
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    origin = models.CharField(_("created by"), max_length=16, choices=Origin, default=Origin.MANUAL, editable=False)
    owner_name = models.CharField(_("managed by"), max_length=128, blank=True, editable=False)
    owner_url = models.URLField(blank=True, editable=False)

    host = models.ForeignKey(Host, models.PROTECT, null=True, related_name="instances", verbose_name=_("host"))
    image = models.ForeignKey(Image, models.PROTECT, related_name="instances", verbose_name=_("image"))
    instance_type = models.ForeignKey(
        InstanceType, models.SET_NULL, null=True, related_name="instances", verbose_name=_("instance type")
    )
    affinity_group = models.ForeignKey(
        AffinityGroup, models.PROTECT, null=True, related_name="members", verbose_name=_("affinity group")
    )
    launch_template = models.ForeignKey(
        LaunchTemplate,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="instances",
        verbose_name=_("launch template"),
    )
    vcpus = models.PositiveSmallIntegerField(_("vCPUs"))
    threads_per_core = models.PositiveSmallIntegerField(_("threads per core"), default=1)
    cores_per_socket = models.PositiveSmallIntegerField(_("cores per socket"), null=True)  # none: one socket has all
    max_vcpus = models.PositiveSmallIntegerField(_("maximum vCPUs"))
    memory_mib = models.PositiveIntegerField(_("memory (MiB)"))
    max_memory_mib = models.PositiveIntegerField(_("maximum memory (MiB)"))
    gpu = models.BooleanField(_("GPU passthrough"), default=False)  # which one: gpu_use
    stop_timeout_s = models.PositiveSmallIntegerField(
        _("shutdown time limit (s)"), default=60, validators=[MaxValueValidator(3600)]
    )

    desired_state = models.CharField(max_length=16, choices=DesiredState, default=DesiredState.RUNNING, editable=False)
    power_state = models.CharField(
        _("power state"), max_length=16, choices=PowerState, default=PowerState.ABSENT, editable=False
    )
    observed_at = models.DateTimeField(null=True, editable=False)
    rebooted_at = models.DateTimeField(null=True, editable=False)  # the last reboot event

    objects = InstanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("instance")
        verbose_name_plural = _("instances")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["project", "-created_at", "-id"], name="instance_newest"),
            models.Index(fields=["project", "name", "id"], name="instance_name"),
            models.Index(fields=["host"], name="instance_host"),
        ]
        constraints = [
            models.CheckConstraint(name="vcpus_within_maximum", condition=Q(vcpus__lte=models.F("max_vcpus"))),
            models.CheckConstraint(
                name="memory_within_maximum", condition=Q(memory_mib__lte=models.F("max_memory_mib"))
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """What policies ask about."""
        return self.power_state

    @property
    def first_user(self) -> InstanceGuest | None:
        """The guest's first user; none for instances from before this was asked for."""
        return getattr(self, "guest", None)

    @property
    def nics(self) -> list[NetworkInterface]:
        """Its network interfaces, the primary one first."""
        return [link.interface for link in self.interfaces.all()]

    @property
    def vpc(self) -> VPC | None:
        """Where its interfaces are: all of them are in one VPC."""
        return next((nic.subnet.vpc for nic in self.nics), None)

    @property
    def ip_addresses(self) -> list[str]:
        """Its addresses, the primary one first."""
        return [nic.address for nic in self.nics]

    @property
    def state_label(self) -> Text:
        """What policies say about it."""
        return self.display_state.label

    @property
    def is_placed(self) -> bool:
        """Whether something of it is on its host, or about to be; of one that could not be made, nothing is."""
        made = self.power_state != PowerState.ABSENT or self.current_job_id is not None
        return self.host_id is not None and made

    @property
    def cores(self) -> int:
        """Cores per socket: as chosen, else one socket has those of all vCPUs that there can be."""
        return self.cores_per_socket or self.max_vcpus // self.threads_per_core

    @property
    def host_is_reachable(self) -> bool:
        """Whether what is known about the power state is fresh. Without a host there is nothing to reach."""
        return self.host is None or self.host.reachable

    @property
    def display_state(self) -> DisplayState:
        """The status: the job's label while there is one, else what was seen, else that nobody knows."""
        if (job := self.current_job) and job.is_active and job.operation.transition:
            operation = job.operation
            return DisplayState(
                operation.transition_code, operation.transition, "loader-2", "busy", progress=job.progress
            )
        if not self.host_is_reachable:
            return self._unknown
        return enums.BY_POWER[self.power_state]

    @property
    def _unknown(self) -> DisplayState:
        unseen = self.host.unseen_for if self.host else None
        if unseen is None:
            return enums.UNKNOWN
        seconds = int(unseen.total_seconds())
        note = format_lazy(ngettext_lazy("{n} second ago", "{n} seconds ago", seconds), n=seconds)
        return DisplayState("unknown", enums.UNKNOWN.label, enums.UNKNOWN.icon, enums.UNKNOWN.tone, note=note)


class InstanceDisk(models.Model):
    """A volume attached to an instance. One writer: a volume is in at most one place."""

    instance = models.ForeignKey(Instance, models.CASCADE, related_name="disks")
    volume = models.OneToOneField(Volume, models.PROTECT, related_name="attachment")
    position = models.PositiveSmallIntegerField()
    is_boot = models.BooleanField(_("boot disk"), default=False)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "position"], name="one_disk_per_position"),
            models.UniqueConstraint(fields=["instance"], condition=Q(is_boot=True), name="one_boot_disk"),
        ]

    def __str__(self) -> str:
        return f"{self.device_name} · {self.volume}"

    @property
    def device_name(self) -> str:
        """장치 이름: what a Linux guest usually calls it."""
        return f"vd{chr(ord('a') + self.position)}"


class InstanceGpu(models.Model):
    """The GPU that an instance has to itself, running or not."""

    instance = models.OneToOneField(Instance, models.CASCADE, related_name="gpu_use")
    gpu = models.OneToOneField(Gpu, models.PROTECT, related_name="use")

    def __str__(self) -> str:
        return f"{self.gpu} · {self.gpu.address}"


class InstanceMount(models.Model):
    """A file system that an instance mounts at ``mount_path``, a folder inside the guest."""

    instance = models.ForeignKey(Instance, models.CASCADE, related_name="mounts")
    filesystem = models.ForeignKey(FileSystem, models.PROTECT, related_name="mounts")
    mount_path = models.CharField(_("mount path"), max_length=255)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        ordering = ["mount_path"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "filesystem"], name="filesystem_mounted_once"),
            models.UniqueConstraint(fields=["instance", "mount_path"], name="mount_path_once"),
        ]

    def __str__(self) -> str:
        return f"{self.filesystem} · {self.mount_path}"


class InstanceGuest(models.Model):
    """The first user of a guest, as cloud-init makes it. Instances from before this was asked for have none."""

    instance = models.OneToOneField(Instance, models.CASCADE, related_name="guest")
    username = models.CharField(_("user name"), max_length=32)
    # SHA-512 crypt; never shown, logged or sent. Empty: the default one, which the guest asks to change.
    password_hash = models.CharField(max_length=128, blank=True, editable=False)
    ssh_keys = models.TextField(_("SSH keys"), blank=True)  # public ones, one a line

    class Meta:
        verbose_name = _("first user")
        verbose_name_plural = _("first users")

    def __str__(self) -> str:
        return self.username

    @property
    def has_default_password(self) -> bool:
        """Whether none was chosen."""
        return not self.password_hash


class UserScript(models.Model):
    """사용자 스크립트: runs once in the guest, when it first starts. Numbers begin with 1 and are the order."""

    instance = models.ForeignKey(Instance, models.CASCADE, related_name="scripts")
    number = models.PositiveSmallIntegerField(_("order"))
    name = models.CharField(_("file name"), max_length=64)
    stage = models.CharField(_("stage"), max_length=16, choices=ScriptStage, default=ScriptStage.BOOT)
    content = models.TextField(_("content"))

    class Meta:
        verbose_name = _("user script")
        verbose_name_plural = _("user scripts")
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "number"], name="one_script_per_number"),
            models.UniqueConstraint(fields=["instance", "name"], name="script_name_once"),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def file_name(self) -> str:
        """Its name in the guest, where the order is the order of names."""
        return f"{self.number:02}-{self.name}"

    @property
    def path(self) -> str:
        """경로: where it is in the guest."""
        return f"{SCRIPT_FOLDERS[self.stage]}/{self.file_name}"


class InstanceInterface(models.Model):
    """A network interface of an instance. The first is the primary one: it can't be removed."""

    instance = models.ForeignKey(Instance, models.CASCADE, related_name="interfaces")
    interface = models.OneToOneField(NetworkInterface, models.PROTECT, related_name="attachment")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["instance", "position"], name="one_interface_per_position")]

    def __str__(self) -> str:
        return f"{self.name} · {self.interface.address}"

    @property
    def project_id(self) -> uuid.UUID:
        """Its instance's."""
        return self.instance.project_id

    @property
    def project(self) -> Project:
        """Its instance's: whose audit trail tells of it."""
        return self.instance.project

    @property
    def state(self) -> str:
        """What policies ask about: its instance's."""
        return self.instance.state

    @property
    def state_label(self) -> Text:
        """What policies say about it."""
        return self.instance.state_label

    @property
    def held_by(self) -> Holder | None:
        """The job that has its instance."""
        return self.instance.held_by

    @property
    def name(self) -> str:
        """What people call it: ``nic-1`` is the primary one."""
        return f"nic-{self.position + 1}"

    @property
    def is_primary(self) -> bool:
        """Whether it is the one that an instance always has."""
        return self.position == 0
