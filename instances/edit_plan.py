"""What an edit would change, when that takes effect, and what may not be changed now: told before anything is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.core.policy import Denial, Text
from instances import affinity_policies, disk_policies, mount_policies, policies
from instances.affinity_models import AffinityGroup
from instances.disk_wishes import DiskWish
from instances.disks import data_disks
from instances.edits import Applies, Change, EditWish, InterfaceEdit, compute_of
from instances.models import Instance, InstanceInterface, InstanceMount
from instances.mounts import MountWish
from instances.wishes import Compute
from networking.models import NetworkInterface, SecurityGroup
from networking.services.interfaces import InterfaceWish

GROWING = frozenset({"vcpus", "memory_mib"})  # what a running guest can get more of
MIB = "MiB"


def plan(instance: Instance, wish: EditWish, actor: Actor) -> list[Change]:
    """Every difference between ``instance`` and ``wish``, in the order of the page. Changes nothing."""
    return list(_Plan(instance, actor).changes(wish))


class _Plan:
    """The differences, section by section; whether one may be made is the policies' answer."""

    def __init__(self, instance: Instance, actor: Actor) -> None:
        self.instance, self.actor = instance, actor

    def changes(self, wish: EditWish) -> Iterator[Change]:
        yield from self._naming(wish)
        if wish.regroup:
            yield from self._group(wish.regroup.group)
        if wish.compute:
            yield from self._compute(wish.compute)
        if wish.interfaces is not None:
            yield from self._interfaces(wish.interfaces)
        if wish.volumes is not None:
            yield from self._volumes(wish.volumes)
        if wish.filesystems is not None:
            yield from self._filesystems(wish.filesystems)

    def _change(
        self,
        field: str,
        label: Text,
        before: int | str | None,
        after: int | str | None,
        denial: Denial | None,
        *,
        at_once: bool = False,
        unit: str = "",
    ) -> Change:
        """A change that a policy allows, or not. ``at_once``: whether a guest that is off has no part in it."""
        allowed = Applies.NEXT_START if self.instance.state in policies.STOPPED and not at_once else Applies.NOW
        return Change(
            field=field,
            label=label,
            before=before,
            after=after,
            unit=unit,
            applies=Applies.NEVER if denial else allowed,
            code=denial.code if denial else "",
            reason=denial.message if denial else "",
        )

    def _naming(self, wish: EditWish) -> Iterator[Change]:
        labels = {"name": _("Name"), "description": _("Description")}
        for field, label in labels.items():
            before, after = getattr(self.instance, field), getattr(wish, field)
            if after is not None and after.strip() != before:
                yield self._change(field, label, before, after.strip(), None, at_once=True)

    def _group(self, group: AffinityGroup | None) -> Iterator[Change]:
        if group == (have := self.instance.affinity_group):
            return
        denial = affinity_policies.REGROUP.denial(self.instance, self.actor)
        before, after = (known.name if known else None for known in (have, group))
        yield self._change("affinity_group", _("Affinity group"), before, after, denial, at_once=True)

    def _compute(self, want: Compute) -> Iterator[Change]:
        have = compute_of(self.instance)
        kind = want.instance_type
        if kind and kind != have.instance_type:
            denial = policies.RESHAPE.denial(self.instance, self.actor)
            before = have.instance_type.name if have.instance_type else None
            yield self._change("instance_type", _("Instance type"), before, kind.name, denial)
        for field, label, unit in (
            ("vcpus", _("vCPU"), ""),
            ("memory_mib", _("Memory size"), MIB),
            ("max_vcpus", _("Maximum vCPUs"), ""),
            ("max_memory_mib", _("Maximum memory"), MIB),
            ("threads", _("Threads per core"), ""),
            ("cores", _("Cores per socket"), ""),
        ):
            before, after = getattr(have, field), getattr(want, field)
            if before != after:
                grows = field in GROWING and after > before
                action = policies.GROW if grows else policies.RESHAPE
                path = "threads_per_core" if field == "threads" else field
                yield self._change(path, label, before, after, action.denial(self.instance, self.actor), unit=unit)

        if want.gpu != have.gpu:
            before, after = (_used(it.gpu) for it in (have, want))
            denial = policies.RESHAPE.denial(self.instance, self.actor)
            yield self._change("gpu", _("GPU passthrough"), before, after, denial)

    def _interfaces(self, edits: tuple[InterfaceEdit, ...]) -> Iterator[Change]:
        links = {link.pk: link for link in links_of(self.instance)}
        for number, edit in enumerate(edits):
            field = f"interfaces.{number}"
            if edit.link is None:
                denial = policies.ADD_INTERFACE.denial(self.instance, self.actor)
                yield self._change(field, _("Add interface"), None, _wished(edit.wish), denial)
            elif link := links.pop(edit.link.pk, None):
                yield from self._interface(field, link, edit.wish)
        for link in links.values():
            denial = policies.REMOVE_INTERFACE.denial(link, self.actor)
            yield self._change("interfaces", _("Remove interface"), _there(link), None, denial)

    def _interface(self, field: str, link: InstanceInterface, wish: InterfaceWish) -> Iterator[Change]:
        if is_moved(link.interface, wish):
            denial = policies.MOVE_INTERFACE.denial(link, self.actor)
            yield self._change(f"{field}.subnet", link.name, _there(link), _wished(wish), denial)
        before, after = group_names(link.interface.security_groups.all()), group_names(wish.security_groups)
        if before != after:
            label = gettext("%(name)s: security groups") % {"name": link.name}
            denial = policies.GUARD_INTERFACE.denial(link, self.actor)
            yield self._change(f"{field}.security_groups", label, before, after, denial, at_once=True)

    def _volumes(self, wishes: tuple[DiskWish, ...]) -> Iterator[Change]:
        have = {disk.volume_id: disk for disk in data_disks(self.instance)}
        for number, wish in added_disks(self.instance, wishes):
            denial = disk_policies.ADD_DISK.denial(self.instance, self.actor)
            name = wish.volume.name if wish.volume else f"{wish.name} · {wish.size_gib} GiB"
            label = _("Attach volume") if wish.volume else _("Create and attach volume")
            yield self._change(f"volumes.{number}", label, None, name, denial)
        kept = {wish.volume.pk for wish in wishes if wish.volume}
        for pk, disk in have.items():
            if pk not in kept:
                denial = disk_policies.DETACH.denial(disk.volume, self.actor)
                yield self._change("volumes", _("Detach volume"), disk.volume.name, None, denial)

    def _filesystems(self, wishes: tuple[MountWish, ...]) -> Iterator[Change]:
        have = {mount.filesystem_id: mount for mount in mounts_of(self.instance)}
        for number, wish in enumerate(wishes):
            field, after = f"filesystems.{number}", f"{wish.filesystem} · {wish.mount_path}"
            mount = have.pop(wish.filesystem.pk, None)
            if mount is None:
                denial = mount_policies.ADD_MOUNT.denial(self.instance, self.actor)
                yield self._change(f"{field}.filesystem", _("Add file system"), None, after, denial)
            elif mount.mount_path != wish.mount_path:
                denial = mount_policies.EDIT_MOUNT.denial(self.instance, self.actor)
                yield self._change(f"{field}.mount_path", _("Change mount path"), str(mount), after, denial)
        for mount in have.values():
            denial = mount_policies.REMOVE_MOUNT.denial(self.instance, self.actor)
            yield self._change("filesystems", _("Remove file system"), str(mount), None, denial)


