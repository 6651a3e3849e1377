"""The external network of a single machine: a bridge that carries its gateway, forwarding, and masquerading.

OVN knows it as the physical network ``public``. A ``br-ex`` that somebody else has made is left alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

from deploy.commands import run, vsctl
from deploy.errors import StartError

NETWORK, BRIDGE = "public", "br-ex"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
MINE = ("cloudia:kind", "external-network")  # external_ids of our bridge
# VPNs that take everything halve the default route: 0.0.0.0/1 and 128.0.0.0/1.
SHORTEST_ROUTE = 2  # bits
MASQUERADE = """\
table ip cloudia
delete table ip cloudia
table ip cloudia {{
  chain postrouting {{
    type nat hook postrouting priority srcnat
    ip saddr {network} ip daddr != {network} oifname != "{bridge}" masquerade
  }}
}}
"""


def refuse_overlap(network: IPv4Network) -> None:
    """Raise StartError if the machine reaches some of ``network`` already, which the bridge would hide from it."""
    for nic, other in _networks():
        if nic != BRIDGE and other.overlaps(network) and other.prefixlen >= SHORTEST_ROUTE:
            raise StartError(
                f"the external network {network} overlaps {other} on {nic}: set CLOUDIA_EXTERNAL_CIDR to one "
                "that is free, or CLOUDIA_NETWORK=off."
            )


def ensure(network: IPv4Network, *, userspace: bool) -> None:
    """Make the bridge unless it is there, and connect it to the world. The first address is the gateway's."""
    bridges = vsctl("list-br").split()
    if BRIDGE not in bridges:
        _make(userspace=userspace)
    elif vsctl("br-get-external-id", BRIDGE, MINE[0]).strip() != MINE[1]:
        return
    _address(IPv4Interface((network[1], network.prefixlen)))
    _forward(network)


def _networks() -> Iterator[tuple[str, IPv4Network]]:
    """What each NIC leads to, by its addresses and by the main routing table."""
    for nic, address in _addresses():
        yield nic, address.network
    for route in _ip("route"):
        if route["dst"] != "default":
            yield route.get("dev", "no NIC"), IPv4Network(route["dst"])


def _addresses() -> Iterator[tuple[str, IPv4Interface]]:
    for nic in _ip("address"):
        for address in nic.get("addr_info", ()):
            yield nic["ifname"], IPv4Interface(f"{address['local']}/{address['prefixlen']}")


def _ip(subject: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run("ip", "-json", "-4", subject) or "[]")
    return rows


def _make(*, userspace: bool) -> None:
    kind = ("--", "set", "bridge", BRIDGE, "datapath_type=netdev") if userspace else ()
    vsctl("add-br", BRIDGE, "--", "br-set-external-id", BRIDGE, *MINE, *kind)


def _address(gateway: IPv4Interface) -> None:
    """Carry this one alone: another is what the setting used to say."""
    for nic, address in _addresses():
        if nic == BRIDGE and address != gateway:
            run("ip", "address", "delete", str(address), "dev", BRIDGE)
    run("ip", "address", "replace", str(gateway), "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")


def _forward(network: IPv4Network) -> None:
    """Let guests out; a machine that can't still has networks, so that is only said."""
    try:
        FORWARDING.write_text("1\n")
        run("nft", "--file", "-", stdin=MASQUERADE.format(network=network, bridge=BRIDGE))
    except OSError as error:
        print(f"Guests reach this machine only: {error}", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[0]
        print(f"Guests reach this machine only: nft failed: {reason}", file=sys.stderr)
