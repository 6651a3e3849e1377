"""What users ask of the disks of instances: attach, detach, enlarge."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.faults import Faults
from cloudia.core.policy import ActionDenied, gone
from cloudia.core.rows import checked
from cloudia.jobs.models import Job
from cloudia.jobs.services import job_enqueue
from instances import disk_policies
from instances.disk_operations import AttachDisk, DetachDisk, ResizeVolume
from instances.disks import disk_record, disk_record_new
from instances.models import Instance, InstanceDisk
from storage.models import Volume
from storage.services.volumes import volume_claim
from storage.space import MAX_DISK_GIB


@audited("volume.attach", target="volume")
def disk_attach(*, actor: Actor, instance: Instance, volume: Volume) -> Job:
    """Give a volume to an instance, running or stopped. From here on the volume is the instance's alone.

    Raises ActionDenied, or InputError at ``instance`` (``other_project``, ``other_storage_domain``).
    """
    row = _locked(instance)
    if row is None:
        raise ActionDenied(gone())
    disk = disk_record(actor=actor, instance=row, volume=volume)
    return _attach(actor, disk, make=False)


@audited("disk.create", target="instance")
def disk_create(*, actor: Actor, instance: Instance, name: str, size_gib: int) -> Job:
    """Make an empty volume in the instance's storage domain and give it to the instance, in one job.

    Raises ActionDenied (also ``quota_exceeded``) or InputError at ``name`` or ``size_gib`` (also ``no_space``).
    """
    row = _locked(instance)
    if row is None:
        raise ActionDenied(gone())
    return _attach(actor, disk_record_new(actor=actor, instance=row, name=name, size_gib=size_gib), make=True)


def _attach(actor: Actor, disk: InstanceDisk, *, make: bool) -> Job:
    params = {"volume": str(disk.volume_id), "make": make}
    target, volume = disk.instance, disk.volume
    return job_enqueue(operation=AttachDisk, target=target, actor=actor, params=params, also_lock=[volume])


@audited("volume.detach", target="volume")
def disk_detach(*, actor: Actor, volume: Volume) -> Job:
    """Take a data volume away from its instance, running or stopped. Raises ActionDenied."""
    _locked_holder(volume)
    row = checked(disk_policies.DETACH, volume, actor)
    instance: Instance = disk_policies.attachment_of(row).instance
    params = {"volume": str(row.pk)}
    return job_enqueue(operation=DetachDisk, target=instance, actor=actor, params=params, also_lock=[row])


@audited("volume.resize", target="volume")
def volume_resize(*, actor: Actor, volume: Volume, size_gib: int) -> Job:
    """Enlarge a volume, whether its instance runs or not, or nothing uses it.

    Raises ActionDenied (also ``quota_exceeded``) or InputError at ``size_gib`` (also ``volume_shrink``, ``no_space``).
    """
    instance = _locked_holder(volume)
    row = checked(disk_policies.RESIZE, volume, actor)
    _check_size(row, size_gib)
    more = size_gib - row.size_gib
    volume_claim(row.project, row.storage_domain, more, count=0)
    params = {"size_gib": size_gib, "claimed_gib": more}
    also_lock = [instance] if instance else []
    return job_enqueue(operation=ResizeVolume, target=row, actor=actor, params=params, also_lock=also_lock)


def _check_size(volume: Volume, size_gib: int) -> None:
    faults = Faults()
    smaller = _("A volume can only be enlarged. It has %(now)s GiB now.") % {"now": volume.size_gib}
    faults.require(size_gib > volume.size_gib, "size_gib", "volume_shrink", smaller)
    most = _("At most %(most)s.") % {"most": MAX_DISK_GIB}
    faults.require(size_gib <= MAX_DISK_GIB, "size_gib", "out_of_range", most)
    faults.raise_if_any()


def _locked(instance: Instance) -> Instance | None:
    """The row as it is now, held until the transaction ends; joins can't be locked with it."""
    Instance.objects.select_for_update(no_key=True).filter(pk=instance.pk).values_list("pk").first()
    return Instance.objects.for_policies().select_related("image__storage_domain").filter(pk=instance.pk).first()


def _locked_holder(volume: Volume) -> Instance | None:
    """The instance that has the volume: held first, as everybody does who holds both."""
    disk = InstanceDisk.objects.select_related("instance").filter(volume=volume.pk).first()
    return _locked(disk.instance) if disk else None
