"""``/api/v1/hosts/``, for operators."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.functional import SimpleLazyObject
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts.actor import Actor
from cloudia.api.permissions import IsOperator
from cloudia.api.router import router
from cloudia.api.viewsets import ApiViewSet, EditViewSet
from cloudia.hosts import serializers, services
from cloudia.hosts.filtersets import HostFilter
from cloudia.hosts.models import Host
from cloudia.hosts.usage import usage_by_host


def hosts_to_show(actor: Actor) -> QuerySet[Host]:
    """Every host: only operators get here."""
    return Host.objects.select_related("current_job").prefetch_related("gpus")


@extend_schema_view(
    list=extend_schema(summary="List hosts"),
    retrieve=extend_schema(summary="Read a host"),
    partial_update=extend_schema(
        summary="Edit a host", request=serializers.HostEdit, responses=serializers.HostSerializer
    ),
)
class HostViewSet(EditViewSet):
    """Hosts: the machines that instances run on."""

    queryset = Host.objects.none()
    selector = hosts_to_show
    permission_classes = [*ApiViewSet.permission_classes, IsOperator]
    serializer_class = serializers.HostSerializer
    filterset_class = HostFilter
    edit_serializer = serializers.HostEdit
    editable = ("name", "uri", "username", "accelerator_choice", "vcpu_ratio", "reserved_memory_mib")

    def get_serializer_context(self) -> dict[str, Any]:
        """With what guests use, counted once for all hosts."""
        return {**super().get_serializer_context(), "usage": SimpleLazyObject(usage_by_host)}

    @extend_schema(
        summary="Register a host", request=serializers.HostCreate, responses={201: serializers.HostSerializer}
    )
    def create(self, request: Request) -> Response:
        """Active at once; the watcher looks at it within seconds."""
        host = services.host_register(actor=self.actor, **self.parsed(serializers.HostCreate))
        return self.answer(host, status.HTTP_201_CREATED)

    def edit(self, row: Any, changes: dict[str, Any]) -> Host:
        """How it is reached, and how much of it is given away."""
        return services.host_edit(actor=self.actor, host=row, **changes)

    @extend_schema(summary="Put a host into maintenance", request=None, responses=serializers.HostSerializer)
    @action(detail=True, methods=["post"])
    def maintenance(self, request: Request, pk: str) -> Response:
        """It takes no new instances; those that are there stay."""
        host = self.get_object()
        self.parsed_nothing()
        return self.answer(services.host_maintenance(actor=self.actor, host=host))

    @extend_schema(summary="Activate a host", request=None, responses=serializers.HostSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """It takes new instances again."""
        host = self.get_object()
        self.parsed_nothing()
        return self.answer(services.host_activate(actor=self.actor, host=host))


router.register("hosts", HostViewSet, basename="host")
