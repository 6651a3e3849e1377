"""How rows are called and recognised: names, tags and MAC addresses that follow from ids alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

DROP_GROUP = "pg_default_drop"  # every interface is in it
KIND, ID, NAME, OWNER = "cloudia:kind", "cloudia:id", "cloudia:name", "cloudia:owner"  # keys of external_ids
INSTALLATION = "cloudia:installation"  # in NB_Global's external_ids

# Tables whose schema makes names unique (ovn-nb.ovsschema, "indexes"), and those of ours that name rows just as well.
UNIQUE_NAMES = frozenset({"Logical_Switch_Port", "Logical_Router_Port", "Port_Group", "Gateway_Chassis"})
NAMED = UNIQUE_NAMES | {"Logical_Switch", "Logical_Router"}
# Tables whose rows stay until they are deleted ("isRoot"); rows of all others go with the last reference to them.
ROOTS = frozenset({"Logical_Switch", "Logical_Router", "Port_Group", "DHCP_Options", "DNS"})
MANAGED = NAMED | ROOTS | {"ACL", "NAT", "Logical_Router_Static_Route"}


@dataclass(frozen=True, slots=True)
class Ref:
    """A row of ours: ``key`` is its name in tables of :data:`NAMED`, else its ``cloudia:id``."""

    table: str
    key: str


def tags(kind: str, identity: object, name: str = "", **more: str) -> dict[str, str]:
    """``external_ids`` of a row, by which operators and we find it."""
    found = {KIND: kind, ID: str(identity), NAME: name, **{f"cloudia:{key}": value for key, value in more.items()}}
    return {key: value for key, value in found.items() if value}


def vpc_router(vpc: UUID) -> str:
    """Name of a VPC's logical router."""
    return f"vpc-{vpc}"


def subnet_switch(subnet: UUID) -> str:
    """Name of a subnet's logical switch."""
    return f"subnet-{subnet}"


def subnet_router_port(subnet: UUID) -> str:
    """Name of the router's port in a subnet: the subnet's gateway."""
    return f"lrp-{subnet}"


def external_router_port(vpc: UUID) -> str:
    """Name of the router's port on the external network."""
    return f"lrp-ext-{vpc}"


def external_switch(provider: UUID) -> str:
    """Name of an external network's logical switch."""
    return f"ext-{provider}"


def external_port(provider: UUID) -> str:
    """Name of the port through which an external network's switch leads outside."""
    return f"provnet-{provider}"


def port_group(group: UUID) -> str:
    """Name of a security group's port group: no dashes, as it occurs in expressions."""
    return f"sg_{group}".replace("-", "_")


def mac_of(what: str) -> str:
    """A MAC address that follows from a text: locally administered, unicast (02, as IEEE 802 has it)."""
    octets = hashlib.sha256(what.encode()).digest()[:5]
    return ":".join(["02", *(f"{octet:02x}" for octet in octets)])


def gateway_mac(subnet: UUID) -> str:
    """The MAC address guests of a subnet know their gateway by."""
    return mac_of(subnet_router_port(subnet))


def floating_mac(floating: UUID) -> str:
    """The MAC address the outside knows a floating IP by."""
    return mac_of(str(floating))
