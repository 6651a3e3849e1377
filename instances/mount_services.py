"""What users ask of the file systems of an instance: mount, move, remove. The guest follows at its next start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.errors import InputError
from cloudia.core.faults import Faults
from cloudia.core.policy import Action, ActionDenied, gone
from instances import mount_policies as policies
from instances.models import Instance, InstanceMount
from instances.mounts import MountWish, check_mounts, check_place, mounts_record
from storage.models import FileSystem


@audited("filesystem.mount", target="instance")
def mount_add(*, actor: Actor, instance: Instance, filesystem: FileSystem, mount_path: str) -> InstanceMount:
    """Mount a file system of the project at a folder of the guest.

    Raises ActionDenied, or InputError at ``filesystem`` (``unreachable_subnet``, ``not_on_host``) or ``mount_path``.
    """
    row = _checked(policies.ADD_MOUNT, instance, actor)
    wish = MountWish(filesystem=filesystem, mount_path=mount_path.strip())
    _check(row, wish, row.mounts.select_related("filesystem"))
    (mount,) = mounts_record(row, [wish])
    return mount


@audited("filesystem.move", target="instance")
def mount_edit(*, actor: Actor, instance: Instance, mount: InstanceMount, mount_path: str) -> InstanceMount:
    """Mount it at another folder. Raises ActionDenied, or InputError at ``mount_path`` or ``filesystem``."""
    row = _checked(policies.EDIT_MOUNT, instance, actor)
    found = _found(row, mount)
    wish = MountWish(filesystem=found.filesystem, mount_path=mount_path.strip())
    _check(row, wish, row.mounts.exclude(pk=found.pk).select_related("filesystem"))
    found.mount_path = wish.mount_path
    found.save(update_fields=["mount_path"])
    return found


@audited("filesystem.unmount", target="instance")
def mount_remove(*, actor: Actor, instance: Instance, mount: InstanceMount) -> None:
    """Mount it no more; what is stored in it stays. Raises ActionDenied."""
    row = _checked(policies.REMOVE_MOUNT, instance, actor)
    _found(row, mount).delete()


def _checked(action: Action, instance: Instance, actor: Actor) -> Instance:
    """The row under its lock. Raises ActionDenied, also if it was deleted."""
    Instance.objects.select_for_update(no_key=True).filter(pk=instance.pk).values_list("pk").first()
    row = Instance.objects.for_display().filter(pk=instance.pk).first()
    if row is None:
        raise ActionDenied(gone())
    action.check(row, actor)
    return row


def _found(instance: Instance, mount: InstanceMount) -> InstanceMount:
    """The mount, if nobody removed it meanwhile."""
    row = instance.mounts.select_related("filesystem__subnet__vpc").filter(pk=mount.pk).first()
    if row is None:
        raise ActionDenied(gone())
    return row


def _check(instance: Instance, wish: MountWish, others: Iterable[InstanceMount]) -> None:
    """The wish, beside what the instance has: that is as it was allowed, and only the last one can be wrong."""
    have = [MountWish(filesystem=other.filesystem, mount_path=other.mount_path) for other in others]
    faults, wishes = Faults(), [*have, wish]
    check_mounts(faults, wishes, instance.project, instance.vpc)
    check_place(faults, f"{len(have)}.filesystem", wish.filesystem, instance.host)
    _raise_last(faults, wishes)


def _raise_last(faults: Faults, wishes: Sequence[MountWish]) -> None:
    """Raise InputError with what is wrong with the last wish, or with their number."""
    last = f"{len(wishes) - 1}."
    found = {at.removeprefix(last): errors for at, errors in faults.fields.items() if at.startswith(last) or not at}
    if found:
        raise InputError(next(iter(found.values()))[0].detail, found)
