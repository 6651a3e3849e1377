"""What a rule shall be, and everything that can be wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from cloudia.core.faults import Faults
from cloudia.core.networks import Network, parse_network
from cloudia.core.rows import check_description
from networking.enums import Direction, Protocol
from networking.models import MAX_PORT, SecurityGroup, SecurityGroupRule


@dataclass(frozen=True, kw_only=True)
class RuleWish:
    """A rule as asked for: one of ``cidr`` and ``group``; ``port_max`` None means ``port_min`` alone."""

    direction: str
    protocol: str
    port_min: int | None = None
    port_max: int | None = None
    cidr: str | Network | None = None
    group: SecurityGroup | None = None
    description: str = ""

    @classmethod
    def of(cls, rule: SecurityGroupRule) -> RuleWish:
        """The wish that would make ``rule``."""
        return cls(
            direction=rule.direction,
            protocol=rule.protocol,
            port_min=rule.port_min,
            port_max=rule.port_max,
            cidr=rule.cidr,
            group=rule.remote_group,
            description=rule.description,
        )

    @property
    def last_port(self) -> int | None:
        """The end of the range."""
        return self.port_min if self.port_max is None else self.port_max

    @property
    def network(self) -> Network | None:
        """``cidr`` read; of a checked wish."""
        return parse_network(str(self.cidr)) if self.cidr else None

    @property
    def note(self) -> str:
        """The description as it is kept."""
        return self.description.strip()

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes two rules the same: everything but the description."""
        group = self.group.pk if self.group else None
        return (self.direction, self.protocol, self.port_min, self.last_port, self.network, group)

    def row_in(self, group: SecurityGroup) -> SecurityGroupRule:
        """The row for ``group``, not saved."""
        return SecurityGroupRule(
            group=group,
            direction=self.direction,
            protocol=self.protocol,
            port_min=self.port_min,
            port_max=self.last_port,
            cidr=self.network,
            remote_group=self.group,
            description=self.note,
        )


def check_rules(wishes: Sequence[RuleWish], project_id: UUID, prefix: str = "rules.{}.") -> None:
    """Raise InputError naming every field that can't be as wished; ``prefix`` takes the rule's number."""
    faults = Faults()
    for number, wish in enumerate(wishes):
        own = Faults()
        _check_kind(own, wish)
        _check_ports(own, wish)
        _check_peer(own, wish, project_id)
        check_description(own, wish.description)
        for field, found in own.fields.items():
            faults.fields[prefix.format(number) + field].extend(found)
    faults.raise_if_any()


def _check_kind(faults: Faults, wish: RuleWish) -> None:
    choose = _("Choose one of: %(choices)s.")
    for field, value, kind in (("direction", wish.direction, Direction), ("protocol", wish.protocol, Protocol)):
        words = {"choices": ", ".join(kind.values)}
        faults.require(value in kind.values, field, "invalid_choice", choose % words)


def _check_ports(faults: Faults, wish: RuleWish) -> None:
    ports = {"port_min": wish.port_min, "port_max": wish.port_max}
    given = {field: port for field, port in ports.items() if port is not None}
    if wish.protocol not in {Protocol.TCP, Protocol.UDP}:
        for field in given:
            faults.note(field, "no_ports", _("Only TCP and UDP have ports."))
        return
    for field, port in given.items():
        faults.number(field, port, 1, MAX_PORT)
    if wish.port_max is not None:
        faults.require(wish.port_min is not None, "port_min", "required", _("Enter the first port too."))
    if wish.port_min is not None and wish.port_max is not None:
        order = _("The last port can't be below the first.")
        faults.require(wish.port_min <= wish.port_max, "port_max", "reversed", order)


def _check_peer(faults: Faults, wish: RuleWish, project_id: UUID) -> None:
    if bool(wish.cidr) == bool(wish.group):
        faults.note("cidr", "required", _("Enter a network, or choose a security group."))
        return
    if wish.group:
        same = wish.group.project_id == project_id
        faults.require(same, "group", "other_project", _("This security group belongs to another project."))
        return
    try:
        parse_network(str(wish.cidr))
    except ValidationError as error:
        faults.note("cidr", error.code or "invalid", error.messages[0])
