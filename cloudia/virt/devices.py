"""Disks of a domain that come and go, whether it runs or not.

What is asked for holds for the definition and for the running guest alike, and is read back. Unplugging needs the
guest's cooperation: it is asked again until its time is up, and then everything is as it was.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import libvirt
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import OperationFailed
from cloudia.virt.connection import Connection
from cloudia.virt.designer import disk_element, disk_serial
from cloudia.virt.errors import none_if, shrinking
from cloudia.virt.types import DiskInfo, DiskSpec
from cloudia.virt.xml.domain import Disk, Domain

T = TypeVar("T")

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
ASK_AGAIN_S = 3.0  # a guest that is booting misses the first request
LOOK_S = 0.1
DETACH_TIMEOUT_S = 30.0
KEPT = "guest_keeps_device"


class DiskDevices:
    """The disks of one host's domains, by the domain's UUID and the serial of the volume. Raises CloudiaError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def disks(self, uuid: UUID) -> tuple[DiskInfo, ...]:
        """What the domain has: the running guest, or the definition of one that is off. CD drives are left out."""
        return self._with(uuid, lambda domain: tuple(_info(domain, disk) for disk in _disks(domain, _live(domain))))

    def attach_disk(self, uuid: UUID, spec: DiskSpec) -> None:
        """Plug it in, in the definition and in the running guest; nothing if it is there."""
        self._with(uuid, lambda domain: _attach(domain, spec))

    def detach_disk(self, uuid: UUID, serial: str, timeout_s: float = DETACH_TIMEOUT_S) -> None:
        """Unplug it, in the definition and in the running guest; nothing if it is gone.

        Raises OperationFailed (``guest_keeps_device``) when the guest has not let go within ``timeout_s``: then the
        definition has it again.
        """
        self._with(uuid, lambda domain: _remove(domain, serial, CONFIG))
        if not self._wait_until_gone(uuid, serial, timeout_s) and self._with(uuid, lambda it: _put_back(it, serial)):
            raise OperationFailed(_("The guest does not let go of the disk. Unmount it there first."), code=KEPT)

    def resize_disk(self, uuid: UUID, serial: str, capacity_bytes: int) -> None:
        """Enlarge a disk of a running guest, which sees it at once; nothing if it is that large.

        Raises OperationFailed (``volume_shrink``, ``disk_missing``).
        """
        self._with(uuid, lambda domain: _resize(domain, serial, capacity_bytes))

    def _with(self, uuid: UUID, work: Callable[[Any], T], deadline_s: float | None = None) -> T:
        return self._connection.call(lambda conn: work(conn.lookupByUUIDString(str(uuid))), deadline_s)

    def _wait_until_gone(self, uuid: UUID, serial: str, timeout_s: float) -> bool:
        """Ask the guest to let go, again and again. Looked for rather than listened to: events get lost."""
        deadline, ask_at = time.monotonic() + timeout_s, 0.0
        while self._with(uuid, lambda domain: _live(domain) and _find(domain, serial, LIVE) is not None):
            now = time.monotonic()
            if now > deadline:
                return False
            if now >= ask_at:
                self._with(uuid, functools.partial(_ask_to_let_go, serial))
                ask_at = now + ASK_AGAIN_S
            time.sleep(LOOK_S)
        return True


def _live(domain: Any) -> bool:
    return bool(domain.isActive())


def _disks(domain: Any, live: bool) -> list[Disk]:
    xml = domain.XMLDesc(0 if live else libvirt.VIR_DOMAIN_XML_INACTIVE)
    return [disk for disk in Domain.parse(xml).disks if disk.device == "disk"]


def _find(domain: Any, serial: str, where: int) -> Disk | None:
    wanted = disk_serial(serial)
    return next((disk for disk in _disks(domain, where == LIVE) if disk.serial == wanted), None)


def _info(domain: Any, disk: Disk) -> DiskInfo:
    target = disk.target or ""
    capacity = domain.blockInfo(target, 0)[0] if _live(domain) else None
    return DiskInfo(target, disk.serial or "", disk.pool or "", disk.volume or "", capacity)


def _attach(domain: Any, spec: DiskSpec) -> None:
    """In one call, so that libvirt changes the definition only when the guest has taken the disk."""
    lacking = _lacking(domain, spec.serial)
    if lacking:
        domain.attachDeviceFlags(str(disk_element(spec)), sum(lacking))
    if _lacking(domain, spec.serial):
        raise _missing()


def _lacking(domain: Any, serial: str) -> list[int]:
    """Where the disk is not: in the definition, in the running guest."""
    places = [CONFIG, LIVE] if _live(domain) else [CONFIG]
    return [where for where in places if _find(domain, serial, where) is None]


def _remove(domain: Any, serial: str, where: int) -> None:
    if disk := _find(domain, serial, where):
        domain.detachDeviceFlags(str(disk), where)


def _put_back(domain: Any, serial: str) -> bool:
    """Give the definition what the guest still has; whether it has it.

    Taken from the guest, as an earlier attempt that was killed may have changed the definition before this one.
    """
    disk = _find(domain, serial, LIVE) if _live(domain) else None
    if disk and _find(domain, serial, CONFIG) is None:
        domain.attachDeviceFlags(str(disk), CONFIG)
    return disk is not None


def _ask_to_let_go(serial: str, domain: Any) -> None:
    """The request is refused while an earlier one is unanswered (QEMU 6.0 and later): then it is on its way."""
    none_if(libvirt.VIR_ERR_DEVICE_MISSING, lambda: _unless_pending(domain, serial))


def _unless_pending(domain: Any, serial: str) -> None:
    none_if(libvirt.VIR_ERR_INTERNAL_ERROR, lambda: _remove(domain, serial, LIVE))


def _resize(domain: Any, serial: str, capacity_bytes: int) -> None:
    disk = _find(domain, serial, LIVE)
    if disk is None:
        raise _missing()
    target = disk.target or ""
    capacity = domain.blockInfo(target, 0)[0]
    if capacity > capacity_bytes:
        raise shrinking()
    if capacity < capacity_bytes:
        domain.blockResize(target, capacity_bytes, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)


def _missing() -> OperationFailed:
    return OperationFailed(_("The guest does not have this disk."), code="disk_missing")
