"""The rules of a security group as its page edits them. What a rule may be is checked by the services alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from itertools import zip_longest
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloudia.core.errors import InputError
from cloudia.core.networks import parse_network
from cloudia.core.policy import Text
from networking.enums import Direction, Protocol
from networking.models import MAX_PORT, SecurityGroup, SecurityGroupRule
from networking.services.rules import RuleWish, check_rules

CIDR, GROUP = "cidr", "group"  # what a rule's other end may be
KINDS: tuple[tuple[str, Text], ...] = ((CIDR, "CIDR"), (GROUP, gettext_lazy("Security group")))
EVERYONE = "0.0.0.0/0"
PORTS = re.compile(r"(\d{1,9})(?:\s*-\s*(\d{1,9}))?")  # longer numbers are no ports, and slow arithmetic
# Where a check of the services looks is not always where people have typed.
TYPED_AT = {"port_min": "ports", "port_max": "ports", "cidr": "value", "group": "value", "direction": "protocol"}
# What break-ins begin with when the whole Internet reaches it, by port.
SENSITIVE = {22: "SSH", 3389: "RDP", 5432: "PostgreSQL", 3306: "MySQL", 1433: "SQL Server", 27017: "MongoDB"}
SENSITIVE |= {6379: "Redis"}


@dataclass(frozen=True, slots=True)
class Preset:
    """A rule that people often want. ``public``: meant for everyone, so that its source is filled in too."""

    key: str
    label: Text
    protocol: Protocol
    ports: str = ""
    public: bool = False

    def value(self, direction: str) -> str:
        """The other end to begin with; whom to let in to the rest, people have to say."""
        return EVERYONE if self.public or direction == Direction.OUT else ""


PRESETS = (
    Preset("ssh", "SSH", Protocol.TCP, "22"),
    Preset("http", "HTTP", Protocol.TCP, "80", public=True),
    Preset("https", "HTTPS", Protocol.TCP, "443", public=True),
    Preset("rdp", "RDP", Protocol.TCP, "3389"),
    Preset("postgresql", "PostgreSQL", Protocol.TCP, "5432"),
    Preset("mysql", "MySQL", Protocol.TCP, "3306"),
    Preset("dns", "DNS", Protocol.UDP, "53"),
    Preset("ping", gettext_lazy("ICMP ping"), Protocol.ICMP, public=True),
    Preset("any", gettext_lazy("All traffic"), Protocol.ANY),
)


@dataclass
class RuleRow:
    """One row of the editor: what is typed, and what is wrong with it, by field."""

    direction: str
    protocol: str = Protocol.TCP.value
    ports: str = ""
    kind: str = CIDR
    value: str = ""
    description: str = ""
    problems: dict[str, str] = field(default_factory=dict, init=False, compare=False)

    @classmethod
    def of(cls, rule: SecurityGroupRule) -> RuleRow:
        """The row that shows ``rule``."""
        kind = GROUP if rule.remote_group_id else CIDR
        return cls(rule.direction, rule.protocol, rule.ports, kind, str(rule.peer), rule.description)

    @classmethod
    def preset(cls, direction: str, key: str) -> RuleRow:
        """A row to begin with: a preset's, or an empty one."""
        found = next((preset for preset in PRESETS if preset.key == key), None)
        if found is None:
            return cls(direction)
        return cls(direction, found.protocol.value, found.ports, CIDR, found.value(direction))

    @property
    def said(self) -> list[str]:
        """What is typed, in the order of :data:`COLUMNS`."""
        return [getattr(self, name) for name in ("direction", *COLUMNS)]

    @property
    def is_blank(self) -> bool:
        """Whether nobody has typed anything, so that nothing is meant."""
        return not (self.ports or self.value or self.description) and self.protocol in {"", Protocol.TCP}

    @property
    def has_ports(self) -> bool:
        """Whether ports can be typed."""
        return self.protocol in {Protocol.TCP, Protocol.UDP}

    @property
    def summary(self) -> str:
        """The rule in one line, for people."""
        words = [
            _label(Direction, self.direction),
            " ".join(filter(None, [_label(Protocol, self.protocol), self.ports])),
        ]
        return " · ".join(filter(None, [*words, self.value, self.description]))

    def wish(self, groups: Mapping[str, SecurityGroup]) -> RuleWish:
        """What the row asks for; what can't be read is noted as a problem and left out."""
        ports = read_ports(self.ports)
        if ports is None:
            self.problems["ports"] = _("Enter a port like 80, or a range like 8000-8080. Empty means all.")
        group = groups.get(self.value) if self.kind == GROUP else None
        if self.kind == GROUP and self.value and group is None:
            self.problems["value"] = _("This project has no security group of this name.")
        return RuleWish(
            direction=self.direction,
            protocol=self.protocol,
            port_min=ports[0] if ports else None,
            port_max=ports[1] if ports else None,
            cidr=self.value if self.kind == CIDR else None,
            group=group,
            description=self.description,
        )


COLUMNS = tuple(item.name for item in fields(RuleRow) if item.compare and item.name != "direction")


