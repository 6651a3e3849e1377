"""The rows of the boot disk of an instance."""

from __future__ import annotations

from instances.disks import disks_forget
from instances.models import Instance, InstanceDisk
from storage.models import Volume
from storage.services.volumes import volume_claim


def boot_disk_record(instance: Instance, size_gib: int) -> InstanceDisk:
    """The rows of the boot disk, made if they are not there, as the project's quotas and its storage domain allow.

    Raises ActionDenied (``quota_exceeded``) or InputError (``no_space``) at ``boot_disk_gib``.
    """
    disk = InstanceDisk.objects.filter(instance=instance, is_boot=True).select_related("volume").first()
    if disk:
        return disk
    domain = instance.image.storage_domain
    volume_claim(instance.project, domain, size_gib, field="boot_disk_gib")
    volume = Volume.objects.create(
        name=f"{instance.name[:123]}-boot",
        project=instance.project,
        storage_domain=domain,
        image=instance.image,
        size_gib=size_gib,
        created_by=instance.created_by,
    )
    return InstanceDisk.objects.create(instance=instance, volume=volume, position=0, is_boot=True)


def boot_disk_forget(instance: Instance) -> None:
    """Remove the rows, after the file is gone."""
    disks_forget(instance.disks.filter(is_boot=True).select_related("volume"))
