"""``/api/v1/filesystems/``."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts.actor import Actor
from cloudia.api.viewsets import ResourceViewSet
from storage import filesystem_serializers as serializers
from storage import references
from storage.filtersets import FileSystemFilter
from storage.models import FileSystem
from storage.services import filesystems as services


def filesystems_to_show(actor: Actor) -> QuerySet[FileSystem]:
    """Visible file systems with what a representation names."""
    return FileSystem.objects.visible_to(actor).for_display()


@extend_schema_view(
    list=extend_schema(summary="List file systems"),
    retrieve=extend_schema(summary="Read a file system"),
    partial_update=extend_schema(
        summary="Edit a file system",
        request=serializers.FileSystemEdit,
        responses=serializers.FileSystemSerializer,
    ),
    destroy=extend_schema(summary="Delete a file system"),
)
class FileSystemViewSet(ResourceViewSet):
    """File systems that instances mount: NFS over their network, VirtioFS from their host."""

    queryset = FileSystem.objects.none()
    selector = filesystems_to_show
    serializer_class = serializers.FileSystemSerializer
    filterset_class = FileSystemFilter
    edit_serializer = serializers.FileSystemEdit
    editable = ("name", "description", "size_gib")

    def paginate_queryset(self, queryset: Any) -> Any:
        """Who mounts the file systems of a page is asked once for all of them."""
        page = super().paginate_queryset(queryset)
        references.fill(page or ())
        return page

    @extend_schema(
        summary="Register a file system",
        request=serializers.FileSystemCreate,
        responses={201: serializers.FileSystemSerializer},
    )
    def create(self, request: Request) -> Response:
        """Of VirtioFS a `job` then looks for the directory on each host."""
        return self.made(services.filesystem_create(actor=self.actor, **self.parsed(serializers.FileSystemCreate)))

    def edit(self, row: Any, changes: dict[str, Any]) -> FileSystem:
        """Name, description and stated size."""
        return services.filesystem_edit(actor=self.actor, filesystem=row, **changes)

    def remove(self, row: Any) -> None:
        """What is stored in it stays."""
        services.filesystem_delete(actor=self.actor, filesystem=row)
