"""Volumes where instances have them, as the API shows and takes them."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import Direction, extend_schema_field
from rest_framework import serializers

from cloudia.api.fields import Input, Ref, Reference, Text, Whole
from cloudia.core.rows import MAX_NAME
from instances.disk_policies import attachment_of
from instances.disk_wishes import DiskWish
from instances.models import Instance, InstanceDisk
from storage.models import Volume
from storage.space import MAX_DISK_GIB
from storage.volume_serializers import VolumeSerializer


class DiskAttachmentSerializer(serializers.Serializer[InstanceDisk]):
    """Where a volume is attached; ``device_name``: what a Linux guest usually calls it."""

    instance = Reference(read_only=True)  # type: ignore[assignment]  # a field's name, not what is serialized
    position = serializers.IntegerField(read_only=True)
    device_name = serializers.CharField(read_only=True)
    is_boot = serializers.BooleanField(read_only=True)


class AttachedVolumeSerializer(VolumeSerializer):
    """A volume; ``attachment`` null: no instance has it."""

    attachment = serializers.SerializerMethodField()

    @extend_schema_field(DiskAttachmentSerializer(allow_null=True))
    def get_attachment(self, volume: Volume) -> Any:
        """At most one: a volume has one writer."""
        disk = attachment_of(volume)
        return DiskAttachmentSerializer(disk).data if disk else None


class AttachInput(Input):
    """Where it shall go: an instance of the same project, whose disks are in the same storage domain."""

    instance = Ref(Instance.objects.visible_to)


class NewDisk(Input):
    """An empty volume, made with the instance."""

    name = Text(max_length=MAX_NAME)
    size_gib = Whole(min_value=1, max_value=MAX_DISK_GIB)


class DiskInput(serializers.Field[Any, Any, Any, Any]):
    """The id of a volume that nothing uses, or a new volume's ``name`` and ``size_gib``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._volume, self._new = Ref(Volume.objects.visible_to), NewDisk()

    def bind(self, field_name: str, parent: Any) -> None:
        """See the framework: what asks for the request finds it above."""
        super().bind(field_name, parent)
        for field in (self._volume, self._new):
            field.bind("", cast(Any, self))

    def to_internal_value(self, data: Any) -> DiskWish:
        """As the service takes it."""
        if isinstance(data, dict):
            return DiskWish(**self._new.run_validation(data))
        return DiskWish(volume=self._volume.run_validation(data))


class DiskInputSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # its metaclass has no types
    """Either of the two, in the API's schema."""

    target_class = DiskInput

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """See the framework."""
        new = auto_schema.resolve_serializer(NewDisk(), direction)
        return {"oneOf": [{"type": "string", "format": "uuid"}, new.ref]}


class ResizeInput(Input):
    """How large it shall be; larger than now."""

    size_gib = Whole(min_value=1, max_value=MAX_DISK_GIB)


@extend_schema_field(OpenApiTypes.BOOL)
class QueryFlag(serializers.ChoiceField):
    """True or false in an address, where everything is text; nothing else."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=["true", "false"], **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """As a bool."""
        return super().to_internal_value(data) == "true"


class InstanceDelete(Input):
    """``delete_volumes``: also the data volumes, with what is on them."""

    delete_volumes = QueryFlag(default=False)
