"""``/api/v1/images/``."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts.actor import Actor
from cloudia.api.viewsets import EditViewSet
from cloudia.jobs.api import accepted
from cloudia.jobs.serializers import JobSerializer
from storage import image_serializers as serializers
from storage import references
from storage.filtersets import ImageFilter
from storage.models import Image
from storage.services import images


def images_to_show(actor: Actor) -> QuerySet[Image]:
    """Visible images with what a representation names."""
    return Image.objects.visible_to(actor).for_display()


@extend_schema_view(
    list=extend_schema(summary="List images"),
    retrieve=extend_schema(summary="Read an image"),
    partial_update=extend_schema(
        summary="Edit an image", request=serializers.ImageEdit, responses=serializers.ImageSerializer
    ),
)
class ImageViewSet(EditViewSet):
    """Images: what instances are cloned from."""

    queryset = Image.objects.none()
    selector = images_to_show
    serializer_class = serializers.ImageSerializer
    filterset_class = ImageFilter
    edit_serializer = serializers.ImageEdit
    editable = ("name", "description", "os_type", "os_version", "deprecated", "project_id")

    def paginate_queryset(self, queryset: Any) -> Any:
        """A page, with who uses its images asked once for all of them."""
        page = super().paginate_queryset(queryset)
        references.fill(page or ())
        return page

    def edit(self, row: Any, changes: dict[str, Any]) -> Image:
        """What people read about it, and whether it is offered."""
        return images.image_edit(actor=self.actor, image=row, **changes)

    @extend_schema(summary="Delete an image", responses={202: JobSerializer})
    def destroy(self, request: Request, pk: str) -> Response:
        """One that nothing uses, with its file."""
        return accepted(self, images.image_delete(actor=self.actor, image=self.get_object()))

    @extend_schema(summary="Import an image", request=serializers.ImportInput, responses={202: JobSerializer})
    @action(detail=False, methods=["post"], url_path="import", url_name="import")
    def fetch(self, request: Request) -> Response:
        """From a URL, fetched in the background; ``target.id`` of the job is the image."""
        return accepted(self, images.image_fetch(actor=self.actor, **self.parsed(serializers.ImportInput)))
