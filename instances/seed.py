"""The seed of an instance: a small volume beside its disks, the disc that cloud-init reads. It has no row."""

from __future__ import annotations

from collections.abc import Iterable

from cloudia.core.policy import Holder
from cloudia.virt import Hypervisor, SeedSpec
from instances.cloud_init import Told, disc_of
from instances.models import Instance
from storage.garbage import Owned
from storage.models import StorageDomain

SUFFIX = ".seed"
UNIT_BYTES = 1 << 20  # libvirt makes no smaller volumes in some pools


def seed_of(instance: Instance) -> SeedSpec | None:
    """Where it is: with the boot disk. None where libvirt can't write into volumes."""
    domain = instance.image.storage_domain
    return SeedSpec(domain.pool_name, _name(instance)) if domain.traits.takes_uploads else None


def seed_ensure(instance: Instance, hypervisor: Hypervisor) -> str:
    """Make the seed as the rows are now, for a guest that is off; returns the equivalent command."""
    if not (seed := seed_of(instance)):
        return ""
    disc = disc_of(Told.of(instance))
    size = -(-len(disc) // UNIT_BYTES) * UNIT_BYTES
    found = hypervisor.volumes.info(seed.pool, seed.volume)
    if found and found.capacity_bytes < size:  # not grown: libvirt may take the disc for a format of its own
        hypervisor.volumes.delete(seed.pool, seed.volume)
        found = None
    if found is None:
        hypervisor.volumes.ensure_empty(seed.pool, seed.volume, size, "raw")
    hypervisor.volumes.write(seed.pool, seed.volume, 0, disc)
    return f"virsh vol-upload --pool {seed.pool} {seed.volume} cidata.iso"


def seed_remove(instance: Instance, hypervisor: Hypervisor) -> str:
    """Delete the seed if it is there; returns the equivalent command."""
    if not (seed := seed_of(instance)):
        return ""
    hypervisor.volumes.delete(seed.pool, seed.volume)
    return f"virsh vol-delete --pool {seed.pool} {seed.volume}"


def seeds_own(domain: StorageDomain) -> Iterable[Owned]:
    """The seeds in a storage domain; one that is missing is made at the next start."""
    for instance in Instance.objects.filter(image__storage_domain=domain).only("pk", "name"):
        yield Owned(_name(instance), Holder("instance", str(instance.pk), instance.name))


def _name(instance: Instance) -> str:
    return f"{instance.pk}{SUFFIX}"
