"""``/api/v1/launch-templates/``."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts.actor import Actor
from cloudia.api.viewsets import ResourceViewSet
from instances import template_serializers as serializers
from instances import template_services
from instances.filtersets import LaunchTemplateFilter
from instances.launch_templates import LaunchTemplate
from instances.serializers import wish_of


def templates_to_show(actor: Actor) -> QuerySet[LaunchTemplate]:
    """Visible launch templates."""
    return LaunchTemplate.objects.visible_to(actor).select_related("project")


@extend_schema_view(
    list=extend_schema(summary="List launch templates"),
    retrieve=extend_schema(summary="Read a launch template"),
    partial_update=extend_schema(
        summary="Edit a launch template",
        request=serializers.LaunchTemplateEdit,
        responses=serializers.LaunchTemplateSerializer,
    ),
    destroy=extend_schema(summary="Delete a launch template"),
)
class LaunchTemplateViewSet(ResourceViewSet):
    """Launch templates: how an instance shall be made, kept under a name."""

    queryset = LaunchTemplate.objects.none()
    selector = templates_to_show
    serializer_class = serializers.LaunchTemplateSerializer
    filterset_class = LaunchTemplateFilter
    edit_serializer = serializers.LaunchTemplateEdit
    editable = ("name", "description")

    @extend_schema(
        summary="Create a launch template",
        request=serializers.LaunchTemplateCreate,
        responses={201: serializers.LaunchTemplateSerializer},
    )
    def create(self, request: Request) -> Response:
        """`content` is a request for an instance that could be made now, without its name and project."""
        wish = self.parsed(serializers.LaunchTemplateCreate)
        project, content = wish_of({**wish.pop("content"), "project": wish.pop("project"), "name": ""})
        return self.made(
            template_services.launch_template_create(actor=self.actor, project=project, wish=content, **wish)
        )

    def edit(self, row: Any, changes: dict[str, Any]) -> LaunchTemplate:
        """Its name and description."""
        return template_services.launch_template_edit(actor=self.actor, template=row, **changes)

    def remove(self, row: Any) -> None:
        """Instances made of it stay as they are."""
        template_services.launch_template_delete(actor=self.actor, template=row)
