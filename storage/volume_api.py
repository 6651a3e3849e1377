"""What ``/api/v1/volumes/`` is made of; the app of instances, which attaches volumes, registers it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.accounts.actor import Actor
from cloudia.api.viewsets import EditViewSet
from cloudia.jobs.api import accepted
from cloudia.jobs.serializers import JobSerializer
from storage import references
from storage.filtersets import VolumeFilter
from storage.models import Volume
from storage.services import volumes as services
from storage.volume_serializers import VolumeCreate, VolumeEdit, VolumeSerializer


def volumes_to_show(actor: Actor) -> QuerySet[Volume]:
    """Visible volumes with what a representation names and policies ask."""
    return Volume.objects.visible_to(actor).for_display()


class BaseVolumeViewSet(EditViewSet):
    """Volumes: disks of their own lifecycle."""

    queryset = Volume.objects.none()
    selector = volumes_to_show
    serializer_class = VolumeSerializer
    filterset_class = VolumeFilter
    edit_serializer = VolumeEdit
    editable = ("name", "description")

    def paginate_queryset(self, queryset: Any) -> Any:
        """What uses the volumes of a page is asked once for all of them."""
        page = super().paginate_queryset(queryset)
        references.fill(page or ())
        return page

    @extend_schema(summary="Create a volume", request=VolumeCreate, responses={202: JobSerializer})
    def create(self, request: Request) -> Response:
        """Record it and queue its making; the job's `target.id` is the new volume's id."""
        return accepted(self, services.volume_create(actor=self.actor, **self.parsed(VolumeCreate)))

    def edit(self, row: Any, changes: dict[str, Any]) -> Volume:
        """Name and description."""
        return services.volume_edit(actor=self.actor, volume=row, **changes)

    @extend_schema(summary="Delete a volume", responses={202: JobSerializer})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete it with its data, unless something uses it."""
        return accepted(self, services.volume_delete(actor=self.actor, volume=self.get_object()))
