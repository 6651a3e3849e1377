"""Networks as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.accounts.selectors import projects_visible_to
from cloudia.api.fields import ActionsField, Input, Ref, Reference, Text, Time, VerdictSerializer, Whole
from networking import policies
from networking.enums import Direction, Protocol
from networking.models import (
    MAX_PORT,
    VPC,
    ExternalNetwork,
    FloatingIP,
    NetworkInterface,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Trace,
)
from networking.services.ranges import MAX_DNS, MAX_RESERVED
from networking.services.rows import MAX_DESCRIPTION, MAX_NAME
from networking.services.subnets import range_warning

MAX_ADDRESS = 64  # characters; more than any address has, so that what is wrong is said about the address
ACTIONS = extend_schema_field(serializers.DictField(child=VerdictSerializer()))


def _name() -> Text:
    return Text(max_length=MAX_NAME)


def _description() -> Text:
    return Text(max_length=MAX_DESCRIPTION, allow_blank=True, required=False)


def _address(**options: Any) -> Text:
    return Text(max_length=MAX_ADDRESS, **options)


def _addresses(most: int) -> serializers.ListField:
    return serializers.ListField(child=_address(), max_length=most, required=False)


class HolderSerializer(serializers.Serializer[Any]):
    """Whose an interface is."""

    type = serializers.CharField(read_only=True)
    id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)


# --- external networks


class ExternalNetworkSerializer(serializers.Serializer[ExternalNetwork]):
    """Where floating IPs come from."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    cidr = serializers.CharField(read_only=True)
    gateway = serializers.CharField(read_only=True)
    is_default = serializers.BooleanField(read_only=True)
    created_at = Time(read_only=True)


# --- VPCs


@ACTIONS
class VPCActions(ActionsField):
    """Edit and delete."""


class VPCSerializer(serializers.Serializer[VPC]):
    """A VPC. ``gateway_address``: the address its instances have outside; null without an external network."""

    id = serializers.UUIDField(read_only=True)
    short_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    project = Reference(read_only=True)
    external_network = Reference(read_only=True, allow_null=True)
    gateway_address = serializers.CharField(read_only=True, allow_null=True)
    subnets = Reference(source="subnets.all", many=True, read_only=True)
    created_at = Time(read_only=True)
    actions = VPCActions(policies.VPC_ACTIONS)


class VPCEdit(Input):
    """``external_network`` null disconnects it."""

    name = _name()
    description = _description()
    external_network = Ref(ExternalNetwork.objects.visible_to, required=False, allow_null=True)


class VPCCreate(VPCEdit):
    """Without ``external_network`` the default one; null for none."""

    project = Ref(projects_visible_to)


# --- subnets


@ACTIONS
class SubnetActions(ActionsField):
    """Edit and delete."""


class SubnetSerializer(serializers.Serializer[Subnet]):
    """A subnet. ``capacity``: how many interfaces fit in; ``used``: how many there are."""

    id = serializers.UUIDField(read_only=True)
    short_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    project = Reference(read_only=True)
    vpc = Reference(read_only=True)
    cidr = serializers.CharField(read_only=True)
    gateway = serializers.CharField(read_only=True)
    dns = serializers.ListField(child=serializers.CharField(), read_only=True)
    reserved = serializers.ListField(child=serializers.CharField(), read_only=True)
    capacity = serializers.IntegerField(read_only=True)
    used = serializers.IntegerField(read_only=True)
    warnings = serializers.SerializerMethodField()
    created_at = Time(read_only=True)
    actions = SubnetActions(policies.SUBNET_ACTIONS)

    def get_warnings(self, subnet: Subnet) -> list[str]:
        """What is allowed but seldom meant."""
        return [warning for warning in [range_warning(subnet.network)] if warning]


class SubnetEdit(Input):
    """The range and the gateway stay: guests have them."""

    name = _name()
    dns = _addresses(MAX_DNS)
    reserved = _addresses(MAX_RESERVED)


class SubnetCreate(SubnetEdit):
    """``gateway``: the first address unless given; ``dns``: the installation's resolvers unless given."""

    vpc = Ref(VPC.objects.visible_to)
    cidr = _address()
    gateway = _address(required=False, allow_blank=True)


