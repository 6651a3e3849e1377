"""왜 막혔나요?: an answer of OVN as sentences, the way a packet took, and the rule that would open it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address
from uuid import UUID

from django.utils.translation import gettext as _

from cloudia.core.ids import is_uuid
from networking.enums import Direction, Protocol
from networking.models import NetworkInterface, SecurityGroup, SecurityGroupRule, Trace

UUID_LENGTH = 36  # an access control list is called by its rule's id, and maybe an address family: "…-4"
DROPS = "drop-"  # how the lists that nobody's rule comes before are called
ACL_STAGES = {"ls_in_acl": Direction.OUT, "ls_out_acl": Direction.IN}  # a switch's pipelines, ovn-northd(8)


@dataclass(frozen=True, slots=True)
class Hop:
    """One station of the way: passed (``ok``), the end of it (``bad``), or never reached (``idle``)."""

    tone: str
    title: str
    detail: str = ""

    @property
    def icon(self) -> str:
        """The tone as a picture."""
        return {"ok": "circle-check", "bad": "ban", "idle": "circle-dashed"}[self.tone]


@dataclass(frozen=True, slots=True)
class Opening:
    """The rule that would let the packet through: in which group, and what to fill in there."""

    group: SecurityGroup
    query: dict[str, str]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What to say about a packet."""

    tone: str
    headline: str
    detail: str
    hops: list[Hop] = field(default_factory=list)
    opening: Opening | None = None


def explain(trace: Trace) -> Explanation:
    """The answer of a trace that has one. What was deleted since is said to be gone."""
    return _Case(trace).explanation


