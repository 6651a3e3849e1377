"""Network interfaces of instances as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.accounts.models import Project
from cloudia.api.fields import ActionsField, Input, Ref, Reference, VerdictSerializer
from instances import policies
from instances.models import Instance
from networking.models import FloatingIP, NetworkInterface, SecurityGroup, Subnet
from networking.serializers import address_text
from networking.services.groups import default_group
from networking.services.interfaces import MAX_GROUPS, InterfaceWish


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class InterfaceActions(ActionsField):
    """Change its security groups, move it, remove it."""

    def to_representation(self, row: NetworkInterface) -> dict[str, dict[str, Any]]:
        """The policies are about its place in the instance."""
        return super().to_representation(row.attachment)


class FloatingReference(serializers.Serializer[FloatingIP]):
    """A floating IP, as others name it."""

    id = serializers.UUIDField(read_only=True)
    address = serializers.CharField(read_only=True)


class InterfaceSerializer(serializers.Serializer[NetworkInterface]):
    """A network interface; ``is_primary``: the one that its instance always has; ``connected``: seen in the network."""

    id = serializers.UUIDField(read_only=True)
    short_id = serializers.CharField(read_only=True)
    name = serializers.CharField(source="attachment.name", read_only=True)
    project = Reference(read_only=True)
    instance = Reference(  # type: ignore[assignment]  # a field's name, not what is serialized
        source="attachment.instance", read_only=True
    )
    vpc = Reference(source="subnet.vpc", read_only=True)
    subnet = Reference(read_only=True)
    ip_address = serializers.CharField(source="address", read_only=True)
    mac = serializers.CharField(read_only=True)
    security_groups = Reference(source="security_groups.all", many=True, read_only=True)
    floating_ip = FloatingReference(read_only=True, allow_null=True)
    is_primary = serializers.BooleanField(source="attachment.is_primary", read_only=True)
    connected = serializers.BooleanField(source="is_up", read_only=True)
    actions = InterfaceActions(policies.INTERFACE_ACTIONS)


class InterfaceInput(Input):
    """An interface of an instance: without ``ip_address`` the lowest free one, without ``security_groups`` the default
    group of the project; an empty list of them lets nothing in or out but DHCP."""

    subnet = Ref(Subnet.objects.visible_to)
    ip_address = address_text(required=False)
    security_groups = serializers.ListField(
        child=Ref(SecurityGroup.objects.visible_to), max_length=MAX_GROUPS, required=False
    )


class InterfaceCreate(InterfaceInput):
    """One more interface, in the VPC of the instance's others."""

    instance = Ref(lambda actor: Instance.objects.visible_to(actor).select_related("project"))


def interface_wish(data: dict[str, Any], project: Project) -> InterfaceWish:
    """A parsed :class:`InterfaceInput` as the service takes it."""
    groups = data["security_groups"] if "security_groups" in data else [default_group(project)]
    return InterfaceWish(subnet=data["subnet"], address=data.get("ip_address", ""), security_groups=tuple(groups))
