"""VPCs, subnets and floating IPs as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.accounts.selectors import projects_visible_to
from cloudia.api.fields import ActionsField, Input, Ref, Reference, Text, Time, VerdictSerializer
from cloudia.core.rows import MAX_DESCRIPTION, MAX_NAME
from networking import policies
from networking.models import VPC, ExternalNetwork, FloatingIP, NetworkInterface, Subnet
from networking.selectors import AddressUse
from networking.services.ranges import MAX_DNS, MAX_RESERVED
from networking.services.subnets import range_warning

MAX_ADDRESS = 64  # characters; more than any address has, so that what is wrong is said about the address
ACTIONS = extend_schema_field(serializers.DictField(child=VerdictSerializer()))


def name_text() -> Text:
    """What people call it."""
    return Text(max_length=MAX_NAME)


def description_text() -> Text:
    """What people note about it."""
    return Text(max_length=MAX_DESCRIPTION, allow_blank=True, required=False)


def address_text(**options: Any) -> Text:
    """An address or a network; the services say what is wrong with it."""
    return Text(max_length=MAX_ADDRESS, **options)


def address_list(most: int) -> serializers.ListField:
    """Some addresses."""
    return serializers.ListField(child=address_text(), max_length=most, required=False)


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

    name = name_text()
    description = description_text()
    external_network = Ref(ExternalNetwork.objects.visible_to, required=False, allow_null=True)


class VPCCreate(VPCEdit):
    """Without ``external_network`` the default one; null for none."""

    project = Ref(projects_visible_to)


# --- subnets


class WarningSerializer(serializers.Serializer[Any]):
    """What is allowed but seldom meant."""

    code = serializers.CharField(read_only=True)
    detail = serializers.CharField(read_only=True)


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

    @extend_schema_field(WarningSerializer(many=True))
    def get_warnings(self, subnet: Subnet) -> list[dict[str, str]]:
        """None, as a rule."""
        warning = range_warning(subnet.network)
        return [{"code": "public_range", "detail": warning}] if warning else []


class SubnetEdit(Input):
    """The range and the gateway stay: guests have them."""

    name = name_text()
    dns = address_list(MAX_DNS)
    reserved = address_list(MAX_RESERVED)


class SubnetCreate(SubnetEdit):
    """``gateway``: the first address unless given; ``dns``: the installation's resolvers unless given."""

    vpc = Ref(VPC.objects.visible_to)
    cidr = address_text()
    gateway = address_text(required=False)


class AddressSerializer(serializers.Serializer[AddressUse]):
    """Who has an address: there is an ``interface`` and its ``owner`` where that is the ``kind``."""

    address = serializers.CharField(read_only=True)
    kind = serializers.ChoiceField(choices=["interface", "gateway", "reserved"], read_only=True)
    mac = serializers.CharField(source="interface.mac", read_only=True, allow_null=True)
    interface = serializers.UUIDField(source="interface.pk", read_only=True, allow_null=True)
    owner = HolderSerializer(source="interface.owner", read_only=True, allow_null=True)


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
    description = description_text()


class AssociateInput(Input):
    """Where it shall lead."""

    interface = Ref(NetworkInterface.objects.visible_to)