def read_ports(text: str) -> tuple[int | None, int | None] | None:
    """First and last port of ``80`` or ``8000-8080``; neither for nothing, which means all; None for anything else."""
    if not text:
        return None, None
    found = PORTS.fullmatch(text)
    return (int(found[1]), int(found[2]) if found[2] else None) if found else None


def _label(kind: Any, value: str) -> str:
    return str(kind(value).label) if value in kind.values else value


class RuleEditor:
    """All rows of a group. ``base`` is what the group had when its page was made."""

    def __init__(self, group: SecurityGroup, rows: list[RuleRow], base: Iterable[RuleRow] | None = None) -> None:
        self.group = group
        self.rows = rows
        self.base = list(rows if base is None else base)

    @classmethod
    def of(cls, group: SecurityGroup) -> RuleEditor:
        """The rules as they are."""
        return cls(group, [RuleRow.of(rule) for rule in group.rules.select_related("remote_group")])

    @classmethod
    def typed(cls, group: SecurityGroup, data: QueryDict) -> RuleEditor:
        """The rules as somebody has typed them."""
        return cls(group, [*_typed_rows(data)], _base_rows(data.get("base", "")))

    @property
    def tables(self) -> list[tuple[Direction, list[RuleRow]]]:
        """The rows by direction."""
        return [(way, [row for row in self.rows if row.direction == way]) for way in Direction]

    @property
    def base_json(self) -> str:
        """``base`` for the page to bring back."""
        return json.dumps([row.said for row in self.base], ensure_ascii=False)

    @property
    def problems(self) -> int:
        """How many fields have to be corrected."""
        return sum(len(row.problems) for row in self.rows)

    def add(self, direction: str, key: str = "") -> None:
        """Put an empty row, or a preset, at the end of a table."""
        if direction in Direction.values:
            self.rows.append(RuleRow.preset(direction, key))

    def remove(self, direction: str, number: int) -> None:
        """Take the row of this number (from 0) out of a table."""
        table = [row for row in self.rows if row.direction == direction]
        gone = table[number] if number < len(table) else None
        self.rows = [row for row in self.rows if row is not gone]

    def wishes(self) -> list[RuleWish] | None:
        """What the rows ask for, or None if some can't be: then these have problems. Blank rows ask for nothing."""
        self.rows = [row for row in self.rows if not row.is_blank]
        groups = {group.name: group for group in SecurityGroup.objects.filter(project_id=self.group.project_id)}
        wishes = [row.wish(groups) for row in self.rows]
        try:
            check_rules(wishes, self.group.project_id)
        except InputError as error:
            self.take(error)
        self._mark_twins(wishes)
        return None if self.problems else wishes

    def take(self, error: InputError) -> None:
        """Show what a check has found (``rules.3.cidr``) where it was typed, unless more is known there."""
        for path, found in error.fields.items():
            _rules, number, name = path.split(".")
            where = TYPED_AT.get(name, name)
            self.rows[int(number)].problems.setdefault(where, str(found[0].detail))

    def _mark_twins(self, wishes: list[RuleWish]) -> None:
        seen: set[tuple[Any, ...]] = set()
        for row, wish in zip(self.rows, wishes, strict=True):
            if row.problems:
                continue
            if wish.identity in seen:
                row.problems["value"] = _("This rule is there twice.")
            seen.add(wish.identity)

    def changed_since(self) -> tuple[list[RuleRow], list[RuleRow]]:
        """Rules that others have added, and those they have removed, since the page was made."""
        now = RuleEditor.of(self.group).rows
        return [row for row in now if row not in self.base], [row for row in self.base if row not in now]

    def rebase(self) -> None:
        """Go on from what the group has now."""
        self.base = RuleEditor.of(self.group).rows

    @property
    def warnings(self) -> list[str]:
        """What is possible but seldom meant: doors that stand open to the whole Internet."""
        found = (_exposed(row) for row in self.rows if row.direction == Direction.IN)
        return list(dict.fromkeys(filter(None, found)))


def _typed_rows(data: QueryDict) -> Iterator[RuleRow]:
    for way in Direction.values:
        columns = [data.getlist(f"{way}-{name}") for name in COLUMNS]
        for values in zip_longest(*columns, fillvalue=""):
            yield RuleRow(way, *(value.strip() for value in values))


def _base_rows(text: str) -> list[RuleRow]:
    """Whatever a browser sends: at worst everything is said to have changed."""
    try:
        return [RuleRow(*map(str, said[:6])) for said in json.loads(text)]
    except (TypeError, ValueError):
        return []


def _exposed(row: RuleRow) -> str:
    if row.kind != CIDR or not _is_everyone(row.value):
        return ""
    if row.protocol == Protocol.ANY:
        return _("All traffic is open to everyone (%(network)s).") % {"network": row.value}
    if not row.has_ports:
        return ""
    first, last = read_ports(row.ports) or (None, None)
    span = range(first or 1, (last or first or MAX_PORT) + 1)
    names = ", ".join(f"{name} ({port})" for port, name in SENSITIVE.items() if port in span)
    return _("%(what)s is open to everyone (%(network)s).") % {"what": names, "network": row.value} if names else ""


def _is_everyone(text: str) -> bool:
    try:
        return parse_network(text).prefixlen == 0
    except ValidationError:
        return False
