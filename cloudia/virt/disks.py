"""Disks of a domain: what it has, more, fewer, larger ones."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import libvirt
from django.utils.translation import gettext_lazy as _

from cloudia.virt.calls import CONFIG, LIVE, description, is_live
from cloudia.virt.designer import disk_element, disk_serial
from cloudia.virt.devices import DETACH_TIMEOUT_S, Device, Devices, missing
from cloudia.virt.errors import shrinking
from cloudia.virt.types import DiskInfo, DiskSpec
from cloudia.virt.xml.domain import Disk, Domain


class DiskDevices(Devices):
    """The disks of one host's domains, by the domain's UUID and the serial of the volume. Raises CloudiaError."""

    def disks(self, uuid: UUID) -> tuple[DiskInfo, ...]:
        """What the domain has: the running guest, or the definition of one that is off. CD drives are left out."""
        return self._with(uuid, _infos)

    def attach_disk(self, uuid: UUID, spec: DiskSpec) -> None:
        """Plug it in, in the definition and in the running guest; nothing if it is there."""
        self._plug_in(uuid, _disk(spec.serial), disk_element(spec))

    def detach_disk(self, uuid: UUID, serial: str, timeout_s: float = DETACH_TIMEOUT_S) -> None:
        """Unplug it, in the definition and in the running guest; nothing if it is gone.

        Raises OperationFailed (``guest_keeps_device``) when the guest has not let go within ``timeout_s``: then the
        definition has it again.
        """
        self._unplug(uuid, _disk(serial), timeout_s)

    def resize_disk(self, uuid: UUID, serial: str, capacity_bytes: int) -> None:
        """Enlarge a disk of a running guest, which sees it at once; nothing if it is that large.

        Raises OperationFailed (``volume_shrink``, ``disk_missing``).
        """
        self._with(uuid, lambda domain: _resize(domain, serial, capacity_bytes))


def _disk(serial: str) -> Device:
    return Device(
        find=lambda domain: _find(domain, serial),
        missing=_("The guest does not have this disk."),
        missing_code="disk_missing",
        kept=_("The guest does not let go of the disk. Unmount it there first."),
    )


def _find(domain: Domain, serial: str) -> Disk | None:
    return next((disk for disk in _disks(domain) if disk.serial == disk_serial(serial)), None)


def _disks(domain: Domain) -> list[Disk]:
    return [disk for disk in domain.disks if disk.device == "disk"]


def _infos(domain: Any) -> tuple[DiskInfo, ...]:
    where = LIVE if is_live(domain) else CONFIG
    return tuple(_info(domain, disk) for disk in _disks(description(domain, where)))


def _info(domain: Any, disk: Disk) -> DiskInfo:
    target = disk.target or ""
    capacity = domain.blockInfo(target, 0)[0] if is_live(domain) else None
    return DiskInfo(target, disk.serial or "", disk.pool or "", disk.volume or "", capacity)


def _resize(domain: Any, serial: str, capacity_bytes: int) -> None:
    disk = _find(description(domain, LIVE), serial)
    if disk is None:
        raise missing(_disk(serial))
    target = disk.target or ""
    capacity = domain.blockInfo(target, 0)[0]
    if capacity > capacity_bytes:
        raise shrinking()
    if capacity < capacity_bytes:
        domain.blockResize(target, capacity_bytes, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
