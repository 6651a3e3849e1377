"""Who has which address of a subnet."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from networking.models import NetworkInterface, Subnet


@dataclass(frozen=True, slots=True)
class AddressUse:
    """Who has an address of a subnet: an interface, the gateway, or nobody because it is reserved (``kind``)."""

    address: str
    kind: str
    interface: NetworkInterface | None = None


def addresses_in_use(subnet: Subnet) -> list[AddressUse]:
    """Every address of a subnet that can't be given out now, in order."""
    uses = {text: AddressUse(text, "reserved") for text in subnet.reserved}
    uses[subnet.gateway] = AddressUse(subnet.gateway, "gateway")
    uses |= {nic.address: AddressUse(nic.address, "interface", nic) for nic in subnet.interfaces.all()}
    return sorted(uses.values(), key=lambda use: IPv4Address(use.address))
