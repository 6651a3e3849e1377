"""What the jobs of disks do, step by step. Every step looks first, so that it may run twice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.core.errors import OperationFailed
from cloudia.core.policy import ActionDenied, gone
from cloudia.jobs.models import Lockable
from cloudia.jobs.operation import Step
from cloudia.jobs.run import Run
from cloudia.virt import Hypervisor, VolumeInfo, hypervisor
from instances import disk_policies
from instances.base_operation import OFF, InstanceOperation
from instances.disk_work import DiskWork
from instances.disks import disk_record, disk_record_again
from instances.models import Instance, InstanceDisk
from storage.enums import VolumeStatus
from storage.models import Volume
from storage.models.base import GIB
from storage.services.volumes import volume_claim
from storage.volume_operations import VolumeOperation


class DiskOperation(InstanceOperation):
    """What attaching and detaching share: the instance is the target, so that its status says 업데이트 중."""

    transition = _("Updating")
    transition_code = "updating"

    @cached_property
    def work(self) -> DiskWork:
        """The disk that it is about."""
        return DiskWork(self.instance, self.hypervisor, self.job.params["volume"])

    def also_lock(self, target: Lockable) -> Sequence[Lockable]:
        """The volume, as the service did."""
        return list(self.work.volumes)


class AttachDisk(DiskOperation):
    """Give a volume to an instance; a new one is made first."""

    kind = "volume.attach"
    label = _("Attach volume")

    @property
    def steps(self) -> Sequence[Step]:
        """The disk's row is there since it was asked for, so that nobody else takes the volume."""
        attach = Step("attach", _("Connect the disk"), self._ensure_attached, self._ensure_forgotten)
        make = Step("file", _("Make the disk"), self._ensure_made, self._ensure_no_file)
        return [make, attach] if self.job.params.get("make", True) else [attach]

    @property
    def _tried(self) -> bool:
        return self.job.steps.filter(name="attach").exists()

    def _ensure_made(self, run: Run) -> None:
        self.work.ensure_made(run)

    def _ensure_no_file(self, run: Run) -> None:
        """Not below a guest that may still write to it."""
        if not (self._tried and self.work.rows.exists()):
            self.work.ensure_no_file(run)

    def _ensure_attached(self, run: Run) -> None:
        self.work.ensure_attached(run)

    def _ensure_forgotten(self, run: Run) -> None:
        self.work.ensure_forgotten(run)

    def succeeded(self) -> None:
        """A new volume is there."""
        self.work.attached()

    def failed(self) -> None:
        """What never began has nothing to undo."""
        self.work.not_attached(tried=self._tried)

    def reopen(self, actor: Actor) -> None:
        """Another try is a new request; a row that could not be undone is made anew."""
        self.work.rows.delete()
        if (volume := self.work.volumes.first()) is None:
            raise ActionDenied(gone())
        again = volume.status == VolumeStatus.FAILED
        record = disk_record_again if again else disk_record
        record(actor=actor, instance=self.instance, volume=volume)


class DetachDisk(DiskOperation):
    """Take a volume away from an instance."""

    kind = "volume.detach"
    label = _("Detach volume")

    @property
    def steps(self) -> Sequence[Step]:
        """A guest that does not let go keeps the disk, as if nobody had asked."""
        return [Step("detach", _("Disconnect the disk"), self._ensure_detached, self._ensure_attached)]

    def _ensure_detached(self, run: Run) -> None:
        self.work.ensure_detached(run)

    def _ensure_attached(self, run: Run) -> None:
        self.work.ensure_attached(run)

    def succeeded(self) -> None:
        """Others may have it."""
        self.work.rows.delete()

    def failed(self) -> None:
        """It stays attached."""

    def reopen(self, actor: Actor) -> None:
        """Another try is a new request."""
        disk_policies.DETACH.check(self.work.disk.volume, actor)


class ResizeVolume(VolumeOperation):
    """Enlarge a volume: through its guest while that runs, so that the guest notices."""

    kind = "volume.resize"
    label = _("Enlarge volume")
    transition = _("Updating")
    transition_code = "updating"

    @property
    def steps(self) -> Sequence[Step]:
        """It can't be undone: no disk is ever made smaller."""
        return [Step("grow", _("Enlarge the disk"), self._ensure_grown)]

    @cached_property
    def disk(self) -> InstanceDisk | None:
        """Where it is attached."""
        return InstanceDisk.objects.select_related("instance__host").filter(volume=self.job.target_id).first()

    @property
    def hypervisor(self) -> Hypervisor:
        """The gateway to its instance's host, or to any that has its storage domain."""
        if self.disk and self.disk.instance.host:
            return hypervisor(self.disk.instance.host.endpoint)
        return super().hypervisor

    def also_lock(self, target: Lockable) -> Sequence[Lockable]:
        """What has it, as the service did."""
        return [self.disk.instance] if self.disk else []

    def _ensure_grown(self, run: Run) -> None:
        wanted_bytes = self.job.params["size_gib"] * GIB
        if self._look().capacity_bytes < wanted_bytes:
            run.note(self._grow(wanted_bytes))
        seen = self._look()
        if seen.capacity_bytes < wanted_bytes:
            raise OperationFailed(_("The disk did not become larger."), code="not_grown")
        Volume.objects.filter(pk=self.volume.pk).update(size_gib=seen.capacity_bytes // GIB)

    def _grow(self, size_bytes: int) -> str:
        """Do it the way the guest's state asks for; returns the equivalent command."""
        pool, name = self.volume.storage_domain.pool_name, self.volume.volume_name
        if self.disk and self._runs(self.disk.instance):
            self.hypervisor.domains.resize_disk(self.disk.instance_id, str(self.volume.pk), size_bytes)
            return f"virsh blockresize {self.disk.instance.short_id} {self.disk.device_name} {size_bytes}B"
        self.hypervisor.volumes.resize(pool, name, size_bytes)
        return f"virsh vol-resize --pool {pool} {name} {size_bytes}B"

    def _runs(self, instance: Instance) -> bool:
        report = self.hypervisor.domains.report(instance.pk)
        return report is not None and report.state not in OFF

    def _look(self) -> VolumeInfo:
        info = self.hypervisor.volumes.info(self.volume.storage_domain.pool_name, self.volume.volume_name)
        if info is None:
            raise OperationFailed(_("The disk of the volume is missing."), code="volume_missing")
        return info

    def failed(self) -> None:
        """It can be used as before: it is as large as its row says, or larger."""

    def reopen(self, actor: Actor) -> None:
        """Another try is a new request, for what is still missing."""
        disk_policies.RESIZE.check(self.volume, actor)
        more = max(0, self.job.params["size_gib"] - self.volume.size_gib)
        if more:
            volume_claim(self.volume.project, self.volume.storage_domain, more, count=0)
        self.job.params["claimed_gib"] = more


ALL = (AttachDisk, DetachDisk, ResizeVolume)
