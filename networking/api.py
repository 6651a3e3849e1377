"""``/api/v1/``: VPCs, subnets, security groups, floating IPs, external networks, traces."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts.actor import Actor
from cloudia.api.router import router
from cloudia.api.viewsets import EditViewSet, ReadViewSet
from cloudia.core.ids import is_uuid
from cloudia.jobs.api import accepted
from cloudia.jobs.serializers import JobSerializer
from networking import filtersets, serializers
from networking.models import (
    VPC,
    ExternalNetwork,
    FloatingIP,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Trace,
)
from networking.services import floating, groups, subnets, traces, vpcs
from networking.services.rules import RuleWish

GONE = {204: None}


class NetworkViewSet(EditViewSet):
    """Resources that are made, changed and removed at once."""

    def remove(self, row: Any) -> None:
        """Call the service that removes ``row``."""
        raise NotImplementedError

    def made(self, row: Any) -> Response:
        """A new one, read as lists read it."""
        return self.answer(self.get_queryset().get(pk=row.pk), status.HTTP_201_CREATED)

    @extend_schema(responses=GONE)
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove it, unless something uses it."""
        self.remove(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(
    list=extend_schema(summary="List external networks"), retrieve=extend_schema(summary="Read an external network")
)
class ExternalNetworkViewSet(ReadViewSet):
    """External networks: where floating IPs come from."""

    queryset = ExternalNetwork.objects.none()
    selector = ExternalNetwork.objects.visible_to
    serializer_class = serializers.ExternalNetworkSerializer
    filterset_class = filtersets.ExternalNetworkFilter


def vpcs_to_show(actor: Actor) -> QuerySet[VPC]:
    """Visible VPCs with what a representation names."""
    return VPC.objects.visible_to(actor).for_display()


@extend_schema_view(
    list=extend_schema(summary="List VPCs"),
    retrieve=extend_schema(summary="Read a VPC"),
    partial_update=extend_schema(
        summary="Edit a VPC", request=serializers.VPCEdit, responses=serializers.VPCSerializer
    ),
    destroy=extend_schema(summary="Delete a VPC"),
)
class VPCViewSet(NetworkViewSet):
    """VPCs: private networks, each with a router."""

    queryset = VPC.objects.none()
    selector = vpcs_to_show
    serializer_class = serializers.VPCSerializer
    filterset_class = filtersets.VPCFilter
    edit_serializer = serializers.VPCEdit
    editable = ("name", "description", "external_network_id")

    @extend_schema(summary="Create a VPC", request=serializers.VPCCreate, responses={201: serializers.VPCSerializer})
    def create(self, request: Request) -> Response:
        """Connected to the default external network unless said otherwise."""
        wish = self.parsed(serializers.VPCCreate)
        isolated = "external_network" in wish and wish["external_network"] is None
        return self.made(vpcs.vpc_create(actor=self.actor, isolated=isolated, **wish))

    def edit(self, row: Any, changes: dict[str, Any]) -> VPC:
        """Name, description, way out."""
        return vpcs.vpc_edit(actor=self.actor, vpc=row, **changes)

    def remove(self, row: Any) -> None:
        """One without subnets."""
        vpcs.vpc_delete(actor=self.actor, vpc=row)


def subnets_to_show(actor: Actor) -> QuerySet[Subnet]:
    """Visible subnets with their usage."""
    return Subnet.objects.visible_to(actor).for_display()


@extend_schema_view(
    list=extend_schema(summary="List subnets"),
    retrieve=extend_schema(summary="Read a subnet"),
    partial_update=extend_schema(
        summary="Edit a subnet", request=serializers.SubnetEdit, responses=serializers.SubnetSerializer
    ),
    destroy=extend_schema(summary="Delete a subnet"),
)
class SubnetViewSet(NetworkViewSet):
    """Subnets: ranges of a VPC's addresses."""

    queryset = Subnet.objects.none()
    selector = subnets_to_show
    serializer_class = serializers.SubnetSerializer
    filterset_class = filtersets.SubnetFilter
    edit_serializer = serializers.SubnetEdit
    editable = ("name", "dns", "reserved")

    @extend_schema(
        summary="Create a subnet", request=serializers.SubnetCreate, responses={201: serializers.SubnetSerializer}
    )
    def create(self, request: Request) -> Response:
        """In a VPC, beside its other subnets."""
        return self.made(subnets.subnet_create(actor=self.actor, **self.parsed(serializers.SubnetCreate)))

    def edit(self, row: Any, changes: dict[str, Any]) -> Subnet:
        """Name, resolvers, reserved addresses."""
        return subnets.subnet_edit(actor=self.actor, subnet=row, **changes)

    def remove(self, row: Any) -> None:
        """One that no interface is in."""
        subnets.subnet_delete(actor=self.actor, subnet=row)

    @extend_schema(
        summary="List the addresses of a subnet", responses=serializers.AddressSerializer(many=True), filters=False
    )
    @action(detail=True, filterset_class=None, pagination_class=None)
    def addresses(self, request: Request, pk: str) -> Response:
        """Who has which; addresses that nobody has are left out."""
        entries = sorted(_addresses(self.get_object()), key=lambda entry: IPv4Address(entry["address"]))
        return Response(serializers.AddressSerializer(entries, many=True).data)


def _addresses(subnet: Subnet) -> Iterator[dict[str, Any]]:
    nobody = {"mac": None, "interface": None, "owner": None}
    yield {"address": subnet.gateway, "kind": "gateway", **nobody}
    yield from ({"address": text, "kind": "reserved", **nobody} for text in subnet.reserved if text != subnet.gateway)
    for nic in subnet.interfaces.all():
        yield {
            "address": nic.address, "kind": "interface", "mac": nic.mac, "interface": nic.pk, "owner": nic.owner,
        }  # fmt: skip


def groups_to_show(actor: Actor) -> QuerySet[SecurityGroup]:
    """Visible groups with their numbers."""
    return SecurityGroup.objects.visible_to(actor).for_display()


@extend_schema_view(
    list=extend_schema(summary="List security groups"),
    retrieve=extend_schema(summary="Read a security group"),
    partial_update=extend_schema(
        summary="Edit a security group", request=serializers.GroupEdit, responses=serializers.SecurityGroupSerializer
    ),
    destroy=extend_schema(summary="Delete a security group"),
)
class SecurityGroupViewSet(NetworkViewSet):
    """Security groups: what their members let in and out."""

    queryset = SecurityGroup.objects.none()
    selector = groups_to_show
    serializer_class = serializers.SecurityGroupSerializer
    filterset_class = filtersets.SecurityGroupFilter
    edit_serializer = serializers.GroupEdit
    editable = ("name", "description", "changed_at")

    @extend_schema(
        summary="Create a security group",
        request=serializers.GroupCreate,
        responses={201: serializers.SecurityGroupSerializer},
    )
    def create(self, request: Request) -> Response:
        """It lets everything out and nothing in."""
        return self.made(groups.group_create(actor=self.actor, **self.parsed(serializers.GroupCreate)))

    def edit(self, row: Any, changes: dict[str, Any]) -> SecurityGroup:
        """Name and description."""
        return groups.group_edit(actor=self.actor, group=row, **changes)

    def remove(self, row: Any) -> None:
        """One that nothing uses."""
        groups.group_delete(actor=self.actor, group=row)

    @extend_schema(
        methods=["GET"], summary="List the rules of a security group", responses=serializers.RuleSerializer(many=True)
    )
    @extend_schema(
        methods=["POST"],
        summary="Add a rule to a security group",
        request=serializers.RuleCreate,
        responses={201: serializers.RuleSerializer},
    )
    @action(detail=True, methods=["get", "post"], filterset_class=None)
    def rules(self, request: Request, pk: str) -> Response:
        """What the group lets through. A new rule acts on running instances at once."""
        group = self.get_object()
        if request.method == "POST":
            wish = RuleWish(**self.parsed(serializers.RuleCreate))
            rule = groups.rule_create(actor=self.actor, group=group, rule=wish)
            return Response(serializers.RuleSerializer(rule).data, status=status.HTTP_201_CREATED)
        return self.page(group.rules.select_related("remote_group"), serializers.RuleSerializer)

    @extend_schema(methods=["GET"], summary="Read a rule", responses=serializers.RuleSerializer)
    @extend_schema(methods=["DELETE"], summary="Remove a rule from a security group", request=None, responses=GONE)
    @action(detail=True, methods=["get", "delete"], filterset_class=None, url_path="rules/(?P<rule_id>[^/.]+)")
    def rule(self, request: Request, pk: str, rule_id: str) -> Response:
        """One rule. Connections that only it let through end at once when it is removed."""
        group = self.get_object()
        if not is_uuid(rule_id):
            raise Http404
        rule = get_object_or_404(SecurityGroupRule.objects.select_related("remote_group"), pk=rule_id, group=group)
        if request.method == "DELETE":
            groups.rule_delete(actor=self.actor, group=group, rule=rule)
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(serializers.RuleSerializer(rule).data)


def floating_to_show(actor: Actor) -> QuerySet[FloatingIP]:
    """Visible floating IPs with what they lead to."""
    return FloatingIP.objects.visible_to(actor).for_display()


@extend_schema_view(
    list=extend_schema(summary="List floating IPs"),
    retrieve=extend_schema(summary="Read a floating IP"),
    partial_update=extend_schema(
        summary="Edit a floating IP", request=serializers.FloatingEdit, responses=serializers.FloatingIPSerializer
    ),
    destroy=extend_schema(summary="Release a floating IP"),
)
class FloatingIPViewSet(NetworkViewSet):
    """Floating IPs: public addresses that lead to instances."""

    queryset = FloatingIP.objects.none()
    selector = floating_to_show
    serializer_class = serializers.FloatingIPSerializer
    filterset_class = filtersets.FloatingIPFilter
    edit_serializer = serializers.FloatingEdit
    editable = ("description", "interface_id")

    @extend_schema(
        summary="Allocate a floating IP",
        request=serializers.FloatingCreate,
        responses={201: serializers.FloatingIPSerializer},
    )
    def create(self, request: Request) -> Response:
        """It leads nowhere yet."""
        return self.made(floating.floating_allocate(actor=self.actor, **self.parsed(serializers.FloatingCreate)))

    def edit(self, row: Any, changes: dict[str, Any]) -> FloatingIP:
        """What is noted about it."""
        return floating.floating_edit(actor=self.actor, floating_ip=row, **{"description": row.description, **changes})

    def remove(self, row: Any) -> None:
        """One that leads nowhere."""
        floating.floating_release(actor=self.actor, floating_ip=row)

    @extend_schema(
        summary="Associate a floating IP",
        request=serializers.AssociateInput,
        responses=serializers.FloatingIPSerializer,
    )
    @action(detail=True, methods=["post"])
    def associate(self, request: Request, pk: str) -> Response:
        """Point it at an interface; if it led to another one it moves."""
        row = self.get_object()
        floating.floating_associate(actor=self.actor, floating_ip=row, **self.parsed(serializers.AssociateInput))
        return self.answer(self.get_object())

    @extend_schema(summary="Disassociate a floating IP", request=None, responses=serializers.FloatingIPSerializer)
    @action(detail=True, methods=["post"])
    def disassociate(self, request: Request, pk: str) -> Response:
        """Let it lead nowhere; the project keeps it."""
        row = self.get_object()
        self.parsed_nothing()
        floating.floating_disassociate(actor=self.actor, floating_ip=row)
        return self.answer(self.get_object())


def traces_to_show(actor: Actor) -> QuerySet[Trace]:
    """Visible traces with both ends."""
    return Trace.objects.visible_to(actor).select_related("project", "source", "destination")


@extend_schema_view(list=extend_schema(summary="List traces"), retrieve=extend_schema(summary="Read a trace"))
class TraceViewSet(ReadViewSet):
    """Traces: does a packet arrive, and which rule decides? Kept for a day."""

    queryset = Trace.objects.none()
    selector = traces_to_show
    serializer_class = serializers.TraceSerializer
    filterset_class = None

    @extend_schema(summary="Trace a packet", request=serializers.TraceCreate, responses={202: JobSerializer})
    def create(self, request: Request) -> Response:
        """Ask; the job's `target.id` is the trace, which has the answer when the job is done."""
        return accepted(self, traces.trace_create(actor=self.actor, **self.parsed(serializers.TraceCreate)))


router.register("external-networks", ExternalNetworkViewSet, basename="external-network")
router.register("vpcs", VPCViewSet, basename="vpc")
router.register("subnets", SubnetViewSet, basename="subnet")
router.register("security-groups", SecurityGroupViewSet, basename="security-group")
router.register("floating-ips", FloatingIPViewSet, basename="floating-ip")
router.register("traces", TraceViewSet, basename="trace")
