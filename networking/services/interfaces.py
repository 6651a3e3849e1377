"""Interfaces, for the app whose machines have them: checked here, owned there. Without an audit entry of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from cloudia.accounts.models import Project
from cloudia.core.errors import InputError
from cloudia.core.faults import Faults
from cloudia.core.rows import locked
from networking.models import NetworkInterface, SecurityGroup, Subnet
from networking.services import addresses

MAX_INTERFACES = 8  # of one machine: PCIe slots are limited
MAX_GROUPS = 16  # of one interface


@dataclass(frozen=True, kw_only=True)
class InterfaceWish:
    """An interface as asked for. Without ``address`` the lowest free one is taken."""

    subnet: Subnet
    address: str = ""
    security_groups: tuple[SecurityGroup, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whose an interface is. ``name`` is also what neighbours may call it."""

    id: UUID
    name: str
    short_id: str
    type: str = "instance"


def check_interfaces(
    faults: Faults, wishes: Sequence[InterfaceWish], project: Project, vpc_id: UUID | None = None
) -> None:
    """Note everything that can't be as wished, at ``interfaces.0.subnet`` and so on.

    All of them are of one project and one VPC: ``vpc_id``, or the first one's.
    """
    faults.require(bool(wishes), "interfaces", "required", _("An instance needs at least one network interface."))
    most = _("At most %(most)s.") % {"most": MAX_INTERFACES}
    faults.require(len(wishes) <= MAX_INTERFACES, "interfaces", "too_many", most)
    for number, wish in enumerate(wishes):
        _check(faults, wish, project, f"interfaces.{number}.")
        one = wish.subnet.vpc_id == (vpc_id or wishes[0].subnet.vpc_id)
        other = _("All interfaces of an instance are in one VPC. This subnet is in another.")
        faults.require(one, f"interfaces.{number}.subnet", "other_vpc", other)


def _check(faults: Faults, wish: InterfaceWish, project: Project, prefix: str) -> None:
    ours = wish.subnet.project_id == project.pk
    faults.require(ours, f"{prefix}subnet", "other_project", _("This subnet belongs to another project."))
    foreign = [group for group in wish.security_groups if group.project_id != project.pk]
    other = _("This security group belongs to another project.")
    faults.require(not foreign, f"{prefix}security_groups", "other_project", other)
    most = _("At most %(most)s.") % {"most": MAX_GROUPS}
    faults.require(len(wish.security_groups) <= MAX_GROUPS, f"{prefix}security_groups", "too_many", most)


def interfaces_create(*, owner: Owner, wishes: Sequence[InterfaceWish]) -> list[NetworkInterface]:
    """Interfaces for checked wishes, in the same order: wished addresses first, so that no automatic one takes them.

    Raises InputError with fields ``interfaces.0.ip_address``, ``interfaces.0.subnet``.
    """
    held = _held(wishes)
    faults, made = Faults(), dict[int, NetworkInterface]()
    for number, wish in sorted(enumerate(held), key=lambda item: not item[1].address.strip()):
        try:
            made[number] = _create(owner, wish)
        except InputError as error:
            faults.include(error, f"interfaces.{number}.")
    faults.raise_if_any()
    return [made[number] for number in range(len(wishes))]


def _held(wishes: Sequence[InterfaceWish], prefix: str = "interfaces.{}.") -> list[InterfaceWish]:
    """The wishes with their subnets and groups locked: none goes before the transaction ends.

    Raises InputError where one has gone already.
    """
    subnets = locked(Subnet, [wish.subnet for wish in wishes])
    groups = locked(SecurityGroup, [group for wish in wishes for group in wish.security_groups])
    faults, gone = Faults(), _("It was deleted meanwhile.")
    for number, wish in enumerate(wishes):
        faults.require(wish.subnet.pk in subnets, prefix.format(number) + "subnet", "gone", gone)
        there = all(group.pk in groups for group in wish.security_groups)
        faults.require(there, prefix.format(number) + "security_groups", "gone", gone)
    faults.raise_if_any()
    return [replace(wish, subnet=subnets[wish.subnet.pk]) for wish in wishes]


def _create(owner: Owner, wish: InterfaceWish) -> NetworkInterface:
    interface = NetworkInterface.objects.create(
        project_id=wish.subnet.project_id,
        subnet=wish.subnet,
        address=addresses.free_address(wish.subnet, wish.address),
        mac=addresses.new_mac(),
        owner_type=owner.type,
        owner_id=owner.id,
        owner_name=owner.name,
        owner_short_id=owner.short_id,
    )
    interface.security_groups.set(wish.security_groups)
    return interface


def interface_change(*, interface: NetworkInterface, wish: InterfaceWish) -> NetworkInterface:
    """Bring an interface to a checked wish; it keeps its address where it keeps its subnet and none is wished.

    Raises InputError at ``ip_address``, ``subnet`` or ``security_groups``.
    """
    (wish,) = _held([wish], prefix="")
    row = NetworkInterface.objects.select_for_update().get(pk=interface.pk)
    if wish.subnet.pk != row.subnet_id or wish.address.strip():
        row.address = addresses.free_address(wish.subnet, wish.address, besides=row)
        row.subnet = wish.subnet
        row.save(update_fields=["address", "subnet"])
    row.security_groups.set(wish.security_groups)
    return row


def interfaces_rename(*, owner_id: UUID, name: str) -> None:
    """Their owner is called ``name`` from now on."""
    NetworkInterface.objects.filter(owner_id=owner_id).update(owner_name=name)


def interfaces_delete(interfaces: Sequence[Any]) -> None:
    """Give addresses and MACs back; floating IPs stay with their project."""
    rows = NetworkInterface.objects.filter(pk__in=[interface.pk for interface in interfaces])
    list(rows.select_for_update().order_by("pk"))  # no floating IP is pointed at one meanwhile
    rows.delete()
