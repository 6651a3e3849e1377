"""What may be done to the disks of instances: asked of a volume, or of the instance that gets one."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.enums import Permission
from cloudia.core.policy import Action, Denial
from instances.enums import PowerState
from instances.policies import STOPPED, host_is_reachable, managed_by_us
from storage.enums import VolumeStatus
from storage.policies import is_unused

MAX_DISKS = 26  # vda to vdz


def attachment_of(volume: Any) -> Any:
    """Where a volume is attached: an InstanceDisk, or None."""
    return getattr(volume, "attachment", None)


def has_room(instance: Any, actor: Any) -> Denial | None:
    """Disks are called by one letter."""
    if instance.disks.count() < MAX_DISKS:
        return None
    return Denial("too_many_disks", gettext("An instance has at most %(most)s disks.") % {"most": MAX_DISKS})


def is_attached(volume: Any, actor: Any) -> Denial | None:
    """Only what is attached can be detached."""
    if attachment_of(volume):
        return None
    return Denial("not_attached", gettext("The volume is not attached to an instance."))


def is_no_boot_disk(volume: Any, actor: Any) -> Denial | None:
    """An instance keeps the disk that it boots from."""
    if not attachment_of(volume).is_boot:
        return None
    return Denial("boot_disk", gettext("The boot disk can't be detached. It is deleted with its instance."))


def can_grow(volume: Any, actor: Any) -> Denial | None:
    """Not every kind of storage can enlarge what it has."""
    domain = volume.storage_domain
    if domain.traits.grows:
        return None
    message = gettext("Storage domain “%(domain)s” (%(kind)s) can't enlarge volumes.")
    return Denial("not_growable", message % {"domain": domain, "kind": domain.get_kind_display()})


def its_instance_allows(volume: Any, actor: Any) -> Denial | None:
    """What is attached changes only where its instance may be changed."""
    disk = attachment_of(volume)
    return CHANGE_DISK.denial(disk.instance, actor) if disk else None


# Asked of the instance that has the disk.
CHANGE_DISK = Action(
    name="change_disk",
    label=_("Change disk"),
    permission=Permission.MANAGE,
    states=STOPPED | {PowerState.RUNNING},
    states_label=_("running or stopped"),
    rules=[managed_by_us, host_is_reachable],
)
# Asked of the instance that shall get a disk.
ADD_DISK = Action(
    name="add_disk",
    label=_("Attach volume"),
    permission=Permission.MANAGE,
    states=STOPPED | {PowerState.RUNNING},
    states_label=_("running or stopped"),
    rules=[managed_by_us, host_is_reachable, has_room],
    icon="plus",
)
ATTACH = Action(
    name="attach",
    label=_("Attach"),
    permission=Permission.MANAGE,
    states=frozenset({VolumeStatus.AVAILABLE}),
    states_label=_("available"),
    rules=[is_unused],
    icon="link",
)
DETACH = Action(
    name="detach",
    label=_("Detach"),
    permission=Permission.MANAGE,
    rules=[is_attached, is_no_boot_disk, its_instance_allows],
    confirm=_("Detach this volume?"),
    icon="unlink",
)
RESIZE = Action(
    name="resize",
    label=_("Enlarge"),
    permission=Permission.MANAGE,
    states=frozenset({VolumeStatus.AVAILABLE}),
    states_label=_("available"),
    rules=[can_grow, its_instance_allows],
    icon="arrows-maximize",
)
# In the order of the toolbar of volumes, between rename and delete.
DISK_ACTIONS = [ATTACH, DETACH, RESIZE]
