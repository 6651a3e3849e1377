"""The picture of a VPC: external network, router, subnets and who is in them, laid out for an SVG."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from unicodedata import east_asian_width

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from cloudia.ui.links import holder_url
from networking.models import VPC, FloatingIP, NetworkInterface, Subnet

WIDTH, COLUMNS = 1080, 3
ZONE_W, GAP, TOP = 300, 50, 216  # of a subnet; TOP is where the first row of them begins
ROUTER_TOP, ROUTER_END, MARGIN = 100, 148, 14
HEAD_H, BOX_H, BOX_STEP, FOOT_H, EMPTY_H = 64, 42, 50, 24, 40
AT_MOST = 4  # instances shown of one subnet
IN_BOX, IN_HEAD, IN_PROVIDER = 27, 33, 19  # letters that fit; the head of a zone has the range beside the name
WIDE = frozenset("MWmw@%")  # letters that need the room of two, like Hangul


@dataclass(frozen=True, slots=True)
class Member:
    """An interface in a subnet's zone."""

    topic: str
    name: str
    title: str
    address: str
    href: str
    connected: bool
    floating: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Zone:
    """A subnet. ``more`` instances are not shown."""

    subnet: Subnet
    name: str
    used: int
    members: Sequence[Member]
    more: int
    x: int
    y: int
    height: int

    @property
    def middle(self) -> int:
        """Where its wire ends."""
        return self.x + ZONE_W // 2

    @property
    def foot(self) -> int:
        """Where the number of the others is written."""
        return self.y + HEAD_H + len(self.members) * BOX_STEP + 14


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything, in units of the SVG's own."""

    outside: str  # the external network's name
    zones: Sequence[Zone]
    bottom: int
    topics: Sequence[str]  # what changes it, for live updates

    @property
    def top(self) -> int:
        """Without an external network it begins with the router."""
        return 0 if self.outside else ROUTER_TOP - MARGIN

    @property
    def height(self) -> int:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def trunk(self) -> int:
        """How far down the router's own wire goes."""
        return max(y for _left, _right, y in self.bars)

    @property
    def bars(self) -> list[tuple[int, int, int]]:
        """The line above each row of zones: left end, right end, height."""
        rows = {zone.y: [other.middle for other in self.zones if other.y == zone.y] for zone in self.zones}
        return [(min(WIDTH // 2, *xs), max(WIDTH // 2, *xs), y - 38) for y, xs in rows.items()]


def picture_of(vpc: VPC, subnets: Sequence[Subnet]) -> Picture:
    """Lay out a VPC; ``subnets`` come with ``used``."""
    members = _members(vpc)
    zones: list[Zone] = []
    y = TOP
    for start in range(0, len(subnets), COLUMNS):
        row = subnets[start : start + COLUMNS]
        height = max(_height(len(members.get(subnet.pk, [])), subnet) for subnet in row)
        left = (WIDTH - len(row) * ZONE_W - (len(row) - 1) * GAP) // 2
        for column, subnet in enumerate(row):
            zones.append(_zone(subnet, members.get(subnet.pk, []), left + column * (ZONE_W + GAP), y, height))
        y += height + GAP
    bottom = y - GAP if zones else ROUTER_END
    outside = _short(vpc.external_network.name, IN_PROVIDER) if vpc.external_network else ""
    return Picture(outside, zones, bottom + MARGIN, [*_topics(vpc, zones)])


def _topics(vpc: VPC, zones: Sequence[Zone]) -> Iterator[str]:
    """Also of floating IPs that could come to lead here: they are not shown yet."""
    for zone in zones:
        yield f"subnet:{zone.subnet.pk}"
        yield from (member.topic for member in zone.members)
    floating = FloatingIP.objects.filter(project=vpc.project_id, external_network=vpc.external_network_id)
    yield from (f"floatingip:{pk}" for pk in floating.values_list("pk", flat=True))


def _members(vpc: VPC) -> dict[object, list[NetworkInterface]]:
    """The first few interfaces of each subnet, in one query."""
    place = Window(RowNumber(), partition_by=F("subnet_id"), order_by=[F("created_at"), F("pk")])
    rows = NetworkInterface.objects.filter(subnet__vpc=vpc).annotate(place=place).filter(place__lte=AT_MOST)
    found: dict[object, list[NetworkInterface]] = {}
    for nic in rows.prefetch_related("floating_ips").order_by("place"):
        found.setdefault(nic.subnet_id, []).append(nic)
    return found


def _used(subnet: Subnet) -> int:
    return int(getattr(subnet, "used", 0))


def _height(shown: int, subnet: Subnet) -> int:
    return HEAD_H + (shown * BOX_STEP or EMPTY_H) + (FOOT_H if _used(subnet) > shown else 0)


def _zone(subnet: Subnet, nics: Sequence[NetworkInterface], x: int, y: int, height: int) -> Zone:
    members = [_member(nic, x + 12, y + HEAD_H + number * BOX_STEP) for number, nic in enumerate(nics)]
    name = _short(subnet.name, IN_HEAD - len(str(subnet.cidr)))
    return Zone(subnet, name, _used(subnet), members, _used(subnet) - len(nics), x, y, height)


def _member(nic: NetworkInterface, x: int, y: int) -> Member:
    floating = str(nic.floating_ip or "")
    name, title = _short(nic.owner_name, IN_BOX), nic.owner_name
    href, topic = holder_url(nic.owner), f"networkinterface:{nic.pk}"
    return Member(topic, name, title, nic.address, href, nic.is_up, floating, x, y)


def _short(name: str, room: int) -> str:
    """As much of a name as fits into ``room`` letters: SVG does not cut texts by itself."""
    ends = list(accumulate(2 if east_asian_width(letter) in "WF" or letter in WIDE else 1 for letter in name))
    return name if not ends or ends[-1] <= room else f"{name[: bisect(ends, room - 1)]}…"