def links_of(instance: Instance) -> list[InstanceInterface]:
    """Its interfaces with what policies and a plan ask of them, the primary one first."""
    rows = instance.interfaces.select_related("interface__subnet__vpc")
    links = list(rows.prefetch_related("interface__security_groups", "interface__floating_ips"))
    for link in links:
        link.instance = instance
    return links


def mounts_of(instance: Instance) -> list[InstanceMount]:
    """Its file systems, with what a check asks of them."""
    return list(instance.mounts.select_related("filesystem__subnet__vpc"))


def added_disks(instance: Instance, wishes: tuple[DiskWish, ...]) -> list[tuple[int, DiskWish]]:
    """The wishes for disks that it does not have, each with its place in the list."""
    have = set(instance.disks.values_list("volume", flat=True))
    return [(number, wish) for number, wish in enumerate(wishes) if wish.volume is None or wish.volume.pk not in have]


def is_moved(interface: NetworkInterface, wish: InterfaceWish) -> bool:
    """Whether it is to get another subnet or address. Without a wished address it keeps its own in its subnet."""
    return wish.subnet.pk != interface.subnet_id or wish.address.strip() not in {"", interface.address}


def group_names(groups: Iterable[SecurityGroup]) -> str:
    """Security groups in one line, in one order."""
    return ", ".join(sorted(group.name for group in groups))


def _used(gpu: bool) -> str:
    return gettext("Used") if gpu else gettext("Not used")


def _there(link: InstanceInterface) -> str:
    return f"{link.name} · {link.interface.subnet} · {link.interface.address}"


def _wished(wish: InterfaceWish) -> str:
    address = wish.address.strip() or gettext("automatic address")
    return f"{wish.subnet} · {address}"
