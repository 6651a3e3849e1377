"""Who may change storage, and what stands in the way: what is in use is not deleted."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.enums import Permission
from cloudia.core.policy import Action, Denial, Holder, Kind, in_use
from storage import references
from storage.enums import FileSystemKind, ImageStatus, VolumeStatus


def is_local_to_another_host() -> Denial:
    """The same path on two hosts is two directories."""
    return Denial(
        "local_storage", gettext("A local directory belongs to one host. Use a shared directory for several.")
    )


def may_have_more_hosts(domain: Any, actor: Any) -> Denial | None:
    """What is local belongs to the host that has it."""
    return is_local_to_another_host() if not domain.traits.shared and domain.attachments.exists() else None


def is_detached(domain: Any, actor: Any) -> Denial | None:
    """A storage domain goes after its pools."""
    attached = list(domain.attachments.all())  # as a page has fetched them
    if not attached:
        return None
    words = {"host": attached[0].host.name}
    return Denial("attached", gettext("It is attached to “%(host)s”. Detach it first.") % words)


def is_not_last(attachment: Any, actor: Any) -> Denial | None:
    """What lies in it must stay within reach of some host."""
    domain = attachment.domain
    if domain.attachments.exclude(pk=attachment.pk).filter(leaving=False).exists() or not is_empty(domain, actor):
        return None
    message = gettext("This is the only host that has this storage domain, and there are images or volumes in it.")
    return Denial("last_host", message)


def host_is_silent(attachment: Any, actor: Any) -> Denial | None:
    """A host that answers forgets its pool itself."""
    if not attachment.host.reachable:
        return None
    return Denial("host_answers", gettext("“%(host)s” answers. Detach it instead.") % {"host": attachment.host})


def is_attached(domain: Any, actor: Any) -> Denial | None:
    """Files are looked at through a host."""
    if domain.attachments.exists():
        return None
    return Denial("unattached", gettext("No host has this storage domain. Attach it to one first."))


def is_unused(row: Any, actor: Any) -> Denial | None:
    """Whatever depends on it stands in the way."""
    holders = references.holders_of(row)
    return in_use(holders[0]) if holders else None


def is_empty(domain: Any, actor: Any) -> Denial | None:
    """A storage domain goes after what lies in it."""
    content = domain.images.first() or domain.volumes.first()
    return in_use(Holder(str(content._meta.model_name), str(content.pk), content.name)) if content else None


def serves_no_filesystem(subnet: Any, actor: Any) -> Denial | None:
    """The server of a file system stays within reach. Added to the rules of networks at start-up."""
    found = next(iter(subnet.filesystems.all()), None)
    return in_use(Holder("filesystem", str(found.pk), found.name)) if found else None


def shares_a_host(filesystem: Any, actor: Any) -> Denial | None:
    """Folders of hosts are given out by the operators of the installation."""
    if filesystem.kind != FileSystemKind.VIRTIOFS or actor.is_operator:
        return None
    return Denial("permission_denied", gettext("Host directories are shared by operators."), Kind.FORBIDDEN)


CREATE_DOMAIN = Action(name="create", label=_("Create storage domain"), permission=Permission.ADMINISTER, icon="plus")
EDIT_DOMAIN = Action(name="edit", label=_("Edit"), permission=Permission.ADMINISTER, icon="pencil")
ATTACH = Action(
    name="attach",
    label=_("Attach to host"),
    permission=Permission.ADMINISTER,
    rules=[may_have_more_hosts],
    icon="server",
)
# Asked of the attachment. Instances there that use it are found through storage.references.
DETACH = Action(
    name="detach",
    label=_("Detach from host"),
    permission=Permission.ADMINISTER,
    rules=[is_unused, is_not_last],
    confirm=_("Detach this storage domain from the host?"),
    icon="unlink",
)
# Asked of the attachment, for a host that is gone for good: nothing is done there.
FORGET = Action(
    name="forget",
    label=_("Forget host"),
    permission=Permission.ADMINISTER,
    rules=[host_is_silent, is_unused, is_not_last],
    confirm=_("Forget that this host has the storage domain?"),
    icon="unlink",
    destructive=True,
)
DELETE_DOMAIN = Action(
    name="delete",
    label=_("Delete"),
    permission=Permission.ADMINISTER,
    rules=[is_detached, is_empty],
    confirm=_("Delete this storage domain?"),
    icon="trash",
    destructive=True,
)
SCAN = Action(
    name="scan", label=_("Look for left files"), permission=Permission.ADMINISTER, rules=[is_attached], icon="search"
)
CLEAN = Action(
    name="clean",
    label=_("Delete left files"),
    permission=Permission.ADMINISTER,
    rules=[is_attached],
    confirm=_("Delete the chosen files? What is in them is lost."),
    icon="trash",
    destructive=True,
)
DOMAIN_ACTIONS: list[Action] = [EDIT_DOMAIN, ATTACH, SCAN, CLEAN, DELETE_DOMAIN]

# Asked of the project that the image is for, or of a public image, which has none.
IMPORT = Action(name="import", label=_("Import image"), permission=Permission.MANAGE, icon="upload")
EDIT_IMAGE = Action(name="edit", label=_("Edit"), permission=Permission.MANAGE, icon="pencil")
DELETE_IMAGE = Action(
    name="delete",
    label=_("Delete"),
    permission=Permission.MANAGE,
    states=frozenset({ImageStatus.AVAILABLE, ImageStatus.FAILED, ImageStatus.UPLOADING}),
    states_label=_("available or failed"),
    rules=[is_unused],
    confirm=_("Delete this image?"),
    icon="trash",
    destructive=True,
)
IMAGE_ACTIONS: list[Action] = [EDIT_IMAGE, DELETE_IMAGE]

CREATE_VOLUME = Action(name="create", label=_("Create volume"), permission=Permission.MANAGE, icon="plus")
EDIT_VOLUME = Action(name="edit", label=_("Rename"), permission=Permission.MANAGE, icon="pencil")
# Asked of a volume whose disk could not be made: try again.
RECREATE_VOLUME = Action(
    name="recreate",
    label=_("Create volume"),
    permission=Permission.MANAGE,
    states=frozenset({VolumeStatus.FAILED}),
    states_label=_("failed"),
    rules=[is_unused],
)
DELETE_VOLUME = Action(
    name="delete",
    label=_("Delete"),
    permission=Permission.MANAGE,
    states=frozenset({VolumeStatus.AVAILABLE, VolumeStatus.FAILED}),
    states_label=_("available"),
    rules=[is_unused],
    confirm=_("Delete this volume?"),
    icon="trash",
    destructive=True,
)
# In the order of the toolbar. The app of instances puts attach, detach and grow between them at start-up.
VOLUME_ACTIONS: list[Action] = [EDIT_VOLUME, DELETE_VOLUME]

CREATE_FILESYSTEM = Action(name="create", label=_("Register file system"), permission=Permission.MANAGE, icon="plus")
EDIT_FILESYSTEM = Action(name="edit", label=_("Edit"), permission=Permission.MANAGE, icon="pencil")
DELETE_FILESYSTEM = Action(
    name="delete",
    label=_("Delete"),
    permission=Permission.MANAGE,
    rules=[shares_a_host, is_unused],
    confirm=_("Delete this file system? What is stored in it stays."),
    icon="trash",
    destructive=True,
)
FILESYSTEM_ACTIONS: list[Action] = [EDIT_FILESYSTEM, DELETE_FILESYSTEM]
