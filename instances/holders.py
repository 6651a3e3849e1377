"""Which instances depend on what lies in storage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import F, Q

from cloudia.core.policy import Holder
from instances.models import Instance, InstanceDisk, InstanceMount

Key = TypeVar("Key")


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


def using_there(attachments: Sequence[Any]) -> Mapping[Any, Sequence[Holder]]:
    """Instances by the storage domain on the host where they have disks in it."""
    here = Q(volume__storage_domain__attachments=F("instance__host__attachments"))
    rows = InstanceDisk.objects.filter(here, instance__host__attachments__in=attachments)
    return _by_key(rows.values_list("instance__host__attachments", "instance", "instance__name").distinct())


def _by_key(rows: Iterable[tuple[Key, UUID, str]]) -> Mapping[Key, Sequence[Holder]]:
    found: dict[Key, list[Holder]] = {}
    for key, instance, name in rows:
        found.setdefault(key, []).append(Holder("instance", str(instance), name))
    return found
