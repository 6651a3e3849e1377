"""인스턴스 편집: what people ask of an instance that is there. Rows change at once; its host follows in a job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import transaction

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.errors import InputError
from cloudia.core.policy import ActionDenied, gone
from cloudia.hosts.placement import Demand, lock_placement, place
from cloudia.jobs.models import Job
from cloudia.jobs.services import job_enqueue
from instances import policies
from instances.disk_wishes import DiskWish, disk_wish_record
from instances.disks import data_disks
from instances.edit_checks import check_allowed, check_edit
from instances.edit_operations import UpdateInstance
from instances.edit_plan import added_disks, group_names, is_moved, links_of, mounts_of, plan
from instances.edits import SIZES, Applies, Change, EditWish, InterfaceEdit
from instances.gpus import gpu_give_back, gpu_take
from instances.interfaces import interface_forget, interfaces_record
from instances.models import Instance
from instances.mounts import MountWish, mounts_record
from instances.quotas import growth_claim
from instances.wishes import Compute
from networking.services.interfaces import InterfaceWish, interface_change, interfaces_rename
from storage.models import Volume

T = TypeVar("T")

TOPOLOGY = ("threads_per_core", "cores_per_socket")
COLUMNS = ("name", "description", "affinity_group", "instance_type", "gpu", *TOPOLOGY, *SIZES)


@audited("instance.edit", target="instance")
def instance_edit(*, actor: Actor, instance: Instance, wish: EditWish) -> Job | None:
    """Bring an instance to ``wish``; the job that tells its host, or None if no host has a part in it.

    Raises ActionDenied (also ``quota_exceeded``), NoCapacity, or InputError with everything that is wrong or may not be
    changed now: at ``name``, ``vcpus``, ``interfaces.1.subnet``, ``volumes.0``, ``filesystems.0.mount_path`` and so on.
    """
    row, changes = _checked(actor, instance, wish)
    return _Edit(actor, row).record(wish, changes)


def instance_edit_plan(*, actor: Actor, instance: Instance, wish: EditWish) -> list[Change]:
    """The changes that :func:`instance_edit` would make, and those that may not be made. Raises the same otherwise."""
    with transaction.atomic():
        row = _held(instance)
        policies.EDIT.check(row, actor)
        changes = plan(row, wish, actor)
        check_edit(row, wish, actor).raise_if_any()
    return changes


def _checked(actor: Actor, instance: Instance, wish: EditWish) -> tuple[Instance, list[Change]]:
    row = _held(instance)
    policies.EDIT.check(row, actor)
    changes = plan(row, wish, actor)
    faults = check_edit(row, wish, actor)
    check_allowed(faults, changes)
    faults.raise_if_any()
    return row, changes


def _held(instance: Instance) -> Instance:
    """The row as it is now, held until the transaction ends; joins can't be locked with it."""
    Instance.objects.select_for_update().filter(pk=instance.pk).values_list("pk").first()
    rows = Instance.objects.for_display().select_related("image__storage_domain", "instance_type", "affinity_group")
    if (row := rows.filter(pk=instance.pk).first()) is None:
        raise ActionDenied(gone())
    return row


