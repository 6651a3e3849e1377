"""Rules of security groups as access control lists: in OVN's language for expressions (ovn-sb(5), Logical_Flow)."""

from __future__ import annotations

from collections.abc import Iterator

from networking.enums import Direction, Protocol
from networking.ovn.naming import DROP_GROUP, port_group, tags
from networking.topology import Cidr, Group, Rule

# Allowing beats dropping; DHCP beats both: a NIC without outbound rules shall get its address, and OVN asks its rules
# before its own DHCP server.
DROP_PRIORITY, ALLOW_PRIORITY, DHCP_PRIORITY = 1001, 1002, 1003
DIRECTIONS = {Direction.IN: "to-lport", Direction.OUT: "from-lport"}
SIDES = {Direction.IN: "outport", Direction.OUT: "inport"}
PEERS = {Direction.IN: "src", Direction.OUT: "dst"}
DROPS = {Direction.IN: "drop-in", Direction.OUT: "drop-out"}
V4, V6 = 4, 6
UUID_LENGTH = 36

Columns = dict[str, object]


def default_acls() -> Iterator[tuple[str, Columns]]:
    """What holds for every interface: nothing passes, except its questions to the DHCP server."""
    for direction, key in DROPS.items():
        match = f"{SIDES[direction]} == @{DROP_GROUP} && ip"
        yield key, _acl(key, "default", direction, DROP_PRIORITY, match, "drop")
    ask = f"inport == @{DROP_GROUP} && udp.src == 68 && udp.dst == 67"
    yield "dhcp-out", _acl("dhcp-out", "default", Direction.OUT, DHCP_PRIORITY, ask, "allow")


def group_acls(group: Group) -> Iterator[tuple[str, Columns]]:
    """Key and columns of each access control list of a security group: one per rule and family."""
    for rule in group.rules:
        for family in _families(rule):
            key = str(rule.id) if rule.cidr else f"{rule.id}-{family}"
            match = _match(port_group(group.id), rule, family)
            yield key, _acl(key, "rule", rule.direction, ALLOW_PRIORITY, match, "allow-related")


def origin(key: str) -> str:
    """What a list is made of: the rule's id, or the key itself for those that hold for all."""
    return key.removesuffix(f"-{V4}").removesuffix(f"-{V6}") if len(key) > UUID_LENGTH else key


def _acl(key: str, kind: str, direction: Direction, priority: int, match: str, action: str) -> Columns:
    return {
        "name": [key],
        "direction": DIRECTIONS[direction],
        "priority": priority,
        "match": match,
        "action": action,
        "external_ids": tags(kind, key),
    }


def _families(rule: Rule) -> tuple[int, ...]:
    return (rule.cidr.version,) if rule.cidr else (V4, V6)


def _match(members: str, rule: Rule, family: int) -> str:
    terms = [f"{SIDES[rule.direction]} == @{members}", f"ip{family}"]
    peer = f"ip{family}.{PEERS[rule.direction]}"
    if rule.group:
        terms.append(f"{peer} == ${port_group(rule.group)}_ip{family}")
    elif rule.cidr and rule.cidr.prefixlen:
        terms.append(f"{peer} == {_canonical(rule.cidr)}")
    return " && ".join([*terms, *_protocol(rule, family)])


def _canonical(cidr: Cidr) -> str:
    """A single address without its prefix, as OVN writes it."""
    return str(cidr.network_address if cidr.prefixlen == cidr.max_prefixlen else cidr)


def _protocol(rule: Rule, family: int) -> Iterator[str]:
    if rule.protocol == Protocol.ANY:
        return
    yield f"icmp{family}" if rule.protocol == Protocol.ICMP else rule.protocol.value
    if not rule.protocol.has_ports:
        return
    port = f"{rule.protocol.value}.dst"
    if rule.port_min is not None and rule.port_min == rule.port_max:
        yield f"{port} == {rule.port_min}"
        return
    if rule.port_min is not None:
        yield f"{port} >= {rule.port_min}"
    if rule.port_max is not None:
        yield f"{port} <= {rule.port_max}"
