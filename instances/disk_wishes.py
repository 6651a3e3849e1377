"""The data disks of a new instance: what is asked for, what can be wrong with it, and their rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.errors import InputError
from cloudia.core.faults import Faults
from cloudia.core.policy import ActionDenied, gone
from cloudia.core.rows import check_name, locked
from instances import disk_policies
from instances.disks import check_fits, disk_make, disk_take
from instances.models import Instance, InstanceDisk
from storage.models import StorageDomain, Volume
from storage.space import MAX_DISK_GIB

MAX_DATA_DISKS = disk_policies.MAX_DISKS - 1  # the boot disk is there already


@dataclass(frozen=True, kw_only=True)
class DiskWish:
    """A data disk: a ``volume`` that is there, or a new one called ``name`` with ``size_gib``."""

    volume: Volume | None = None
    name: str = ""
    size_gib: int = 0

    @property
    def params(self) -> dict[str, Any]:
        """For a job."""
        return {"volume": str(self.volume.pk)} if self.volume else {"name": self.name, "size_gib": self.size_gib}


def check_disks(
    faults: Faults,
    wishes: Sequence[DiskWish],
    project: Project,
    domain: StorageDomain,
    actor: Actor,
    attached: Collection[UUID] = (),
) -> None:
    """Note what is wrong, each at ``volumes.<number>``; of new ones at their fields below that.

    ``attached`` are volumes that the instance has. Until the transaction ends nobody else takes one of the others.
    """
    most = _("At most %(most)s.") % {"most": MAX_DATA_DISKS}
    faults.require(len(wishes) <= MAX_DATA_DISKS, "volumes", "too_many", most)
    there = locked(Volume, [wish.volume for wish in wishes if wish.volume])
    for number, wish in enumerate(wishes):
        at = f"volumes.{number}"
        if wish.volume is None:
            _check_new(faults, at, wish)
        elif (volume := there.get(wish.volume.pk)) is None:
            faults.note(at, "gone", _("It was deleted meanwhile."))
        elif any(other.volume == volume for other in wishes[:number]):
            faults.note(at, "duplicate", _("It is in the list twice."))
        elif volume.pk not in attached:
            _check_existing(faults, at, volume, project, domain, actor)


def _check_new(faults: Faults, at: str, wish: DiskWish) -> None:
    own = Faults()
    check_name(own, wish.name.strip(), Volume.objects.none())
    own.number("size_gib", wish.size_gib, 1, MAX_DISK_GIB)
    faults.include(InputError("", own.fields), f"{at}.")


def _check_existing(
    faults: Faults, at: str, volume: Volume, project: Project, domain: StorageDomain, actor: Actor
) -> None:
    if denial := disk_policies.ATTACH.denial(volume, actor):
        faults.note(at, denial.code, denial.message)
    else:
        check_fits(faults, volume, project, domain, at)


def disks_record(actor: Actor, instance: Instance, wishes: Iterable[DiskWish]) -> list[Volume]:
    """The rows of checked wishes, in the transaction that makes the instance; the volumes, to be locked for its job.

    Raises ActionDenied (``quota_exceeded``) or InputError (``no_space``).
    """
    return [disk_wish_record(actor, instance, wish, f"volumes.{number}.").volume for number, wish in enumerate(wishes)]


def disk_wish_record(actor: Actor, instance: Instance, wish: DiskWish, at: str) -> InstanceDisk:
    """The row of one of them; ``at`` is where its errors belong. Raises the same."""
    if wish.volume:
        return disk_take(instance, wish.volume)
    faults = Faults()
    try:
        return disk_make(actor=actor, instance=instance, name=wish.name, size_gib=wish.size_gib)
    except InputError as error:
        faults.include(error, at)
        raise InputError(error.message, faults.fields) from None


def disk_wishes_of(params: Iterable[Mapping[str, Any]]) -> list[DiskWish]:
    """What a job was asked for. Raises ActionDenied if one of the volumes is gone."""
    return [_wish_of(entry) for entry in params]


def _wish_of(entry: Mapping[str, Any]) -> DiskWish:
    if "volume" not in entry:
        return DiskWish(**entry)
    volume = Volume.objects.filter(pk=entry["volume"]).first()
    if volume is None:
        raise ActionDenied(gone())
    return DiskWish(volume=volume)
