"""What a job does with one disk of an instance. Everything looks first, so that it may run twice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import OperationFailed
from cloudia.jobs.run import Run
from cloudia.virt import Hypervisor
from instances.models import Instance, InstanceDisk
from instances.selectors import disk_spec
from storage.enums import VolumeStatus
from storage.models import Volume
from storage.volume_files import volume_file_ensure, volume_file_remove

DETACH_TIMEOUT_S = 30.0  # how long a guest may take to let go of a disk


@dataclass(frozen=True)
class DiskWork:
    """A volume that an instance gets, or gives back. Its row is there since that was asked for."""

    instance: Instance
    hypervisor: Hypervisor
    volume_id: str

    @cached_property
    def disk(self) -> InstanceDisk:
        """The row of the disk."""
        rows = self.rows.select_related("volume__storage_domain", "volume__image", "volume__project")
        if (row := rows.first()) is None:
            raise OperationFailed(_("The volume is no longer attached."), code="target_gone")
        return row

    @property
    def rows(self) -> QuerySet[InstanceDisk]:
        """The same, or none."""
        return self.instance.disks.filter(volume_id=self.volume_id)

    @property
    def volumes(self) -> QuerySet[Volume]:
        """The volume, or none."""
        return Volume.objects.filter(pk=self.volume_id)

    @property
    def is_new(self) -> bool:
        """Whether its file has not been made yet."""
        return self.volumes.filter(status=VolumeStatus.CREATING).exists()

    def ensure_made(self, run: Run) -> None:
        """Make the file of a new volume."""
        run.note(volume_file_ensure(self.disk.volume, self.hypervisor))

    def ensure_no_file(self, run: Run) -> None:
        """Only of a volume that never was there."""
        made = self.volumes.filter(status=VolumeStatus.CREATING).select_related("storage_domain").first()
        if made:
            run.note(volume_file_remove(made, self.hypervisor))

    def ensure_attached(self, run: Run) -> None:
        """Give the disk to the domain: to its definition, and to the guest if it runs."""
        self.hypervisor.domains.attach_disk(self.instance.pk, disk_spec(self.disk))
        volume = self.disk.volume
        source = f"{volume.storage_domain.pool_name}/{volume.volume_name}"
        run.note(f"virsh attach-disk {self.instance.short_id} {source} {self.disk.device_name} --persistent")

    def ensure_detached(self, run: Run) -> None:
        """Take the disk from the domain, if it has it: the guest must let go of it first."""
        run.note(f"virsh detach-disk {self.instance.short_id} {self.disk.device_name} --persistent")
        self.hypervisor.domains.detach_disk(self.instance.pk, str(self.disk.volume_id), DETACH_TIMEOUT_S)

    def ensure_forgotten(self, run: Run) -> None:
        """Only when the domain does not have it any more: else two guests could get to write to it."""
        if self.rows.exists():
            self.ensure_detached(run)
            self.rows.delete()

    def attached(self) -> None:
        """A new volume is there."""
        self.volumes.update(status=VolumeStatus.AVAILABLE)

    def not_attached(self, *, tried: bool) -> None:
        """It could not be given to the instance. If it was ``tried`` and can't be undone, the instance keeps it.

        Else it is free again; a new volume without its file can only be tried again or deleted.
        """
        if tried and self.rows.exists():
            self.attached()
        else:
            self.rows.delete()
            self.volumes.filter(status=VolumeStatus.CREATING).update(status=VolumeStatus.FAILED)
