"""How much may be promised of a storage domain: counted under a lock, so that parallel requests never promise more."""

from __future__ import annotations

from django.db.models import IntegerField, Max, Sum
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from cloudia.core.errors import InputError
from cloudia.jobs.models import Job
from storage.models import StorageDomain, Volume
from storage.models.base import GIB
from storage.querysets import VolumeQuerySet

MAX_DISK_GIB = 64 * 1024  # qcow2 with clusters of 64 KiB could hold 32 times as much; nobody moves that


def growing_gib(volumes: VolumeQuerySet) -> int:
    """How much ``volumes`` are about to grow: what jobs in progress have claimed for them, in GiB."""
    jobs = Job.objects.active().filter(target_type="volume", target_id__in=volumes.values("pk"))
    claimed = jobs.filter(params__has_key="claimed_gib")
    found = claimed.aggregate(gib=Sum(Cast("params__claimed_gib", IntegerField())))
    return found["gib"] or 0


def promised_bytes(domain: StorageDomain) -> int:
    """What its volumes may come to fill, and what its images do."""
    volumes = Volume.objects.filter(storage_domain=domain)
    gib = (volumes.aggregate(gib=Sum("size_gib"))["gib"] or 0) + growing_gib(volumes)
    return gib * GIB + (domain.images.aggregate(bytes=Sum("file_bytes"))["bytes"] or 0)


def claim_space(domain: StorageDomain, gib: int, field: str = "size_gib") -> None:
    """Make sure that ``gib`` more may be promised, in the transaction that promises them.

    The domain's row stays locked until that ends. A domain whose capacity nobody has seen yet is not limited. Raises
    InputError (``no_space``) at ``field``.
    """
    row = StorageDomain.objects.select_for_update(no_key=True).get(pk=domain.pk)
    capacity = row.attachments.aggregate(most=Max("capacity_bytes"))["most"]
    if not capacity:
        return
    free = int(capacity * row.over_commit) - promised_bytes(row)
    if gib * GIB > free:
        words = {"domain": row.name, "free": max(0, free // GIB)}
        message = _("Storage domain “%(domain)s” has room for %(free)s GiB more.") % words
        raise InputError.at(field, message, "no_space")