class _Case:
    """A trace with everything that its answer names."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.delivered_to = str(trace.answer.get("delivered_to", ""))
        self.dropped_at = str(trace.answer.get("dropped_at", ""))
        self.acls: dict[str, str] = trace.answer.get("acls", {})

    @property
    def explanation(self) -> Explanation:
        """All of it."""
        tone, headline, detail = self._sentences()
        return Explanation(tone, headline, detail, self._hops(), self._opening())

    @cached_property
    def destination(self) -> NetworkInterface | None:
        """The interface at the other end, as far as the project may know of it."""
        if self.trace.destination:
            return self.trace.destination
        own = NetworkInterface.objects.filter(project_id=self.trace.project_id).select_related("subnet__vpc")
        if self.answered_by_router:
            return None
        if is_uuid(self.delivered_to):
            return own.filter(pk=self.delivered_to).first()
        vpc = self.trace.source.subnet.vpc_id
        inside = own.filter(subnet__vpc=vpc, address=self.trace.address).first()
        return inside or own.filter(floating_ips__address=self.trace.address).first()

    @property
    def answered_by_router(self) -> bool:
        """Whether it was for the router, whose answer is back: the way ends where it began."""
        return self.delivered_to == str(self.trace.source_id)

    @property
    def blocked(self) -> Direction | None:
        """Whose rules dropped it: those of the sender (out) or of the receiver (in)."""
        if self.delivered_to:
            return None
        for way in (Direction.OUT, Direction.IN):
            if str(self.acls.get(way, "")).startswith(DROPS):
                return way
        return next((way for stage, way in ACL_STAGES.items() if self.dropped_at.startswith(stage)), None)

    @property
    def what(self) -> str:
        """The packet: ``TCP 5432``."""
        return " ".join(filter(None, [str(Protocol(self.trace.protocol).label), str(self.trace.port or "")]))

    def end(self, way: Direction) -> NetworkInterface | None:
        """The interface whose rules of this direction were asked."""
        return self.trace.source if way == Direction.OUT else self.destination

    def groups(self, way: Direction) -> list[SecurityGroup]:
        """The groups of that interface."""
        nic = self.end(way)
        return list(nic.security_groups.prefetch_related("rules")) if nic else []

    # ---- sentences ------------------------------------------------------------------------------------------------

    def _sentences(self) -> tuple[str, str, str]:
        words = {"what": self.what, "to": self.trace.address, "from": self.trace.source.owner_name}
        if is_uuid(self.delivered_to):
            return "ok", _("It arrives."), _("%(what)s from %(from)s reaches %(to)s.") % words
        if self.delivered_to:
            return "ok", _("It leaves the VPC."), _("%(what)s from %(from)s goes out towards %(to)s.") % words
        if self.blocked:
            return "bad", self._blocked_by(self.blocked), self._missing_rule(self.blocked)
        return "bad", *self._lost()

    def _blocked_by(self, way: Direction) -> str:
        nic, groups = self.end(way), self.groups(way)
        if groups:
            return _("Blocked by %(groups)s.") % {"groups": _names(groups)}
        if nic:
            return _("Blocked: %(name)s has no security group.") % {"name": nic.owner_name}
        return _("Blocked by the receiver's security groups.")

    def _missing_rule(self, way: Direction) -> str:
        kind, port = Protocol(self.trace.protocol).label, self.trace.port
        words = {"protocol": kind, "port": port, "address": self._peer(way)}
        if port is None:
            return _("No rule opens %(protocol)s to %(address)s.") % words
        return _("No rule opens %(protocol)s port %(port)s to %(address)s.") % words

    def _peer(self, way: Direction) -> str:
        """The address that a rule would have to name: outside its VPC the sender has another."""
        source = self.trace.source
        if way == Direction.OUT:
            return self.trace.address
        if self.destination and self.destination.subnet.vpc_id == source.subnet.vpc_id:
            return source.address
        return str(source.floating_ip or source.subnet.vpc.gateway_address or source.address)

    def _lost(self) -> tuple[str, str]:
        """Dropped by no rule: there is no way, or nobody at its end."""
        vpc = self.trace.source.subnet.vpc
        words = {"address": self.trace.address, "vpc": vpc.name, "stage": self.dropped_at}
        if any(IPv4Address(self.trace.address) in subnet.network for subnet in vpc.subnets.all()):
            if self.destination is None:
                return _("Nobody is there."), _("No interface of VPC %(vpc)s has the address %(address)s.") % words
        elif vpc.external_network_id is None:
            return _("There is no way."), _("VPC %(vpc)s is not connected to an external network.") % words
        return _("It was lost on its way."), _("The network dropped it at %(stage)s.") % words

    # ---- the way --------------------------------------------------------------------------------------------------

    def _hops(self) -> list[Hop]:
        return [self._rules_hop(Direction.OUT), self._route_hop(), *self._receiver_hops()]

    def _receiver_hops(self) -> list[Hop]:
        if self.delivered_to and not is_uuid(self.delivered_to):
            return [Hop("ok", _("Outside"), _("What happens there is not known here."))]
        if self.answered_by_router:
            return [Hop("ok", _("Router"), _("Arrived"))]
        arrived = bool(self.delivered_to)
        guest = Hop("ok" if arrived else "idle", _("Guest"), _("Arrived") if arrived else _("Did not arrive"))
        known = self.destination or self.acls.get(Direction.IN)
        return [self._rules_hop(Direction.IN), guest] if known else [guest]

    def _rules_hop(self, way: Direction) -> Hop:
        nic = self.end(way)
        title = _("%(name)s: inbound rules") if way == Direction.IN else _("%(name)s: outbound rules")
        title %= {"name": nic.owner_name if nic else _("Receiver")}
        if self.blocked == way:
            return Hop("bad", title, self._no_match(way))
        if way == Direction.IN and not self.delivered_to:
            return Hop("idle", title, _("Not reached"))
        return Hop("ok", title, self._allowed_by(self.acls.get(way, "")))

    def _no_match(self, way: Direction) -> str:
        counts = [
            _("%(group)s: %(n)s") % {"group": group, "n": sum(rule.direction == way for rule in group.rules.all())}
            for group in self.groups(way)
        ]
        return _("No rule matches (%(rules)s)") % {"rules": ", ".join(counts)} if counts else _("No security group")

    def _allowed_by(self, acl: str) -> str:
        if not is_uuid(acl[:UUID_LENGTH]):
            return ""
        rules = SecurityGroupRule.objects.select_related("group", "remote_group")
        rule = rules.filter(pk=UUID(acl[:UUID_LENGTH])).first()
        if rule is None:
            return _("By a rule that was deleted since")
        if rule.group.project_id != self.trace.project_id:
            return ""  # behind somebody's floating IP
        kind = " ".join(filter(None, [rule.get_protocol_display(), rule.ports]))
        return f"{rule.group} · {kind} · {rule.peer}"

    def _route_hop(self) -> Hop:
        here, there = self.trace.source.subnet, self.destination.subnet if self.destination else None
        tone = "idle" if self.blocked == Direction.OUT else "ok" if self.delivered_to or self.blocked else "bad"
        if self.answered_by_router:
            return Hop(tone, _("%(here)s → router") % {"here": here}, _("Within the VPC"))
        if here == there:
            return Hop(tone, here.name, _("Same subnet"))
        if there and there.vpc_id == here.vpc_id:
            return Hop(tone, _("%(here)s → router → %(there)s") % {"here": here, "there": there}, _("Within the VPC"))
        words = {"here": here, "there": here.vpc.external_network or self.trace.address}
        return Hop(tone, _("%(here)s → router → %(there)s") % words)

    # ---- what would help ------------------------------------------------------------------------------------------

    def _opening(self) -> Opening | None:
        way = self.blocked
        groups = self.groups(way) if way else []
        if way is None or not groups:
            return None
        group = min(groups, key=lambda one: one.is_default)  # rather not the default one: others share it
        query = {"add": way.value, "protocol": self.trace.protocol, "ports": str(self.trace.port or "")}
        return Opening(group, query | {"value": f"{self._peer(way)}/32"})


def _names(groups: Sequence[SecurityGroup]) -> str:
    return ", ".join(group.name for group in groups)
