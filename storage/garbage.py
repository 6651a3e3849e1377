"""Files that no row owns, and rows whose file is missing: found by comparing, deleted only on an operator's word.

What belongs to a row is named by the row's id, perhaps with something after a dot. A file of such a name without its
row is left over; files of other names are somebody else's and stay. Apps register what they own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from django.db import transaction
from django.utils import timezone

from cloudia.core.policy import Holder
from cloudia.virt import VolumeInfo, Volumes
from storage.enums import ImageStatus, StrayKind, VolumeStatus
from storage.models import Image, StorageDomain, StrayFile, Volume
from storage.pools import gateway

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OURS = re.compile(rf"{_UUID}(\.[a-z0-9-]+)*")
_MARKER = re.compile(rf"cloudia-{_UUID}")


@dataclass(frozen=True, slots=True)
class Owned:
    """A file that belongs to a row. ``expected``: it must be there now."""

    name: str
    holder: Holder
    expected: bool = False


Finder: TypeAlias = Callable[[StorageDomain], Iterable[Owned]]
_finders: list[Finder] = []


def register_owner(finder: Finder) -> None:
    """Add somebody who owns files in storage domains; called at start-up."""
    _finders.append(finder)


def volumes_own(domain: StorageDomain) -> Iterable[Owned]:
    """The disks of volumes; one that is being made, changed or deleted may be missing."""
    for row in Volume.objects.filter(storage_domain=domain):
        settled = row.status == VolumeStatus.AVAILABLE and row.current_job_id is None
        yield Owned(row.volume_name, Holder("volume", str(row.pk), row.name), settled)


def images_own(domain: StorageDomain) -> Iterable[Owned]:
    """The files of images. What comes in or is converted has the image's id, with something after a dot."""
    for row in Image.objects.filter(storage_domain=domain):
        holder = Holder("image", str(row.pk), row.name)
        yield Owned(str(row.pk), holder)
        # The same name, unless it was converted: then the last word counts.
        yield Owned(row.volume_name, holder, row.status == ImageStatus.AVAILABLE and row.current_job_id is None)


def is_ours(name: str) -> bool:
    """Whether a file is named as we name files."""
    return _OURS.fullmatch(name) is not None


def is_marker(name: str) -> bool:
    """Whether a file marks a directory as a storage domain's."""
    return _MARKER.fullmatch(name) is not None


def owned_in(domain: StorageDomain) -> Mapping[str, Owned]:
    """What rows own in the storage domain, by the file's name."""
    return {owned.name: owned for finder in _finders for owned in finder(domain)}


def scan(domain: StorageDomain, volumes: Volumes) -> None:
    """Look through the storage domain and keep what was found. Raises CloudiaError.

    Rows are read before and after: what was made or deleted meanwhile is neither left over nor missing.
    """
    before = owned_in(domain)
    found = volumes.list(domain.pool_name)
    with transaction.atomic():
        StorageDomain.objects.select_for_update(no_key=True).get(pk=domain.pk)  # one report at a time
        _keep(domain, strays_among(domain, found, before, owned_in(domain)))
        StorageDomain.objects.filter(pk=domain.pk).update(scanned_at=timezone.now())


def strays_among(
    domain: StorageDomain, found: Sequence[VolumeInfo], before: Mapping[str, Owned], after: Mapping[str, Owned]
) -> list[StrayFile]:
    """Where files and rows disagree."""
    owned = {_stem(name) for name in [*before, *after]}
    backing = _backing(found)
    names = {volume.name for volume in found}
    strays = [
        StrayFile(
            domain=domain,
            kind=StrayKind.ORPHAN if is_ours(volume.name) else StrayKind.FOREIGN,
            name=volume.name[:255],
            size_bytes=volume.allocation_bytes,
        )
        for volume in found
        if _stem(volume.name) not in owned and volume.path not in backing and volume.name != domain.pool_name
    ]
    missing = [after[name] for name in before.keys() & after.keys() - names if _must_be_there(before, after, name)]
    return strays + [_missing(domain, owned) for owned in missing]


def remove(domain: StorageDomain, volumes: Volumes, name: str) -> str:
    """Delete one left file, or leave it where a last look says otherwise; returns what was done. Raises CloudiaError.

    The storage domain's row is locked meanwhile: nothing can come to own the file. Every host that has the storage
    domain is asked for guests with it, also such as no row tells of; while one does not answer, nothing is deleted.
    """
    with transaction.atomic():
        StorageDomain.objects.select_for_update().get(pk=domain.pk)
        found = volumes.list(domain.pool_name)
        if reason := _reason_to_keep(domain, found, name):
            return f"# {name}: {reason}"
        volumes.delete(domain.pool_name, name)
        StrayFile.objects.filter(domain=domain, name=name).delete()
    return f"virsh vol-delete --pool {domain.pool_name} {name}"


def _reason_to_keep(domain: StorageDomain, found: Sequence[VolumeInfo], name: str) -> str:
    stray = StrayFile.objects.filter(domain=domain, name=name, kind=StrayKind.ORPHAN).first()
    volume = next((volume for volume in found if volume.name == name), None)
    if stray is None or not is_ours(name):
        return "not left over"
    if not stray.is_old_enough:
        return "too new"
    if _stem(name) in {_stem(owned) for owned in owned_in(domain)}:
        return "owned"
    if volume and volume.path in _backing(found):
        return "in use"
    users = [user for host in domain.hosts.all() for user in gateway(host).domains.users_of(name)]
    return f"domain {users[0]} has it" if users else ""


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _backing(found: Iterable[VolumeInfo]) -> set[str | None]:
    """The paths that linked clones begin with: deleting one would destroy them."""
    return {volume.backing_path for volume in found if volume.backing_path}


def _must_be_there(before: Mapping[str, Owned], after: Mapping[str, Owned], name: str) -> bool:
    return before[name].expected and after[name].expected


def _missing(domain: StorageDomain, owned: Owned) -> StrayFile:
    holder = owned.holder
    return StrayFile(
        domain=domain,
        kind=StrayKind.MISSING,
        name=owned.name,
        holder_type=holder.type,
        holder_id=holder.id,
        holder_name=holder.name,
    )


def _keep(domain: StorageDomain, strays: Sequence[StrayFile]) -> None:
    """Replace the report; what was in it already keeps since when."""
    known = {stray.name: stray for stray in StrayFile.objects.filter(domain=domain)}
    for stray in strays:
        if (old := known.get(stray.name)) and old.kind == stray.kind:
            stray.id, stray.seen_at = old.id, old.seen_at
    StrayFile.objects.filter(domain=domain).delete()
    StrayFile.objects.bulk_create(strays)
