"""File systems of instances as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cloudia.api.fields import ActionsField, Input, Ref, Reference, Text, Time, VerdictSerializer
from instances import mount_policies
from instances.models import InstanceMount
from instances.mounts import MAX_PATH, MountWish
from storage.enums import FileSystemKind
from storage.models import FileSystem


@extend_schema_field(serializers.DictField(child=VerdictSerializer()))
class MountActions(ActionsField):
    """Change its folder, remove it."""

    def to_representation(self, row: InstanceMount) -> dict[str, dict[str, Any]]:
        """The policies are about its instance."""
        return super().to_representation(row.instance)


class MountSerializer(serializers.Serializer[InstanceMount]):
    """A file system as an instance mounts it; ``mount_path`` is a folder inside the guest."""

    filesystem = Reference(read_only=True)
    kind = serializers.ChoiceField(source="filesystem.kind", choices=FileSystemKind.choices, read_only=True)
    size_gib = serializers.IntegerField(source="filesystem.size_gib", read_only=True, allow_null=True)
    mount_path = serializers.CharField(read_only=True)
    created_at = Time(read_only=True)
    actions = MountActions(mount_policies.MOUNT_ACTIONS)


class MountEdit(Input):
    """Another folder."""

    mount_path = Text(max_length=MAX_PATH)


class MountInput(MountEdit):
    """A file system, and the folder of the guest to mount it at."""

    filesystem = Ref(lambda actor: FileSystem.objects.visible_to(actor).select_related("subnet__vpc"))


def mount_wish(data: dict[str, Any]) -> MountWish:
    """A parsed :class:`MountInput` as the service takes it."""
    return MountWish(filesystem=data["filesystem"], mount_path=data["mount_path"].strip())
