"""``/api/v1/images/``."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view

from cloudia.accounts.actor import Actor
from cloudia.api.router import router
from cloudia.api.viewsets import ReadViewSet
from storage.filtersets import ImageFilter
from storage.models import Image
from storage.serializers import ImageSerializer


def images_to_show(actor: Actor) -> QuerySet[Image]:
    """Visible images with what a representation names."""
    return Image.objects.visible_to(actor).select_related("project", "storage_domain")


@extend_schema_view(list=extend_schema(summary="List images"), retrieve=extend_schema(summary="Read an image"))
class ImageViewSet(ReadViewSet):
    """Images: what instances are cloned from."""

    queryset = Image.objects.none()
    selector = images_to_show
    serializer_class = ImageSerializer
    filterset_class = ImageFilter


router.register("images", ImageViewSet, basename="image")
