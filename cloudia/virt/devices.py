"""Devices of a domain that come and go, whether it runs or not.

What is asked for holds for the definition and for the running guest alike, and is read back. Unplugging needs the
guest's cooperation: it is asked again until its time is up, and then everything is as it was. QEMU (7.2) can't take the
request back, though: a guest that reset afterwards has let go of the device, and has it again after a stop and start.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import libvirt
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import OperationFailed
from cloudia.core.policy import Text
from cloudia.virt.calls import CONFIG, LIVE, DomainCalls, description, is_live, places
from cloudia.virt.errors import none_if
from cloudia.virt.xml.domain import Domain
from cloudia.virt.xml.mapping import Element

ASK_AGAIN_S = 3.0  # a guest that is booting misses the first request
LOOK_S = 0.1
DETACH_TIMEOUT_S = 30.0
KEPT = "guest_keeps_device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device: how it is found in a description, and what people read when it is not there, or stays."""

    find: Callable[[Domain], Element | None]
    missing: Text
    missing_code: str
    kept: Text


class Devices(DomainCalls):
    """Plugging in and unplugging. Raises CloudiaError."""

    def _plug_in(self, uuid: UUID, device: Device, element: Element) -> None:
        """Give it to the definition and to the running guest; nothing where it is."""
        self._with(uuid, lambda domain: _attach(domain, device, element))

    def _unplug(self, uuid: UUID, device: Device, timeout_s: float) -> None:
        """Take it from the definition and from the running guest; nothing where it is gone.

        Raises OperationFailed (``guest_keeps_device``) when the guest has not let go within ``timeout_s``: then the
        definition has it again.
        """
        self._with(uuid, lambda domain: _remove(domain, device, CONFIG))
        if not self._wait_until_gone(uuid, device, timeout_s) and self._with(uuid, lambda it: _put_back(it, device)):
            raise OperationFailed(device.kept, code=KEPT)

    def _wait_until_gone(self, uuid: UUID, device: Device, timeout_s: float) -> bool:
        """Ask the guest to let go, again and again. Looked for rather than listened to: events get lost."""
        deadline, ask_at = time.monotonic() + timeout_s, 0.0
        while self._with(uuid, lambda domain: _guest_has(domain, device)):
            now = time.monotonic()
            if now > deadline:
                return False
            if now >= ask_at:
                self._with(uuid, functools.partial(_ask_to_let_go, device))
                ask_at = now + ASK_AGAIN_S
            time.sleep(LOOK_S)
        return True


def missing(device: Device) -> OperationFailed:
    """The domain lacks it."""
    return OperationFailed(device.missing, code=device.missing_code)


def free_ports(domain: Domain) -> int:
    """How many devices a running guest can still take: PCIe ports that nothing is plugged into. A port is a bus."""
    addresses = [address for address in domain.node.iter("address") if address.get("type") == "pci"]
    taken = {int(address.get("bus", "0"), 16) for address in addresses}
    return sum(it.model == "pcie-root-port" and it.index not in taken for it in domain.controllers)


def _find(domain: Any, device: Device, where: int) -> Element | None:
    return device.find(description(domain, where))


def _guest_has(domain: Any, device: Device) -> Element | None:
    return _find(domain, device, LIVE) if is_live(domain) else None


def _attach(domain: Any, device: Device, element: Element) -> None:
    """In one call, so that libvirt changes the definition only when the guest has taken the device."""
    lacking = _lacking(domain, device)
    if LIVE in lacking and not free_ports(description(domain, LIVE)):
        raise OperationFailed(_("The guest takes no more devices while it runs. Stop it first."), code="no_free_port")
    if lacking:
        domain.attachDeviceFlags(str(element), sum(lacking))
    if _lacking(domain, device):
        raise missing(device)


def _lacking(domain: Any, device: Device) -> list[int]:
    """Where the device is not: in the definition, in the running guest."""
    return [where for where in places(domain) if _find(domain, device, where) is None]


def _remove(domain: Any, device: Device, where: int) -> None:
    if element := _find(domain, device, where):
        domain.detachDeviceFlags(str(element), where)


def _put_back(domain: Any, device: Device) -> bool:
    """Give the definition what the guest still has; whether it has it.

    Taken from the guest, as an earlier attempt that was killed may have changed the definition before this one.
    """
    element = _guest_has(domain, device)
    if element and _find(domain, device, CONFIG) is None:
        domain.attachDeviceFlags(str(element), CONFIG)
    return element is not None


def _ask_to_let_go(device: Device, domain: Any) -> None:
    """The request is refused while an earlier one is unanswered (QEMU 6.0 and later): then it is on its way."""
    none_if(libvirt.VIR_ERR_DEVICE_MISSING, lambda: _unless_pending(domain, device))


def _unless_pending(domain: Any, device: Device) -> None:
    none_if(libvirt.VIR_ERR_INTERNAL_ERROR, lambda: _remove(domain, device, LIVE))
