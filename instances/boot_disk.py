"""The boot disk of an instance: its rows, and the file behind them."""

from __future__ import annotations

from cloudia.virt import Hypervisor
from instances.models import Instance, InstanceDisk
from storage.models import Volume

GIB = 2**30


def boot_disk_record(instance: Instance, size_gib: int) -> InstanceDisk:
    """The rows of the boot disk, made if they are not there."""
    disk = InstanceDisk.objects.filter(instance=instance, is_boot=True).select_related("volume").first()
    if disk:
        return disk
    volume = Volume.objects.create(
        name=f"{instance.name[:123]}-boot",
        project=instance.project,
        storage_domain=instance.image.storage_domain,
        image=instance.image,
        size_gib=size_gib,
        created_by=instance.created_by,
    )
    return InstanceDisk.objects.create(instance=instance, volume=volume, position=0, is_boot=True)


def boot_disk_forget(instance: Instance) -> None:
    """Remove the rows, after the file is gone."""
    for disk in instance.disks.filter(is_boot=True).select_related("volume"):
        disk.delete()
        disk.volume.delete()


def boot_disk_ensure_file(disk: InstanceDisk, hypervisor: Hypervisor) -> str:
    """Clone the image, linked, if that is not done; returns the equivalent command."""
    volume = disk.volume
    pool, image = volume.storage_domain.pool_name, volume.image
    if image is None:
        raise RuntimeError("a boot disk is made from an image")
    hypervisor.volumes.ensure_linked_clone(pool, volume.volume_name, image.volume_name, volume.size_gib * GIB)
    return (
        f"virsh vol-create-as {pool} {volume.volume_name} {volume.size_gib}G --format qcow2 "
        f"--backing-vol {image.volume_name} --backing-vol-format qcow2"
    )


def boot_disk_ensure_no_file(disk: InstanceDisk, hypervisor: Hypervisor) -> str:
    """Delete the file if it is there; returns the equivalent command."""
    pool, name = disk.volume.storage_domain.pool_name, disk.volume.volume_name
    hypervisor.volumes.delete(pool, name)
    return f"virsh vol-delete --pool {pool} {name}"
