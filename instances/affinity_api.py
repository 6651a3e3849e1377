"""``/api/v1/affinity-groups/``."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts.actor import Actor
from cloudia.api.viewsets import ResourceViewSet
from instances import affinity_serializers as serializers
from instances import affinity_services as services
from instances.affinity_models import AffinityGroup
from instances.filtersets import AffinityGroupFilter
from instances.querysets import AffinityGroupQuerySet


def groups_to_show(actor: Actor) -> AffinityGroupQuerySet:
    """Visible groups with their members."""
    return AffinityGroup.objects.visible_to(actor).for_display()


@extend_schema_view(
    list=extend_schema(summary="List affinity groups"),
    retrieve=extend_schema(summary="Read an affinity group"),
    partial_update=extend_schema(
        summary="Edit an affinity group",
        request=serializers.AffinityGroupEdit,
        responses=serializers.AffinityGroupSerializer,
    ),
    destroy=extend_schema(summary="Delete an affinity group"),
)
class AffinityGroupViewSet(ResourceViewSet):
    """Affinity groups: instances that shall run on one host, or on different ones."""

    queryset = AffinityGroup.objects.none()
    selector = groups_to_show
    serializer_class = serializers.AffinityGroupSerializer
    filterset_class = AffinityGroupFilter
    edit_serializer = serializers.AffinityGroupEdit
    editable = ("name", "description", "policy", "hard", "enabled")

    @extend_schema(
        summary="Create an affinity group",
        request=serializers.AffinityGroupCreate,
        responses={201: serializers.AffinityGroupSerializer},
    )
    def create(self, request: Request) -> Response:
        """Without members: instances name it."""
        wish = self.parsed(serializers.AffinityGroupCreate)
        return self.made(services.affinity_create(actor=self.actor, **wish))

    def edit(self, row: Any, changes: dict[str, Any]) -> AffinityGroup:
        """Who has a host stays there; who is placed from now on obeys."""
        return services.affinity_edit(actor=self.actor, group=row, **changes)

    def remove(self, row: Any) -> None:
        """Only without members."""
        services.affinity_delete(actor=self.actor, group=row)
