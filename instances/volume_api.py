"""``/api/v1/volumes/``."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.jobs.api import accepted
from cloudia.jobs.serializers import JobSerializer
from instances import disk_services as services
from instances.disk_serializers import AttachedVolumeSerializer, AttachInput, ResizeInput
from storage.volume_api import BaseVolumeViewSet
from storage.volume_serializers import VolumeEdit


@extend_schema_view(
    list=extend_schema(summary="List volumes"),
    retrieve=extend_schema(summary="Read a volume"),
    partial_update=extend_schema(summary="Edit a volume", request=VolumeEdit, responses=AttachedVolumeSerializer),
)
class VolumeViewSet(BaseVolumeViewSet):
    """Volumes: disks of their own lifecycle, attached to at most one instance."""

    serializer_class = AttachedVolumeSerializer

    @extend_schema(summary="Attach a volume", request=AttachInput, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def attach(self, request: Request, pk: str) -> Response:
        """Give it to an instance, running or stopped."""
        volume = self.get_object()
        return accepted(self, services.disk_attach(actor=self.actor, volume=volume, **self.parsed(AttachInput)))

    @extend_schema(summary="Detach a volume", request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def detach(self, request: Request, pk: str) -> Response:
        """Take it away from its instance. The guest should have unmounted it."""
        volume = self.get_object()
        self.parsed_nothing()
        return accepted(self, services.disk_detach(actor=self.actor, volume=volume))

    @extend_schema(summary="Enlarge a volume", request=ResizeInput, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def resize(self, request: Request, pk: str) -> Response:
        """Also while its instance runs. Partitions and file systems in the guest stay as they are."""
        volume = self.get_object()
        return accepted(self, services.volume_resize(actor=self.actor, volume=volume, **self.parsed(ResizeInput)))
