"""Following a packet through the real logical flows: who let it through, and who did not.

``ovn-trace`` is the one external program of this backend: the engine that evaluates flows is in no library.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Final
from uuid import UUID

from django.conf import settings

from networking.enums import Direction, Protocol
from networking.ovn.errors import refused, silent
from networking.ovn.naming import gateway_mac, mac_of, subnet_switch
from networking.ovn.rules import default_acls, group_acls, origin
from networking.topology import Port, Probe, Subnet, Topology, Verdict

TIMEOUT_S = 10.0
ERROR_LIMIT = 1000  # characters of an error that are told
TEXT_LIMIT = 100_000  # characters of a trace that are kept
# A new connection, wherever the packet is tracked: after the last of these ovn-trace assumes an established one. Each
# switch tracks at most twice, and a packet crosses fewer than this many.
NEW_CONNECTION: Final = ("--ct=new",) * 16

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
    subnet, port = _located(topology)[probe.source]
    return read_trace(_run(subnet_switch(subnet.id), _packet(subnet, port, probe)), topology)


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


def _located(topology: Topology) -> dict[UUID, tuple[Subnet, Port]]:
    subnets = (subnet for vpc in topology.vpcs for subnet in vpc.subnets)
    return {port.id: (subnet, port) for subnet in subnets for port in subnet.ports}


def _packet(subnet: Subnet, port: Port, probe: Probe) -> str:
    """The packet in OVN's language for expressions. Made of UUIDs, numbers and addresses only, so it means no more."""
    terms = {
        "inport": f'"{port.id}"',
        "eth.src": port.mac,
        "eth.dst": _next_hop(subnet, probe.destination),
        "ip4.src": port.address,
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


def _run(switch: str, packet: str) -> str:
    remote = settings.OVN_SOUTHBOUND
    options = [f"--db={remote}", "--no-leader-only", "--no-friendly-names", "--detailed", *_keys(remote)]
    command = ["ovn-trace", *options, *NEW_CONNECTION, "--", switch, packet]
    try:
        # No shell; and neither settings nor what _packet makes of plain values comes from people.
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, text=True, errors="replace", check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise silent(remote) from None
    except OSError as error:
        raise refused(f"ovn-trace: {error.strerror}") from error
    if done.returncode:
        raise refused(done.stderr.strip()[-ERROR_LIMIT:])
    return done.stdout


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