@dataclass
class _Edit:
    """The rows of one checked edit, and what its job has to do."""

    actor: Actor
    row: Instance
    params: dict[str, Any] = field(default_factory=dict)
    volumes: list[Volume] = field(default_factory=list)

    @property
    def runs(self) -> bool:
        return self.row.state not in policies.STOPPED

    def record(self, wish: EditWish, changes: Sequence[Change]) -> Job | None:
        """The locks in the order of instance_create: placement, project, then what lies in it."""
        if wish.regroup:
            lock_placement()  # those who are placed from here on see it in its group
            self.row.affinity_group = wish.regroup.group
        if wish.compute:
            self._compute(wish.compute)
        self._naming(wish)
        self.row.save(update_fields=COLUMNS)
        if wish.volumes is not None:
            self._volumes(wish.volumes)
        if wish.interfaces is not None:
            self._interfaces(wish.interfaces)
        if wish.filesystems is not None:
            self._filesystems(wish.filesystems)
        return self._job(changes)

    def _job(self, changes: Sequence[Change]) -> Job | None:
        defines = any(change.applies == Applies.NEXT_START for change in changes)
        if not self.params and not defines:
            return None
        params = {**self.params, "define": defines}
        return job_enqueue(
            operation=UpdateInstance, target=self.row, actor=self.actor, params=params, also_lock=self.volumes
        )

    def _later(self, name: str, value: Any) -> None:
        """The job has to do this, too."""
        self.params.setdefault(name, []).append(value)

    def _naming(self, wish: EditWish) -> None:
        row = self.row
        if wish.name is not None and wish.name.strip() != row.name:
            row.name = wish.name.strip()
            interfaces_rename(owner_id=row.pk, name=row.name)
        if wish.description is not None:
            row.description = wish.description.strip()

    def _compute(self, want: Compute) -> None:
        row = self.row
        vcpus, memory_mib = want.vcpus - row.vcpus, want.memory_mib - row.memory_mib
        gpus = want.gpu - row.gpu
        more = Demand(max(vcpus, 0), max(memory_mib, 0)) if self.runs else Demand(0, 0, max(gpus, 0))
        if row.host and more != Demand(0, 0):
            place(more, [row.host])
        growth_claim(row.project, vcpus, memory_mib, gpus)
        for name in ("vcpus", "memory_mib"):
            before, after = getattr(row, name), getattr(want, name)
            if self.runs and before != after:
                self.params[name] = {"from": before, "to": after}
        if gpus:
            (gpu_take if want.gpu else gpu_give_back)(row)
        for name in (*SIZES, "instance_type", "gpu"):
            setattr(row, name, getattr(want, name))
        if not self.runs:
            row.threads_per_core, row.cores_per_socket = want.threads_per_core, want.cores

    def _volumes(self, wishes: tuple[DiskWish, ...]) -> None:
        for number, wish in added_disks(self.row, wishes):
            disk = disk_wish_record(self.actor, self.row, wish, f"volumes.{number}.")
            self._later("attach_disks", str(disk.volume_id))
            self.volumes.append(disk.volume)
        kept = {wish.volume.pk for wish in wishes if wish.volume} | {volume.pk for volume in self.volumes}
        for disk in data_disks(self.row):
            if disk.volume_id not in kept:
                self._later("detach_disks", str(disk.volume_id))
                self.volumes.append(disk.volume)

    def _interfaces(self, edits: tuple[InterfaceEdit, ...]) -> None:
        """Removed ones first: their addresses are free then. Of the new ones those with a wished address first."""
        links = {link.pk: link for link in links_of(self.row)}
        wanted = [(number, edit) for number, edit in enumerate(edits) if edit.link]
        for pk in links.keys() - {edit.link.pk for _number, edit in wanted if edit.link}:
            self._remove_interface(links[pk])
        for number, edit in wanted:
            if edit.link:
                self._change_interface(number, links[edit.link.pk].interface, edit.wish)
        new = [(number, edit.wish) for number, edit in enumerate(edits) if edit.link is None]
        for number, wish in sorted(new, key=lambda item: not item[1].address.strip()):
            (link,) = _at(number, lambda wish=wish: interfaces_record(self.row, [wish]))  # type: ignore[misc]
            if self.runs:
                self._later("attach_nics", str(link.interface_id))

    def _remove_interface(self, link: Any) -> None:
        if self.runs:
            self._later("detach_nics", str(link.interface_id))
        else:
            interface_forget(link)

    def _change_interface(self, number: int, interface: Any, wish: InterfaceWish) -> None:
        same_groups = group_names(interface.security_groups.all()) == group_names(wish.security_groups)
        if is_moved(interface, wish) or not same_groups:
            _at(number, lambda: interface_change(interface=interface, wish=wish))

    def _filesystems(self, wishes: tuple[MountWish, ...]) -> None:
        paths = {wish.filesystem.pk: wish.mount_path for wish in wishes}
        self.row.mounts.exclude(filesystem__in=paths).delete()
        kept = mounts_of(self.row)
        moved = [mount for mount in kept if mount.mount_path != paths[mount.filesystem_id]]
        for mount in moved:  # out of the way of each other: two may swap their folders
            self.row.mounts.filter(pk=mount.pk).update(mount_path=f"moving {mount.pk}")
        for mount in moved:
            self.row.mounts.filter(pk=mount.pk).update(mount_path=paths[mount.filesystem_id])
        there = {mount.filesystem_id for mount in kept}
        mounts_record(self.row, [wish for wish in wishes if wish.filesystem.pk not in there])


def _at(number: int, record: Callable[[], T]) -> T:
    """Do it; what is wrong is said at the place in the list of interfaces. Raises InputError."""
    try:
        return record()
    except InputError as error:
        own = {path.removeprefix("interfaces.0."): found for path, found in error.fields.items()}
        raise InputError(error.message, {f"interfaces.{number}.{path}": found for path, found in own.items()}) from None
