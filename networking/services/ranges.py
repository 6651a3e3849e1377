"""What can be wrong with an address range, its gateway and the addresses kept in it: one check for every interface."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from cloudia.core.faults import Faults
from cloudia.core.networks import Network, parse_network
from networking.models import VPC, Subnet

SMALLEST = 29  # five addresses for interfaces; below that a gateway is all that fits
LARGEST = 8
THIS_NETWORK = IPv4Network("0.0.0.0/8")  # RFC 1122, 3.2.1.3: no host's address
MAX_DNS, MAX_RESERVED = 8, 256


def read_range(faults: Faults, text: str | Network, field: str = "cidr") -> IPv4Network | None:
    """The IPv4 range that ``text`` says, with room for a gateway and more; or None with the faults noted."""
    network = _parsed(faults, text, field)
    return network if network and _fits(faults, network, field) else None


def _parsed(faults: Faults, text: str | Network, field: str) -> IPv4Network | None:
    try:
        network = parse_network(str(text))
    except ValidationError as error:
        faults.note(field, error.code or "invalid", error.messages[0])
        return None
    if isinstance(network, IPv6Network):
        faults.note(field, "ipv6", _("Subnets have IPv4 addresses. Enter an IPv4 network."))
        return None
    return network


def _fits(faults: Faults, network: IPv4Network, field: str) -> bool:
    """Whether there is room for interfaces, it is not the whole world, and means nothing else."""
    if not LARGEST <= network.prefixlen <= SMALLEST:
        words = {"largest": LARGEST, "smallest": SMALLEST}
        faults.note(field, "bad_size", _("The prefix must be from /%(largest)s to /%(smallest)s.") % words)
        return False
    special = network.is_multicast or network.is_loopback or network.is_link_local or network.is_reserved
    if special or network.subnet_of(THIS_NETWORK):
        faults.note(field, "not_usable", _("This range has a special meaning and can't be used."))
        return False
    return True


def check_apart(faults: Faults, network: IPv4Network, vpc: VPC, besides: Subnet | None = None) -> None:
    """Subnets of one VPC don't overlap; call with the VPC's row locked."""
    for other in vpc.subnets.exclude(pk=besides.pk) if besides else vpc.subnets.all():
        message = _("It overlaps with subnet “%(name)s” (%(range)s).") % {"name": other, "range": other.cidr}
        faults.require(not network.overlaps(other.network), "cidr", "overlap", message)


def read_address(faults: Faults, text: str, field: str) -> IPv4Address | None:
    """The IPv4 address that ``text`` says, or None with the fault noted."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        faults.note(field, "invalid", _("Enter an IP address, like 10.0.0.10."))
        return None
    if not isinstance(address, IPv4Address):
        faults.note(field, "ipv6", _("Enter an IPv4 address."))
        return None
    return address


def read_gateway(faults: Faults, text: str, network: IPv4Network, field: str = "gateway") -> IPv4Address | None:
    """The gateway: the first address unless said otherwise; inside the range, and neither its first nor last."""
    if not text.strip():
        return network[1]
    if (address := read_address(faults, text, field)) is None:
        return None
    inside = address in network and address not in {network.network_address, network.broadcast_address}
    faults.require(inside, field, "outside", _("It must be an address inside %(range)s.") % {"range": network})
    return address


def read_resolvers(faults: Faults, texts: Iterable[str]) -> list[str]:
    """DNS servers for the guests."""
    found = []
    for index, text in enumerate(texts):
        address = read_address(faults, text, f"dns.{index}")
        found += [str(address)] if address else []
    faults.require(len(found) <= MAX_DNS, "dns", "too_many", _("At most %(most)s.") % {"most": MAX_DNS})
    return found


def read_reserved(faults: Faults, texts: Sequence[str], network: IPv4Network) -> list[str]:
    """Addresses of the range that no interface shall get."""
    found = set()
    for index, text in enumerate(texts):
        if address := read_address(faults, text, f"reserved.{index}"):
            message = _("It must be an address inside %(range)s.") % {"range": network}
            faults.require(address in network, f"reserved.{index}", "outside", message)
            found.add(address)
    message = _("At most %(most)s.") % {"most": MAX_RESERVED}
    faults.require(len(found) <= MAX_RESERVED, "reserved", "too_many", message)
    return [str(address) for address in sorted(found)]


def is_public(network: IPv4Network) -> bool:
    """Whether hosts in the Internet may have these addresses: worth a warning, not a refusal."""
    return network.is_global
