"""Security groups and traces as the API shows and takes them: what passes, and why not."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.accounts.selectors import projects_visible_to
from cloudia.api.fields import ActionsField, Input, Ref, Reference, Time, Whole
from networking import policies, verdicts
from networking.enums import Direction, Protocol
from networking.models import MAX_PORT, NetworkInterface, SecurityGroup, SecurityGroupRule, Trace
from networking.serializers import ACTIONS, InterfaceReference, address_text, description_text, name_text

TRACED = [choice for choice in Protocol.choices if choice[0] != Protocol.ANY]  # a packet has one


@ACTIONS
class GroupActions(ActionsField):
    """Edit and delete."""


class SecurityGroupSerializer(serializers.Serializer[SecurityGroup]):
    """A security group; its rules are at ``rules/`` below it."""

    id = serializers.UUIDField(read_only=True)
    short_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    project = Reference(read_only=True)
    is_default = serializers.BooleanField(read_only=True)
    rule_count = serializers.IntegerField(read_only=True)
    interface_count = serializers.IntegerField(read_only=True)
    changed_at = Time(read_only=True)
    created_at = Time(read_only=True)
    actions = GroupActions(policies.GROUP_ACTIONS)


class GroupEdit(Input):
    """What people call it."""

    name = name_text()
    description = description_text()


class GroupCreate(GroupEdit):
    """It lets everything out and nothing in."""

    project = Ref(projects_visible_to)


class RuleSerializer(serializers.Serializer[SecurityGroupRule]):
    """What a group lets through: to or from ``cidr``, or the members of ``group``. Without ports: all of them."""

    id = serializers.UUIDField(read_only=True)
    direction = serializers.ChoiceField(choices=Direction.choices, read_only=True)
    protocol = serializers.ChoiceField(choices=Protocol.choices, read_only=True)
    port_min = serializers.IntegerField(read_only=True, allow_null=True)
    port_max = serializers.IntegerField(read_only=True, allow_null=True)
    cidr = serializers.CharField(read_only=True, allow_null=True)
    group = Reference(source="remote_group", read_only=True, allow_null=True)
    description = serializers.CharField(read_only=True)
    created_at = Time(read_only=True)


class RuleCreate(Input):
    """One of ``cidr`` and ``group``; ``port_min`` alone means that port alone."""

    direction = serializers.ChoiceField(choices=Direction.choices)
    protocol = serializers.ChoiceField(choices=Protocol.choices)
    port_min = Whole(min_value=1, max_value=MAX_PORT, required=False, allow_null=True)
    port_max = Whole(min_value=1, max_value=MAX_PORT, required=False, allow_null=True)
    cidr = address_text(required=False, allow_null=True)
    group = Ref(SecurityGroup.objects.visible_to, required=False, allow_null=True)
    description = description_text()


class HopSerializer(serializers.Serializer[verdicts.Hop]):
    """One station of the way. ``result``: ok (passed), bad (the end of it) or idle (never reached)."""

    result = serializers.ChoiceField(source="tone", choices=["ok", "bad", "idle"], read_only=True)
    title = serializers.CharField(read_only=True)
    detail = serializers.CharField(read_only=True)


class OpeningSerializer(serializers.Serializer[verdicts.Opening]):
    """The rule that would let the packet through, as ``rules/`` of its group takes it."""

    group = Reference(read_only=True)
    direction = serializers.ChoiceField(source="query.add", choices=Direction.choices, read_only=True)
    protocol = serializers.ChoiceField(source="query.protocol", choices=Protocol.choices, read_only=True)
    port_min = serializers.SerializerMethodField()
    cidr = serializers.CharField(source="query.value", read_only=True)

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_port_min(self, opening: verdicts.Opening) -> int | None:
        """None where the protocol has no ports."""
        return int(opening.query["ports"]) if opening.query["ports"] else None


class AnswerSerializer(serializers.Serializer[verdicts.Explanation]):
    """What became of the packet: does it arrive, in words, station by station; and what would help."""

    arrives = serializers.SerializerMethodField()
    headline = serializers.CharField(read_only=True)
    detail = serializers.CharField(read_only=True)
    hops = HopSerializer(many=True, read_only=True)
    opening = OpeningSerializer(read_only=True, allow_null=True)

    def get_arrives(self, found: verdicts.Explanation) -> bool:
        """At the other end, or outside."""
        return found.tone == "ok"


class TraceSerializer(serializers.Serializer[Trace]):
    """A question about one packet; ``answer`` null until its job is done."""

    id = serializers.UUIDField(read_only=True)
    project = Reference(read_only=True)
    source = InterfaceReference(read_only=True)  # type: ignore[assignment]  # a field's name, not its option
    destination = InterfaceReference(read_only=True, allow_null=True)
    address = serializers.CharField(read_only=True)
    protocol = serializers.ChoiceField(choices=TRACED, read_only=True)
    port = serializers.IntegerField(read_only=True, allow_null=True)
    answer = serializers.SerializerMethodField()
    created_at = Time(read_only=True)

    @extend_schema_field(AnswerSerializer(allow_null=True))
    def get_answer(self, trace: Trace) -> Any:
        """The same as the page says."""
        return AnswerSerializer(verdicts.explain(trace)).data if trace.answer else None


class TraceCreate(Input):
    """From an interface to another, or to an address; ``port`` for TCP and UDP."""

    source = Ref(NetworkInterface.objects.visible_to)  # type: ignore[assignment]  # likewise
    destination = Ref(NetworkInterface.objects.visible_to, required=False)
    address = address_text(required=False)
    protocol = serializers.ChoiceField(choices=TRACED)
    port = Whole(min_value=1, max_value=MAX_PORT, required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """Nothing that is said is ignored."""
        if "destination" in data and "address" in data:
            raise serializers.ValidationError({"address": _("Choose an interface, or enter an address.")}, "conflict")
        if "port" in data and not Protocol(data["protocol"]).has_ports:
            raise serializers.ValidationError({"port": _("Only TCP and UDP have ports.")}, "no_ports")
        return data
