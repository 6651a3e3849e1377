"""``/api/v1/``: external networks, VPCs, subnets, floating IPs; here also those of :mod:`networking.traffic_api`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts.actor import Actor
from cloudia.api.router import router
from cloudia.api.viewsets import ReadViewSet, ResourceViewSet
from networking import filtersets, serializers
from networking.models import (
    VPC,
    ExternalNetwork,
    FloatingIP,
    Subnet,
)
from networking.selectors import addresses_in_use
from networking.services import floating, subnets, vpcs
from networking.traffic_api import SecurityGroupViewSet, TraceViewSet


def external_networks_to_show(actor: Actor) -> QuerySet[ExternalNetwork]:
    """All of them: everybody may take addresses from them."""
    return ExternalNetwork.objects.visible_to(actor)


@extend_schema_view(
    list=extend_schema(summary="List external networks"), retrieve=extend_schema(summary="Read an external network")
)
class ExternalNetworkViewSet(ReadViewSet):
    """External networks: where floating IPs come from."""

    queryset = ExternalNetwork.objects.none()
    selector = external_networks_to_show
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
class VPCViewSet(ResourceViewSet):
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
class SubnetViewSet(ResourceViewSet):
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
        """Who has which: all of them, in order; addresses that nobody has are left out."""
        entries: Any = addresses_in_use(self.get_object())
        return Response(serializers.AddressSerializer(entries, many=True).data)


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
class FloatingIPViewSet(ResourceViewSet):
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


router.register("external-networks", ExternalNetworkViewSet, basename="external-network")
router.register("vpcs", VPCViewSet, basename="vpc")
router.register("subnets", SubnetViewSet, basename="subnet")
router.register("security-groups", SecurityGroupViewSet, basename="security-group")
router.register("floating-ips", FloatingIPViewSet, basename="floating-ip")
router.register("traces", TraceViewSet, basename="trace")