class AddressSerializer(serializers.Serializer[Any]):
    """Who has an address. ``kind``: interface, gateway or reserved."""

    address = serializers.CharField(read_only=True)
    kind = serializers.ChoiceField(choices=["interface", "gateway", "reserved"], read_only=True)
    mac = serializers.CharField(read_only=True, allow_null=True)
    interface = serializers.UUIDField(read_only=True, allow_null=True)
    owner = HolderSerializer(read_only=True, allow_null=True)


# --- security groups


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
    created_at = Time(read_only=True)
    actions = GroupActions(policies.GROUP_ACTIONS)


class GroupEdit(Input):
    """What people call it."""

    name = _name()
    description = _description()


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
    cidr = _address(required=False, allow_null=True)
    group = Ref(SecurityGroup.objects.visible_to, required=False, allow_null=True)
    description = _description()


# --- floating IPs


class InterfaceReference(serializers.Serializer[NetworkInterface]):
    """An interface, as others name it."""

    id = serializers.UUIDField(read_only=True)
    ip_address = serializers.CharField(source="address", read_only=True)
    owner = HolderSerializer(read_only=True)


@ACTIONS
class FloatingActions(ActionsField):
    """Associate, disassociate, release."""


class FloatingIPSerializer(serializers.Serializer[FloatingIP]):
    """A floating IP; ``interface`` null: it leads nowhere."""

    id = serializers.UUIDField(read_only=True)
    short_id = serializers.CharField(read_only=True)
    address = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    project = Reference(read_only=True)
    external_network = Reference(read_only=True)
    interface = InterfaceReference(read_only=True, allow_null=True)
    created_at = Time(read_only=True)
    actions = FloatingActions(policies.FLOATING_ACTIONS)


class FloatingEdit(Input):
    """What is noted about it."""

    description = Text(max_length=MAX_DESCRIPTION, allow_blank=True)


class FloatingCreate(Input):
    """From the default external network unless said otherwise."""

    project = Ref(projects_visible_to)
    external_network = Ref(ExternalNetwork.objects.visible_to, required=False)
    description = _description()


class AssociateInput(Input):
    """Where it shall lead."""

    interface = Ref(NetworkInterface.objects.visible_to)


# --- traces


class VerdictOfTrace(serializers.Serializer[Any]):
    """``delivered_to``: the logical port it came out of, or empty. ``dropped_at``: the stage that dropped it, in OVN's
    words. ``acls``: the rule that decided in each direction, or ``drop-in``, ``drop-out``."""

    delivered_to = serializers.CharField(read_only=True)
    dropped_at = serializers.CharField(read_only=True)
    acls = serializers.DictField(child=serializers.CharField(), read_only=True)


class TraceSerializer(serializers.Serializer[Trace]):
    """A question about one packet; ``answer`` null until the job is done."""

    id = serializers.UUIDField(read_only=True)
    project = Reference(read_only=True)
    source = InterfaceReference(read_only=True)
    destination = InterfaceReference(read_only=True, allow_null=True)
    address = serializers.CharField(read_only=True)
    protocol = serializers.ChoiceField(choices=Protocol.choices, read_only=True)
    port = serializers.IntegerField(read_only=True, allow_null=True)
    answer = serializers.SerializerMethodField()
    created_at = Time(read_only=True)

    @extend_schema_field(VerdictOfTrace(allow_null=True))
    def get_answer(self, trace: Trace) -> Any:
        """None as long as nobody has looked."""
        return VerdictOfTrace(trace.answer).data if trace.answer else None


class TraceCreate(Input):
    """From an interface to another, or to an address."""

    source = Ref(NetworkInterface.objects.visible_to)
    destination = Ref(NetworkInterface.objects.visible_to, required=False)
    address = _address(required=False)
    protocol = serializers.ChoiceField(choices=[Protocol.TCP, Protocol.UDP, Protocol.ICMP])
    port = Whole(min_value=1, max_value=MAX_PORT, required=False, allow_null=True)
