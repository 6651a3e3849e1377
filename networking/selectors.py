"""Reading networks: for pages, and as the :class:`~networking.topology.Topology` that OVN is told."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import cast
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch
from django.utils import timezone

from networking import topology
from networking.enums import Direction, Protocol
from networking.models import (
    VPC,
    ExternalNetwork,
    FloatingIP,
    HostNetwork,
    NetworkChange,
    NetworkInterface,
    NetworkState,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
)
from networking.models.state import SLOW

LABEL = 63  # characters of a DNS label: RFC 1035, 2.3.4
GATEWAYS = 5  # hosts that stand by for one VPC, which all watch each other (BFD); as many as OpenStack Neutron takes


def dns_label(name: str) -> str:
    """What remains of a name in a DNS label: lower-case ASCII letters, digits and dashes. May be empty."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LABEL].rstrip("-")


def wished_topology() -> topology.Topology:
    """The whole network as the rows describe it. Call in a transaction that sees one moment."""
    ports = _ports_by_subnet()
    subnets = _subnets_by_vpc(ports)
    floating = _floating_by_vpc()
    chassis = _living_chassis()
    return topology.Topology(
        vpcs=tuple(
            topology.Vpc(
                id=vpc.pk,
                name=vpc.name,
                subnets=tuple(subnets[vpc.pk]),
                gateway=_gateway(vpc, chassis),
                floating=tuple(floating[vpc.pk]),
            )
            for vpc in VPC.objects.select_related("external_network").order_by("pk")
        ),
        groups=tuple(_groups()),
        providers=tuple(_provider(network) for network in ExternalNetwork.objects.order_by("pk")),
        mtu=settings.NETWORK_MTU,
    )


def _ports_by_subnet() -> dict[UUID, list[topology.Port]]:
    groups: dict[UUID, list[UUID]] = defaultdict(list)
    members = NetworkInterface.security_groups.through.objects.order_by("securitygroup_id")
    for interface_id, group_id in members.values_list("networkinterface_id", "securitygroup_id"):
        groups[interface_id].append(group_id)
    found: dict[UUID, list[topology.Port]] = defaultdict(list)
    columns = ("pk", "subnet_id", "mac", "address", "owner_name", "owner_short_id")
    for pk, subnet, mac, address, name, short_id in NetworkInterface.objects.order_by("pk").values_list(*columns):
        names = tuple(filter(None, dict.fromkeys((dns_label(name), short_id))))
        port = topology.Port(
            id=pk, mac=mac, address=IPv4Address(address), groups=tuple(groups[pk]), names=names, owner=short_id
        )
        found[subnet].append(port)
    return found


def _subnets_by_vpc(ports: dict[UUID, list[topology.Port]]) -> dict[UUID, list[topology.Subnet]]:
    found: dict[UUID, list[topology.Subnet]] = defaultdict(list)
    for subnet in Subnet.objects.order_by("pk"):
        found[subnet.vpc_id].append(
            topology.Subnet(
                id=subnet.pk,
                name=subnet.name,
                cidr=subnet.network,
                gateway=IPv4Address(subnet.gateway),
                dns=tuple(subnet.dns),
                ports=tuple(ports[subnet.pk]),
            )
        )
    return found


def _floating_by_vpc() -> dict[UUID, list[topology.Floating]]:
    found: dict[UUID, list[topology.Floating]] = defaultdict(list)
    for row in FloatingIP.objects.filter(interface__isnull=False).select_related("interface__subnet").order_by("pk"):
        nic = cast(NetworkInterface, row.interface)
        floating = topology.Floating(
            id=row.pk, public=IPv4Address(row.address), private=IPv4Address(nic.address), port=nic.pk
        )
        found[nic.subnet.vpc_id].append(floating)
    return found


def _living_chassis() -> dict[str, list[str]]:
    """Chassis that answer, by the physical network they are on; all of them where none answers: somebody must."""
    rows = list(HostNetwork.objects.order_by("chassis"))
    found: dict[str, list[str]] = defaultdict(list)
    for network in {name for row in rows for name in row.physical_networks}:
        there = [row for row in rows if network in row.physical_networks]
        found[network] = [row.chassis for row in ([row for row in there if row.answers] or there)]
    return found


def _gateway(vpc: VPC, chassis: dict[str, list[str]]) -> topology.Gateway | None:
    network = vpc.external_network
    if network is None or vpc.gateway_address is None:
        return None
    living = chassis[network.physical_network]
    start = vpc.pk.int % len(living) if living else 0  # VPCs spread over the hosts
    ordered = (*living[start:], *living[:start])
    return topology.Gateway(provider=network.pk, address=IPv4Address(vpc.gateway_address), chassis=ordered[:GATEWAYS])


def _groups() -> Iterable[topology.Group]:
    rules = Prefetch("rules", queryset=SecurityGroupRule.objects.order_by("pk"))
    for group in SecurityGroup.objects.prefetch_related(rules).order_by("pk"):
        yield topology.Group(id=group.pk, name=group.name, rules=tuple(map(_rule, group.rules.all())))


def _rule(row: SecurityGroupRule) -> topology.Rule:
    return topology.Rule(
        id=row.pk,
        direction=Direction(row.direction),
        protocol=Protocol(row.protocol),
        port_min=row.port_min,
        port_max=row.port_max,
        cidr=row.cidr,
        group=row.remote_group_id,
    )


def _provider(network: ExternalNetwork) -> topology.Provider:
    return topology.Provider(
        id=network.pk,
        name=network.name,
        physical_network=network.physical_network,
        vlan=network.vlan,
        cidr=cast(IPv4Network, network.cidr),
        gateway=IPv4Address(network.gateway),
    )


@dataclass(frozen=True, slots=True)
class AddressUse:
    """An address of a subnet that is not free. ``kind``: ``interface``, ``gateway`` or ``reserved``."""

    address: str
    kind: str
    interface: NetworkInterface | None = None


def addresses_in_use(subnet: Subnet) -> list[AddressUse]:
    """Who has which address, in order; addresses that nobody has are left out."""
    found = {text: AddressUse(text, "reserved") for text in subnet.reserved}
    found[subnet.gateway] = AddressUse(subnet.gateway, "gateway")
    for nic in subnet.interfaces.prefetch_related("security_groups"):
        found[nic.address] = AddressUse(nic.address, "interface", nic)
    return [found[text] for text in sorted(found, key=IPv4Address)]


@dataclass(frozen=True, slots=True)
class Effect:
    """Whether OVN knows what the database says: how many changes wait, and why, in the reader's language."""

    waiting: int
    problem: str


def effect_now() -> Effect:
    """Nothing and nothing while all is well."""
    late = waiting_changes()
    return Effect(late, network_problem() if late else "")


def waiting_changes() -> int:
    """How many changes OVN should know by now and does not."""
    return NetworkChange.objects.filter(at__lt=timezone.now() - SLOW).count()


def network_problem() -> str:
    """Why OVN could not be told the last time, in the reader's language; empty if it could."""
    state = NetworkState.objects.first()  # looking makes no row
    return state.problem if state else ""
