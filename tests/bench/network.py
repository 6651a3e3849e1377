"""Keeping OVN in agreement: compile and compare everything, write what differs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from django.test import override_settings

from networking import ovn
from networking.enums import Direction, Protocol
from networking.topology import Floating, Gateway, Group, Port, Subnet, Topology, Vpc
from tests.bench.measure import MS, in_turn, p50, seconds
from tests.bench.report import Check, at_most
from tests.ovn import running_ovn
from tests.topologies import INSTALLATION, PUBLIC, known, rule

VPCS, SUBNETS, PORTS, GROUPS = 10, 2, 50, 20  # subnets per VPC, ports per subnet: 1,000 ports
ROUNDS = 20
TARGET_MS = 150


def sync() -> Iterator[Check]:
    """With 1,000 ports in 20 groups: nothing differs, and one interface comes or goes."""
    with (
        tempfile.TemporaryDirectory(prefix="ovn-", dir="/tmp") as folder,
        running_ovn(Path(folder)) as processes,
        override_settings(OVN_NORTHBOUND=processes.northbound, OVN_SOUTHBOUND=processes.southbound),
    ):
        full = network()
        fewer = without_a_port(full)
        first = seconds(lambda: ovn.apply(full, INSTALLATION)) * MS
        ovn.wait(60)
        works = {
            "nothing": lambda: ovn.apply(full, INSTALLATION),
            "going": lambda: ovn.apply(fewer, INSTALLATION),
            "coming": lambda: ovn.apply(full, INSTALLATION),
        }
        times = in_turn(works, ROUNDS, warm_up=2, pause_s=0.3)  # northd has something to do, too
    changed = times["going"] + times["coming"]
    samples = {name: [round(taken * MS, 1) for taken in taken_times] for name, taken_times in times.items()}
    yield at_most("network", "sync, 1,000 ports, no change", "ms", p50(times["nothing"]) * MS, TARGET_MS, **samples)
    yield at_most("network", "sync, 1,000 ports, one change", "ms", p50(changed) * MS, TARGET_MS, first_ms=first)


def network() -> Topology:
    """Everybody in one of the groups, which let in their own members and the web."""
    return Topology(
        vpcs=tuple(_vpc(number) for number in range(VPCS)),
        groups=tuple(_group(number) for number in range(GROUPS)),
        providers=(PUBLIC,),
    )


def without_a_port(topology: Topology) -> Topology:
    """The same, but for the last interface of the last subnet."""
    *vpcs, vpc = topology.vpcs
    *subnets, subnet = vpc.subnets
    fewer = replace(vpc, subnets=(*subnets, replace(subnet, ports=subnet.ports[:-1])))
    return replace(topology, vpcs=(*vpcs, fewer))


def _group(number: int) -> Group:
    group = known("group", number)
    rules = (
        rule(f"{number}-web", Direction.IN, Protocol.TCP, ports=(80, 80), cidr="0.0.0.0/0"),
        rule(f"{number}-self", Direction.IN, group=group),
        rule(f"{number}-out", Direction.OUT, cidr="0.0.0.0/0"),
    )
    return Group(id=group, name=f"group-{number}", rules=rules)


def _vpc(number: int) -> Vpc:
    subnets = tuple(_subnet(number, place) for place in range(SUBNETS))
    first = subnets[0].ports[0]
    public = IPv4Address(f"198.51.100.{100 + number}")
    return Vpc(
        id=known("vpc", number),
        name=f"vpc-{number}",
        subnets=subnets,
        gateway=Gateway(provider=PUBLIC.id, address=IPv4Address(f"198.51.100.{10 + number}"), chassis=("one", "two")),
        floating=(Floating(id=known("floating", number), public=public, private=first.address, port=first.id),),
    )


def _subnet(vpc: int, place: int) -> Subnet:
    return Subnet(
        id=known("subnet", vpc, place),
        name=f"subnet-{place}",
        cidr=IPv4Network(f"10.0.{place}.0/24"),
        gateway=IPv4Address(f"10.0.{place}.1"),
        dns=("1.1.1.1", "8.8.8.8"),
        ports=tuple(_port(vpc, place, number) for number in range(PORTS)),
    )


def _port(vpc: int, place: int, number: int) -> Port:
    return Port(
        id=known("port", vpc, place, number),
        mac=f"52:54:00:{vpc:02x}:{place:02x}:{number:02x}",
        address=IPv4Address(f"10.0.{place}.{10 + number}"),
        groups=(known("group", number % GROUPS),),
        names=(f"host-{place}-{number}",),
        owner="i-bench",
    )
