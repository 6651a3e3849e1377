"""Following a packet through the real logical flows: who let it through, and who did not.

``ovn-trace`` is the one external program of this backend: the engine that evaluates flows is in no library.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final
from uuid import UUID

from django.conf import settings

from networking.enums import Direction, Protocol
from networking.ovn.errors import refused, silent
from networking.ovn.naming import (
    external_port,
    external_router_port,
    external_switch,
    floating_mac,
    gateway_mac,
    mac_of,
    subnet_switch,
)
from networking.ovn.rules import default_acls, group_acls, origin
from networking.topology import Gateway, Port, Probe, Subnet, Topology, Verdict, Vpc

TIMEOUT_S = 10.0
ERROR_LIMIT = 1000  # characters of an error that are told
TEXT_LIMIT = 100_000  # characters of a trace that are kept
# What the packet is wherever it is tracked, in order; after the last ovn-trace assumes an established connection.
# Each switch tracks at most twice, and a packet crosses fewer than this many.
NEW_CONNECTION: Final = ("--ct=new",) * 16
# A router answers itself: its answer is the second thing tracked, and belongs to a connection.
ANSWERED: Final = ("--ct=new", "--ct=est,rpl")

# One step, such as: " 4. ls_out_acl (northd.c:6543): reg0[9] == 1 && (outport == @x && ip), priority 2001, uuid 49"
STEP = re.compile(
    r"^ *\d+\. (?P<stage>\w+)(?: \([^()]*\))?: (?P<match>.*), priority \d+, uuid [0-9a-f-]+$", re.MULTILINE
)
OUTPUT = re.compile(r'/\* output to "(?P<port>[^"]*)", type "(?P<type>[^"]*)" \*/')
PATCH = "patch"  # the type of ports between switches and routers: not the end yet
# OVN's words are the switch's: in is from the guest. Later versions than 23.03 have ls_in_acl_eval and the like.
ACL_STAGES = {"ls_in_acl": Direction.OUT, "ls_out_acl": Direction.IN}
DEFAULT_TTL = 64  # of Linux


def trace(topology: Topology, probe: Probe) -> Verdict:
    """What happens to a packet from an interface to an address, inside or outside, as the first of a new connection.

    Raises NetworkUnreachable, NetworkRejected where OVN does not know the interface (yet), and KeyError where the
    topology does not.
    """
    vpc, subnet, port = _located(topology)[probe.source]
    connection = ANSWERED if probe.destination in _router_addresses(vpc) else NEW_CONNECTION
    packet = _packet(f'"{port.id}"', port.mac, _next_hop(subnet, probe.destination), port.address, probe)
    verdict = read_trace(_run([*connection, "--", subnet_switch(subnet.id), packet]), topology)
    if vpc.gateway and verdict.delivered_to == external_port(vpc.gateway.provider):
        return _continued(topology, vpc, vpc.gateway, probe, verdict)
    return verdict


def _continued(topology: Topology, vpc: Vpc, gateway: Gateway, probe: Probe, first: Verdict) -> Verdict:
    """The way back in, where the packet went outside to a floating IP of another VPC.

    The two routers would find each other by ARP, which is where ovn-trace ends.
    """
    target = next(
        (each for other in topology.vpcs for each in other.floating if each.public == probe.destination), None
    )
    if target is None:
        return first
    own = (floating.public for floating in vpc.floating if floating.port == probe.source)
    cable, source_mac = external_port(gateway.provider), mac_of(external_router_port(vpc.id))
    packet = _packet(f'"{cable}"', source_mac, floating_mac(target.id), next(own, gateway.address), probe)
    second = read_trace(_run([*NEW_CONNECTION, "--", external_switch(gateway.provider), packet]), topology)
    acls, text = {**first.acls, **second.acls}, f"{first.text}\n{second.text}"
    return replace(second, acls=acls, text=text[:TEXT_LIMIT])


def read_trace(text: str, topology: Topology) -> Verdict:
    """The verdict in the detailed output of ovn-trace."""
    ends = [found["port"] for found in OUTPUT.finditer(text) if found["type"] != PATCH]
    steps = list(STEP.finditer(text))
    return Verdict(
        delivered_to=ends[-1] if ends else "",
        dropped_at=steps[-1]["stage"] if steps and not ends else "",
        acls=_deciding(steps, _matches(topology)),
        text=text[:TEXT_LIMIT],
    )


def _located(topology: Topology) -> dict[UUID, tuple[Vpc, Subnet, Port]]:
    subnets = ((vpc, subnet) for vpc in topology.vpcs for subnet in vpc.subnets)
    return {port.id: (vpc, subnet, port) for vpc, subnet in subnets for port in subnet.ports}


def _router_addresses(vpc: Vpc) -> set[IPv4Address]:
    return {subnet.gateway for subnet in vpc.subnets} | ({vpc.gateway.address} if vpc.gateway else set())


def _packet(inport: str, source_mac: str, next_hop: str, source: IPv4Address, probe: Probe) -> str:
    """The packet in OVN's language for expressions. Made of ids, numbers and addresses only, so it means no more."""
    terms = {
        "inport": inport,
        "eth.src": source_mac,
        "eth.dst": next_hop,
        "ip4.src": source,
        "ip4.dst": probe.destination,
        "ip.ttl": DEFAULT_TTL,
    }
    return " && ".join([*(f"{name} == {value}" for name, value in terms.items()), *_payload(probe)])


