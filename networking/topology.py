"""The whole network as it shall be, as plain values: what the database says, and what OVN is made to say.

No ORM and no OVN in here: selectors make a :class:`Topology` from rows, the OVN backend compiles it to other rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import TypeAlias
from uuid import UUID

from networking.enums import Direction, Protocol

Cidr: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Traffic that a security group lets through: to or from ``cidr``, or the members of ``group``.

    Ports are inclusive, and None where the protocol has none or all are meant. With ``group`` a rule is about both
    families.
    """

    id: UUID
    direction: Direction
    protocol: Protocol
    port_min: int | None = None
    port_max: int | None = None
    cidr: Cidr | None = None
    group: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A security group."""

    id: UUID
    name: str
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An external network: ``physical_network`` is what hosts map to a bridge (``ovn-bridge-mappings``)."""

    id: UUID
    name: str
    physical_network: str
    gateway: IPv4Address
    cidr: IPv4Network
    vlan: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A network interface. ``names`` are what its neighbours may call it, without the domain; ``owner`` is for
    operators' eyes (the instance's short id)."""

    id: UUID
    mac: str
    address: IPv4Address
    groups: tuple[UUID, ...] = ()
    names: tuple[str, ...] = ()
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A range of addresses with its gateway, and the interfaces in it."""

    id: UUID
    name: str
    cidr: IPv4Network
    gateway: IPv4Address
    dns: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A VPC's way out: its address on the external network, and the chassis that may carry it, best first."""

    provider: UUID
    address: IPv4Address
    chassis: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Floating:
    """A public address that leads to an interface."""

    id: UUID
    public: IPv4Address
    private: IPv4Address
    port: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Vpc:
    """A router and its subnets."""

    id: UUID
    name: str
    subnets: tuple[Subnet, ...] = ()
    gateway: Gateway | None = None
    floating: tuple[Floating, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Everything. ``mtu`` is the guests', in bytes; ``domain`` follows the names of ports."""

    vpcs: tuple[Vpc, ...] = ()
    groups: tuple[Group, ...] = ()
    providers: tuple[Provider, ...] = ()
    mtu: int = 1442  # 1500 without Geneve's 58 bytes
    domain: str = "internal"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between what is and what shall be: a row to make (``+``), mend (``~``) or remove (``-``)."""

    sign: str
    table: str
    key: str
    column: str = ""

    def __str__(self) -> str:
        return f"{self.sign} {self.table} {self.key}{' ' + self.column if self.column else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chassis:
    """A host as OVN sees it. ``userspace``: its switch runs without the kernel module, so guests must not leave
    checksums and segmentation to it. ``answers``: it has followed what northd asked of it lately."""

    name: str
    hostname: str
    userspace: bool
    answers: bool
    physical_networks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A packet to follow: from an interface to an address. ``port`` is the destination's, for TCP and UDP."""

    source: UUID
    destination: IPv4Address
    protocol: Protocol
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Where a probe ended. ``delivered_to`` is the logical port it came out of, if it did.

    ``acls`` are the ids of the rules (or ``drop-in``, ``drop-out``) that decided, in the order met: by direction.
    """

    delivered_to: str = ""
    dropped_at: str = ""  # the pipeline stage, in OVN's words: ls_out_acl_eval
    acls: Mapping[Direction, str] = field(default_factory=dict)
    text: str = ""  # what ovn-trace said
