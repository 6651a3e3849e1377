"""``/api/v1/interfaces/``: network interfaces, which their instances own."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts.actor import Actor
from cloudia.api.viewsets import ResourceViewSet
from cloudia.jobs.api import accepted
from cloudia.jobs.serializers import JobSerializer
from instances import interface_serializers as serializers
from instances import interface_services
from instances.models import Instance, InstanceInterface
from networking.filtersets import InterfaceFilter
from networking.models import NetworkInterface
from networking.services.interfaces import InterfaceWish


def interfaces_to_show(actor: Actor) -> QuerySet[NetworkInterface]:
    """Visible interfaces of instances, with what a representation names and policies ask."""
    rows = NetworkInterface.objects.visible_to(actor).filter(attachment__isnull=False).for_display()
    return rows.select_related("attachment__instance__host", "attachment__instance__current_job")


def links_to_show(instance: Instance) -> QuerySet[InstanceInterface]:
    """The interfaces of an instance with the same, in the order the guest has them."""
    rows = instance.interfaces.select_related("interface__subnet__vpc", "interface__project")
    rows = rows.select_related("instance__host", "instance__current_job")
    return rows.prefetch_related("interface__security_groups", "interface__floating_ips")


@extend_schema_view(
    list=extend_schema(summary="List network interfaces"),
    retrieve=extend_schema(summary="Read a network interface"),
    partial_update=extend_schema(
        summary="Edit a network interface",
        request=serializers.InterfaceInput,
        responses=serializers.InterfaceSerializer,
    ),
    destroy=extend_schema(summary="Remove a network interface"),
)
class InterfaceViewSet(ResourceViewSet):
    """Network interfaces of instances."""

    queryset = NetworkInterface.objects.none()
    selector = interfaces_to_show
    serializer_class = serializers.InterfaceSerializer
    filterset_class = InterfaceFilter
    edit_serializer = serializers.InterfaceInput
    editable = ("subnet_id", "address", "group_ids")

    @extend_schema(
        summary="Add a network interface to an instance",
        request=serializers.InterfaceCreate,
        responses={201: serializers.InterfaceSerializer, 202: JobSerializer},
    )
    def create(self, request: Request) -> Response:
        """A guest that runs gets it in a job, another has it from its next start."""
        data = self.parsed(serializers.InterfaceCreate)
        instance: Instance = data["instance"]
        wish = serializers.interface_wish(data, instance.project)
        link, job = interface_services.interface_add(actor=self.actor, instance=instance, wish=wish)
        return accepted(self, job) if job else self.made(link.interface)

    def hold(self, row: Any) -> None:
        """Its instance first, as its services do."""
        Instance.objects.select_for_update().filter(pk=row.attachment.instance_id).first()

    def edit(self, row: Any, changes: dict[str, Any]) -> InstanceInterface:
        """Security groups at any time, subnet and address while the instance is stopped."""
        wish = InterfaceWish(
            subnet=changes.get("subnet", row.subnet),
            address=changes.get("ip_address", ""),
            security_groups=tuple(changes.get("security_groups", row.security_groups.all())),
        )
        return interface_services.interface_edit(actor=self.actor, link=row.attachment, wish=wish)

    @extend_schema(responses={202: JobSerializer, 204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Its address is free when a guest that runs has let go of it."""
        job = interface_services.interface_remove(actor=self.actor, link=self.get_object().attachment)
        return accepted(self, job) if job else Response(status=status.HTTP_204_NO_CONTENT)
