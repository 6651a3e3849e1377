"""Disks as virsh sees them: the independent witness."""

from __future__ import annotations

from instances.models import Instance
from tests.qemu.site import Site


def disks_by_virsh(site: Site, instance: Instance, *, inactive: bool = False) -> dict[str, str]:
    """Volumes by device, of the running guest or of the definition; CDs are left out."""
    words = ["--inactive"] if inactive else []
    lines = site.virsh("domblklist", instance.short_id, *words).splitlines()
    pairs = (line.split() for line in lines)
    return {target: source.rpartition("/")[2] for target, source in pairs if target.startswith("vd")}


def disks_by_page(instance: Instance) -> dict[str, str]:
    """The same as our rows have it."""
    return {disk.device_name: str(disk.volume_id) for disk in instance.disks.all()}