def _next_hop(subnet: Subnet, destination: IPv4Address) -> str:
    """The MAC address that the guest sends to. One nobody has stands for a neighbour that does not exist."""
    if destination == subnet.gateway or destination not in subnet.cidr:
        return gateway_mac(subnet.id)
    neighbours = {port.address: port.mac for port in subnet.ports}
    return neighbours.get(destination, mac_of(f"nobody {destination}"))


def _payload(probe: Probe) -> Iterator[str]:
    if probe.protocol == Protocol.ICMP:
        yield "icmp4.type == 8 && icmp4.code == 0"  # echo request
    elif probe.protocol.has_ports:
        yield probe.protocol.value if probe.port is None else f"{probe.protocol.value}.dst == {int(probe.port)}"


def _run(arguments: Sequence[str]) -> str:
    remote = settings.OVN_SOUTHBOUND
    options = [f"--db={remote}", "--no-leader-only", "--no-friendly-names", "--detailed", *_keys(remote)]
    command = ["ovn-trace", *options, *arguments]
    try:
        # No shell; and neither settings nor what _packet makes of plain values comes from people.
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, text=True, errors="replace", check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise silent(remote) from None
    except OSError as error:
        raise refused(f"ovn-trace: {error.strerror}") from error
    text = done.stdout.replace("\0", "")
    if done.returncode or not STEP.search(text):  # an unknown switch is said on standard output, with success
        raise refused((text or done.stderr).replace("\0", "").strip()[-ERROR_LIMIT:])
    return text


def _keys(remote: str) -> list[str]:
    if "ssl:" not in remote:
        return []
    files = {"-p": settings.OVN_PRIVATE_KEY, "-c": settings.OVN_CERTIFICATE, "-C": settings.OVN_CA}
    return [word for option in files.items() for word in option]


def _matches(topology: Topology) -> list[tuple[str, str]]:
    """Each of our access control lists: its match and what it is made of, the longest match first."""
    acls = [*default_acls(), *(acl for group in topology.groups for acl in group_acls(group))]
    return sorted(((str(columns["match"]), origin(key)) for key, columns in acls), key=lambda acl: -len(acl[0]))


def _deciding(steps: Sequence[re.Match[str]], matches: Sequence[tuple[str, str]]) -> Mapping[Direction, str]:
    """By direction, what let the packet through or dropped it: northd writes the list's match into the flow's."""
    found: dict[Direction, str] = {}
    for step in steps:
        direction = ACL_STAGES.get(step["stage"].removesuffix("_eval"))
        key = next((key for match, key in matches if match in step["match"]), "")
        if direction and key:
            found[direction] = key
    return found
