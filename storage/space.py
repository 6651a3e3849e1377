"""How much may be promised of a storage domain: counted under a lock, so that parallel requests never promise more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Max, Sum
from django.utils.translation import gettext as _

from cloudia.core.errors import InputError
from cloudia.jobs.models import Job
from storage.models import Image, StorageAttachment, StorageDomain, Volume
from storage.models.base import GIB
from storage.querysets import VolumeQuerySet

MAX_DISK_GIB = 64 * 1024  # qcow2 with clusters of 64 KiB could hold 32 times as much; nobody moves that


def growing_gib(volumes: VolumeQuerySet) -> int:
    """How much ``volumes`` are about to grow: what jobs in progress have claimed for them, in GiB."""
    return sum(_growing(volumes).values())


def _growing(volumes: VolumeQuerySet) -> dict[UUID, int]:
    jobs = Job.objects.active().filter(target_type="volume", target_id__in=volumes.values("pk"))
    return dict(jobs.filter(params__has_key="claimed_gib").values_list("target_id", "params__claimed_gib"))


def promised_bytes(domain: StorageDomain) -> int:
    """What its volumes may come to fill, and what its images do."""
    return promises([domain])[domain.pk]


def promises(domains: Sequence[StorageDomain]) -> dict[UUID, int]:
    """The same of several storage domains, in as many queries as for one: bytes by id."""
    volumes = Volume.objects.filter(storage_domain__in=domains).order_by()
    found = {domain.pk: 0 for domain in domains}
    for pk, gib in volumes.values_list("storage_domain").annotate(Sum("size_gib")):
        found[pk] += gib * GIB
    for pk, size in _images_in(domains):
        found[pk] += size
    growing = _growing(volumes)
    for pk, volume in Volume.objects.filter(pk__in=growing).values_list("storage_domain", "pk"):
        found[pk] += growing[volume] * GIB
    return found


def _images_in(domains: Sequence[StorageDomain]) -> Iterable[tuple[UUID, int]]:
    images = Image.objects.filter(storage_domain__in=domains).order_by()
    return images.values_list("storage_domain").annotate(Sum("file_bytes"))


def claim_space(domain: StorageDomain, gib: int, field: str = "size_gib") -> None:
    """Make sure that ``gib`` more may be promised, in the transaction that promises them.

    The domain's row stays locked until that ends. A domain whose capacity nobody has seen yet is not limited. Raises
    InputError (``no_space``) at ``field``.
    """
    row = StorageDomain.objects.select_for_update(no_key=True).get(pk=domain.pk)
    free = rooms([row])[row.pk].free_bytes
    if free is not None and gib * GIB > free:
        words = {"domain": row.name, "free": max(0, free // GIB)}
        message = _("Storage domain “%(domain)s” has room for %(free)s GiB more.") % words
        raise InputError.at(field, message, "no_space")


@dataclass(frozen=True, slots=True)
class Room:
    """A storage domain's room, in bytes; capacity 0: nobody has seen it yet."""

    capacity_bytes: int
    available_bytes: int  # not filled yet
    promised_bytes: int
    limit_bytes: int  # what may be promised

    @property
    def free_bytes(self) -> int | None:
        """What may still be promised; negative if more is promised than may be, None if nobody knows."""
        return self.limit_bytes - self.promised_bytes if self.capacity_bytes else None

    @property
    def used_bytes(self) -> int:
        """What is filled."""
        return self.capacity_bytes - self.available_bytes

    @property
    def used_percent(self) -> int:
        """How full it is."""
        return percent(self.used_bytes, self.capacity_bytes)

    @property
    def promised_percent(self) -> int:
        """How much of what may be promised is."""
        return percent(self.promised_bytes, self.limit_bytes)


def rooms(domains: Sequence[StorageDomain]) -> dict[UUID, Room]:
    """The room of storage domains, by id. Their hosts see the same files, so the largest figures are the newest."""
    seen = StorageAttachment.objects.filter(domain__in=domains).order_by().values_list("domain")
    sizes = {pk: sizes for pk, *sizes in seen.annotate(Max("capacity_bytes"), Max("available_bytes"))}
    promised = promises(domains)
    found = {}
    for domain in domains:
        capacity, available = sizes.get(domain.pk, (0, 0))
        limit = int(capacity * domain.over_commit)
        found[domain.pk] = Room(capacity, available, promised[domain.pk], limit)
    return found


def give_rooms(domains: Sequence[StorageDomain]) -> None:
    """Give each row of a page its ``room``."""
    found = rooms(domains)
    for domain in domains:
        domain.room = found[domain.pk]  # type: ignore[attr-defined]  # for templates and serializers


def percent(part: int, whole: int) -> int:
    """From 0 to 100."""
    return min(100, max(0, 100 * part // whole)) if whole else 0
