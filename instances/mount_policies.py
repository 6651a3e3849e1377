"""What may be done to the file systems of an instance: asked of the instance, which must be stopped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from cloudia.accounts.enums import Permission
from cloudia.core.policy import Action
from instances.policies import STOPPED, managed_by_us
from storage.enums import FileSystemKind

ADD_MOUNT = Action(
    name="add_filesystem",
    label=_("Add file system"),
    permission=Permission.MANAGE,
    states=STOPPED,
    states_label=_("stopped"),
    rules=[managed_by_us],
    icon="plus",
)
EDIT_MOUNT = Action(
    name="edit_filesystem",
    label=_("Change mount path"),
    permission=Permission.MANAGE,
    states=STOPPED,
    states_label=_("stopped"),
    rules=[managed_by_us],
    icon="pencil",
)
REMOVE_MOUNT = Action(
    name="remove_filesystem",
    label=_("Remove"),
    permission=Permission.MANAGE,
    states=STOPPED,
    states_label=_("stopped"),
    rules=[managed_by_us],
    confirm=_("Remove this file system from the instance? What is stored in it stays."),
    icon="trash",
    destructive=True,
)
MOUNT_ACTIONS: list[Action] = [EDIT_MOUNT, REMOVE_MOUNT]


def stays_on_its_host(mounts: Iterable[Any]) -> bool:
    """Whether a guest with these mounts can't be moved: QEMU moves no VirtioFS (docs of QEMU 7.2, vhost-user-fs)."""
    return any(mount.filesystem.kind == FileSystemKind.VIRTIOFS for mount in mounts)
