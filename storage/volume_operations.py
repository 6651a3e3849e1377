"""What the jobs of volumes do, step by step. Every step looks first, so that it may run twice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.core.errors import OperationFailed
from cloudia.jobs.operation import Operation, Step
from cloudia.jobs.run import Run
from cloudia.virt import Hypervisor, hypervisor
from storage import policies
from storage.enums import VolumeStatus
from storage.models import Volume
from storage.selectors import host_with
from storage.volume_files import volume_file_ensure, volume_file_remove


class VolumeOperation(Operation):
    """What all operations on a volume share."""

    @cached_property
    def volume(self) -> Volume:
        """The volume, as the database has it at the beginning of this delivery."""
        row = Volume.objects.select_related("storage_domain", "image", "project").filter(pk=self.job.target_id).first()
        if row is None:
            raise OperationFailed(_("The volume no longer exists."), code="target_gone")
        return row

    @property
    def hypervisor(self) -> Hypervisor:
        """The gateway to a host that has its storage domain."""
        return hypervisor(host_with(self.volume.storage_domain).endpoint)

    def record(self, status: VolumeStatus) -> None:
        """Whether its disk is there."""
        Volume.objects.filter(pk=self.job.target_id).update(status=status)

    def failed(self) -> None:
        """Whether its disk is as it should be is not known."""
        self.record(VolumeStatus.FAILED)

    def ensure_no_file(self, run: Run) -> None:
        """Delete the disk, if it is there."""
        run.note(volume_file_remove(self.volume, self.hypervisor))


class CreateVolume(VolumeOperation):
    """Make the disk: empty, or of an image."""

    kind = "volume.create"
    label = _("Create volume")
    transition = _("Creating")
    transition_code = "creating"

    @property
    def steps(self) -> Sequence[Step]:
        """Undone by deleting what there is of it."""
        return [Step("file", _("Make the disk"), self._ensure_file, self.ensure_no_file)]

    def _ensure_file(self, run: Run) -> None:
        run.note(volume_file_ensure(self.volume, self.hypervisor))

    def succeeded(self) -> None:
        """It can be used."""
        self.record(VolumeStatus.AVAILABLE)

    def reopen(self, actor: Actor) -> None:
        """Try again: its row has counted all the time, so there is nothing to claim."""
        policies.RECREATE_VOLUME.check(self.volume, actor)
        self.record(VolumeStatus.CREATING)


class DeleteVolume(VolumeOperation):
    """Delete the disk, then the row."""

    kind = "volume.delete"
    label = _("Delete volume")
    transition = _("Deleting")
    transition_code = "deleting"

    @property
    def steps(self) -> Sequence[Step]:
        """It can't be undone; a failed delete is tried again."""
        return [Step("file", _("Delete the disk"), self.ensure_no_file)]

    def succeeded(self) -> None:
        """Only now the row goes."""
        self.volume.delete()

    def reopen(self, actor: Actor) -> None:
        """Another try is a new request: something may use it by now."""
        policies.DELETE_VOLUME.check(self.volume, actor)


ALL = (CreateVolume, DeleteVolume)
