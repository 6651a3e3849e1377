"""``/api/v1/instances/{id}/filesystems/``: what an instance mounts."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cloudia.api.viewsets import ApiViewSet
from cloudia.core.ids import is_uuid
from instances import mount_serializers as serializers
from instances import mount_services as services
from instances.models import Instance, InstanceMount

FILESYSTEM_ID = OpenApiParameter("filesystem_id", OpenApiTypes.UUID, OpenApiParameter.PATH)


def mounts_to_show(instance: Instance) -> QuerySet[InstanceMount]:
    """What the instance mounts, with what a representation names and policies ask."""
    return instance.mounts.select_related("filesystem", "instance__host", "instance__current_job")


class MountsOfInstance(ApiViewSet):
    """The part of instances that is about file systems."""

    @extend_schema(summary="List the file systems of an instance", responses=serializers.MountSerializer(many=True))
    @action(detail=True, filterset_class=None)
    def filesystems(self, request: Request, pk: str) -> Response:
        """By the folder in the guest."""
        return self.page(mounts_to_show(self.get_object()), serializers.MountSerializer)

    @extend_schema(
        summary="Mount a file system in an instance",
        request=serializers.MountInput,
        responses={201: serializers.MountSerializer},
    )
    @filesystems.mapping.post
    def add_filesystem(self, request: Request, pk: str) -> Response:
        """While the instance is stopped; the guest mounts it at its next start."""
        instance = self.get_object()
        wish = serializers.mount_wish(self.parsed(serializers.MountInput))
        made = services.mount_add(
            actor=self.actor, instance=instance, filesystem=wish.filesystem, mount_path=wish.mount_path
        )
        return self._shown(instance, made, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Read a file system of an instance",
        parameters=[FILESYSTEM_ID],
        responses=serializers.MountSerializer,
    )
    @action(detail=True, filterset_class=None, url_path="filesystems/(?P<filesystem_id>[^/.]+)")
    def filesystem(self, request: Request, pk: str, filesystem_id: str) -> Response:
        """Where it is mounted."""
        instance = self.get_object()
        return self._shown(instance, self._mount(instance, filesystem_id))

    @extend_schema(
        summary="Mount a file system of an instance elsewhere",
        parameters=[FILESYSTEM_ID],
        request=serializers.MountEdit,
        responses=serializers.MountSerializer,
    )
    @filesystem.mapping.patch
    def move_filesystem(self, request: Request, pk: str, filesystem_id: str) -> Response:
        """While the instance is stopped."""
        instance = self.get_object()
        mount = self._mount(instance, filesystem_id)
        path = self.parsed(serializers.MountEdit)["mount_path"]
        moved = services.mount_edit(actor=self.actor, instance=instance, mount=mount, mount_path=path)
        return self._shown(instance, moved)

    @extend_schema(summary="Remove a file system from an instance", parameters=[FILESYSTEM_ID], responses={204: None})
    @filesystem.mapping.delete
    def remove_filesystem(self, request: Request, pk: str, filesystem_id: str) -> Response:
        """While the instance is stopped; what is stored in it stays."""
        instance = self.get_object()
        mount = self._mount(instance, filesystem_id)
        services.mount_remove(actor=self.actor, instance=instance, mount=mount)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _mount(self, instance: Instance, filesystem_id: str) -> InstanceMount:
        if not is_uuid(filesystem_id):
            raise Http404
        return get_object_or_404(mounts_to_show(instance), filesystem=filesystem_id)

    def _shown(self, instance: Instance, mount: InstanceMount, code: int = status.HTTP_200_OK) -> Response:
        row = mounts_to_show(instance).get(pk=mount.pk)
        context = self.get_serializer_context()
        return Response(serializers.MountSerializer(row, context=context).data, status=code)
