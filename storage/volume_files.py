"""The disk behind a volume, on a host that has its storage domain."""

from __future__ import annotations

from cloudia.virt import Hypervisor
from storage.models import Image, Volume


def volume_file_ensure(volume: Volume, hypervisor: Hypervisor) -> str:
    """Make the disk if that is not done: empty, or of its image; returns the equivalent command."""
    pool, name = volume.storage_domain.pool_name, volume.volume_name
    if volume.image:
        return _ensure_of_image(volume, volume.image, hypervisor)
    hypervisor.volumes.ensure_empty(pool, name, volume.size_bytes, volume.format)
    return f"virsh vol-create-as {pool} {name} {volume.size_gib}G --format {volume.format}"


def _ensure_of_image(volume: Volume, image: Image, hypervisor: Hypervisor) -> str:
    """A reference to the image where its storage domain can do that, else a copy."""
    pool, name, source = volume.storage_domain.pool_name, volume.volume_name, image.volume_name
    if not volume.storage_domain.traits.links:
        hypervisor.volumes.ensure_copy(pool, name, source, volume.size_bytes, volume.format)
        return f"virsh vol-clone --pool {pool} {source} {name}"
    hypervisor.volumes.ensure_linked_clone(pool, name, source, volume.size_bytes, image.format)
    return (
        f"virsh vol-create-as {pool} {name} {volume.size_gib}G --format {volume.format} "
        f"--backing-vol {source} --backing-vol-format {image.format}"
    )


def volume_file_remove(volume: Volume, hypervisor: Hypervisor) -> str:
    """Delete the disk if it is there; returns the equivalent command."""
    pool, name = volume.storage_domain.pool_name, volume.volume_name
    hypervisor.volumes.delete(pool, name)
    return f"virsh vol-delete --pool {pool} {name}"
