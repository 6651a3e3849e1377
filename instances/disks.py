"""The rows of an instance's disks: made, and forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.faults import Faults
from cloudia.core.policy import ActionDenied, in_use
from cloudia.core.rows import checked
from instances import disk_policies
from instances.models import Instance, InstanceDisk
from storage.enums import VolumeStatus
from storage.models import StorageDomain, Volume
from storage.policies import RECREATE_VOLUME
from storage.references import holders_of
from storage.services.volumes import VolumeWish, volume_record


def disk_record(*, actor: Actor, instance: Instance, volume: Volume) -> InstanceDisk:
    """The row of a new disk, in the transaction that locked the instance: a volume is in one place from here on.

    Raises ActionDenied, or InputError at ``instance`` (``other_project``, ``other_storage_domain``).
    """
    disk_policies.ADD_DISK.check(instance, actor)
    row = checked(disk_policies.ATTACH, volume, actor)
    faults = Faults()
    check_fits(faults, row, instance.project, instance.image.storage_domain)
    faults.raise_if_any()
    return disk_take(instance, row)


def disk_record_new(*, actor: Actor, instance: Instance, name: str, size_gib: int) -> InstanceDisk:
    """The rows of a new disk with an empty volume of its own. Raises what its service raises."""
    disk_policies.ADD_DISK.check(instance, actor)
    return disk_make(actor=actor, instance=instance, name=name, size_gib=size_gib)


def disk_record_again(*, actor: Actor, instance: Instance, volume: Volume) -> InstanceDisk:
    """The row of a disk whose volume could not be made, for another try."""
    disk_policies.ADD_DISK.check(instance, actor)
    row = checked(RECREATE_VOLUME, volume, actor)
    Volume.objects.filter(pk=row.pk).update(status=VolumeStatus.CREATING)
    return disk_take(instance, row)


def disk_make(*, actor: Actor, instance: Instance, name: str, size_gib: int) -> InstanceDisk:
    """The rows of a disk with an empty volume of its own. Raises ActionDenied or InputError, as volume_create does."""
    wish = VolumeWish(name, instance.image.storage_domain, size_gib)
    return disk_take(instance, volume_record(actor=actor, project=instance.project, wish=wish))


def disk_take(instance: Instance, volume: Volume) -> InstanceDisk:
    """The row of the next disk, of a volume that nobody else can take any more."""
    return InstanceDisk.objects.create(instance=instance, volume=volume, position=_free_position(instance))


def check_fits(
    faults: Faults, volume: Volume, project: Project, wanted: StorageDomain, field: str = "instance"
) -> None:
    """One project, and one storage domain: where the instance runs, all of its disks must be."""
    ours = volume.project_id == project.pk
    faults.require(ours, field, "other_project", _("The volume and the instance are of different projects."))
    reason = misfit(volume, wanted)
    faults.require(not reason, field, "other_storage_domain", reason)


def misfit(volume: Volume, wanted: StorageDomain) -> str:
    """Why a volume can't be beside disks in ``wanted``, or nothing."""
    if volume.storage_domain_id == wanted.pk:
        return ""
    message = _("All disks of an instance are in one storage domain: here “%(wanted)s”. The volume is in “%(found)s”.")
    return message % {"wanted": wanted, "found": volume.storage_domain}


def data_disks(instance: Instance) -> list[InstanceDisk]:
    """What is attached beside the boot disk."""
    return list(instance.disks.filter(is_boot=False).select_related("volume__storage_domain"))


def disks_check_deletion(instance: Instance) -> None:
    """Raise ActionDenied if something beside the instance needs one of its data volumes."""
    for disk in data_disks(instance):
        if others := [holder for holder in holders_of(disk.volume) if holder.id != str(instance.pk)]:
            raise ActionDenied(in_use(others[0]))


def disks_forget(disks: Iterable[InstanceDisk]) -> None:
    """Remove the rows, after the files are gone."""
    for disk in disks:
        disk.delete()
        disk.volume.delete()


def _free_position(instance: Instance) -> int:
    """The lowest that no disk has."""
    taken = set(instance.disks.values_list("position", flat=True))
    return next(position for position in count() if position not in taken)
