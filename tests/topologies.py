"""Networks to try things on: two VPCs alike, down to their addresses, or one of any size."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from networking.enums import Direction, Protocol
from networking.topology import Cidr, Floating, Gateway, Group, Port, Provider, Rule, Subnet, Topology, Vpc

INSTALLATION = uuid5(NAMESPACE_OID, "installation")


def known(*what: object) -> UUID:
    """The id of something, the same each time."""
    return uuid5(NAMESPACE_OID, "/".join(map(str, what)))


def rule(name: str, direction: Direction, protocol: Protocol = Protocol.ANY, **more: Any) -> Rule:
    """A rule; ``ports`` is a pair, ``cidr`` a text."""
    low, high = more.pop("ports", (None, None))
    cidr: Cidr | None = ip_network(more.pop("cidr")) if "cidr" in more else None
    values = {"direction": direction, "protocol": protocol, "port_min": low, "port_max": high, "cidr": cidr}
    return Rule(id=known("rule", name), **values, **more)


PUBLIC = Provider(
    id=known("public"),
    name="public",
    physical_network="public",
    gateway=IPv4Address("198.51.100.1"),
    cidr=IPv4Network("198.51.100.0/24"),
)
WEB_IN = rule("web-in", Direction.IN, Protocol.TCP, ports=(80, 80), cidr="0.0.0.0/0")
WEB_IN6 = rule("web-in6", Direction.IN, Protocol.TCP, ports=(80, 89), cidr="::/0")
WEB_PING = rule("web-ping", Direction.IN, Protocol.ICMP, cidr="10.0.2.0/24")
WEB_OUT = rule("web-out", Direction.OUT, cidr="0.0.0.0/0")
DB_IN = rule("db-in", Direction.IN, Protocol.TCP, ports=(5432, 5432), group=known("web"))
WEB = Group(id=known("web"), name="웹 서버", rules=(WEB_IN, WEB_IN6, WEB_PING, WEB_OUT))
DB = Group(id=known("db"), name="db", rules=(DB_IN,))


def _port(vpc: str, name: str, mac: int, address: str, *groups: Group) -> Port:
    return Port(
        id=known(vpc, name),
        mac=f"52:54:00:{vpc.encode().hex()}:00:{mac:02x}",
        address=IPv4Address(address),
        groups=tuple(group.id for group in groups),
        names=(name,),
        owner=f"i-{name}",
    )


def _vpc(name: str, number: int) -> Vpc:
    """``web``, ``db`` and ``alone`` (without a group) in the first subnet, ``far``, another database, in the second."""
    near = (
        _port(name, "web", 10, "10.0.1.10", WEB),
        _port(name, "db", 11, "10.0.1.11", DB),
        _port(name, "alone", 12, "10.0.1.12"),
    )
    return Vpc(
        id=known("vpc", name),
        name=name,
        subnets=(
            _subnet(name, "near", "10.0.1", near),
            _subnet(name, "far", "10.0.2", (_port(name, "far", 13, "10.0.2.10", DB),)),
        ),
        gateway=Gateway(
            provider=PUBLIC.id, address=IPv4Address(f"198.51.100.{10 + number}"), chassis=("host-1", "host-2")
        ),
        floating=(
            Floating(
                id=known("floating", name),
                public=IPv4Address(f"198.51.100.{110 + number}"),
                private=near[0].address,
                port=near[0].id,
            ),
        ),
    )


def _subnet(vpc: str, name: str, network: str, ports: tuple[Port, ...]) -> Subnet:
    return Subnet(
        id=known("subnet", vpc, name),
        name=name,
        cidr=IPv4Network(f"{network}.0/24"),
        gateway=IPv4Address(f"{network}.1"),
        dns=("1.1.1.1", "8.8.8.8"),
        ports=ports,
    )


def twins() -> Topology:
    """Two VPCs, ``a`` and ``b``, that have everything alike but their public addresses."""
    return Topology(vpcs=(_vpc("a", 1), _vpc("b", 2)), groups=(WEB, DB), providers=(PUBLIC,))


def port(vpc: str, name: str) -> Port:
    """One of the interfaces in :func:`twins`."""
    ports = (port for each in twins().vpcs if each.name == vpc for subnet in each.subnets for port in subnet.ports)
    return next(port for port in ports if name in port.names)
