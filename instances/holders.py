"""Which instances depend on what lies in storage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from cloudia.core.policy import Holder
from instances.models import Instance, InstanceDisk, InstanceMount


def made_of(images: Sequence[UUID]) -> Mapping[UUID, Sequence[Holder]]:
    """Instances by the image that they were made of."""
    return _by_key(Instance.objects.filter(image__in=images).values_list("image", "pk", "name"))


def having(volumes: Sequence[UUID]) -> Mapping[UUID, Sequence[Holder]]:
    """Instances by the volume that is attached to them."""
    rows = InstanceDisk.objects.filter(volume__in=volumes)
    return _by_key(rows.values_list("volume", "instance", "instance__name"))


def mounting(filesystems: Sequence[UUID]) -> Mapping[UUID, Sequence[Holder]]:
    """Instances by the file system that they mount."""
    rows = InstanceMount.objects.filter(filesystem__in=filesystems)
    return _by_key(rows.values_list("filesystem", "instance", "instance__name"))


def _by_key(rows: Iterable[tuple[UUID, UUID, str]]) -> Mapping[UUID, Sequence[Holder]]:
    found: dict[UUID, list[Holder]] = {}
    for key, instance, name in rows:
        found.setdefault(key, []).append(Holder("instance", str(instance), name))
    return found
