"""The file systems of an instance, as rows, and everything that can be wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cloudia.accounts.models import Project
from cloudia.core.faults import Faults
from cloudia.core.rows import locked
from cloudia.hosts.models import Host
from instances.models import Instance, InstanceMount
from networking.models import VPC
from storage.enums import FileSystemKind
from storage.filesystem_places import lack
from storage.filesystem_rules import normal_path
from storage.models import FileSystem

MAX_MOUNTS = 16  # each VirtioFS is a process on the host
MAX_PATH = 255
# What a guest needs to be itself, or empties by itself at every boot.
RESERVED = frozenset(
    ["bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "tmp", "usr"]
)
KEPT = frozenset({"/root", "/var", *(f"/var/{name}" for name in ("cache", "lib", "log", "run", "spool", "tmp"))})
PUNCTUATION = frozenset("._-+@:,=")


@dataclass(frozen=True, kw_only=True)
class MountWish:
    """A file system to be mounted at ``mount_path``."""

    filesystem: FileSystem
    mount_path: str


def check_mounts(
    faults: Faults, wishes: Sequence[MountWish], project: Project, vpc: VPC | None, prefix: str = ""
) -> None:
    """Note what is wrong with the mounts of an instance, each at ``<prefix><number>.filesystem`` or ``.mount_path``."""
    too_many = _("At most %(most)s.") % {"most": MAX_MOUNTS}
    faults.require(len(wishes) <= MAX_MOUNTS, prefix.rstrip("."), "too_many", too_many)
    there = locked(FileSystem, [wish.filesystem for wish in wishes])
    for number, wish in enumerate(wishes):
        at = f"{prefix}{number}."
        if wish.filesystem.pk not in there:
            faults.note(f"{at}filesystem", "gone", _("It was deleted meanwhile."))
        else:
            check_filesystem(faults, f"{at}filesystem", wish.filesystem, project, vpc)
        check_path(faults, f"{at}mount_path", wish.mount_path)
        _check_beside(faults, at, wish, wishes[:number])


def check_filesystem(faults: Faults, field: str, filesystem: FileSystem, project: Project, vpc: VPC | None) -> None:
    """It must be the project's, and an NFS server within reach."""
    if filesystem.project_id != project.pk:
        faults.note(field, "other_project", _("The file system is of another project."))
    elif filesystem.kind == FileSystemKind.NFS and (problem := unreachable(filesystem, vpc)):
        faults.note(field, "unreachable_subnet", problem)


def unreachable(filesystem: FileSystem, vpc: VPC | None) -> str:
    """Why an instance in ``vpc`` does not reach the NFS server, or nothing.

    The subnets of a VPC reach each other through its router; what is in no subnet of ours lies outside.
    """
    subnet = filesystem.subnet
    if subnet and (vpc is None or subnet.vpc_id != vpc.pk):
        words = {"subnet": subnet, "vpc": subnet.vpc}
        return _("Its server is in subnet “%(subnet)s”. Only instances of VPC “%(vpc)s” reach it.") % words
    if subnet or (vpc and vpc.external_network_id):
        return ""
    if vpc is None:
        return _("The instance has no network interface, and an NFS server is reached over the network.")
    return _("Its server is outside, and VPC “%(vpc)s” has no external network.") % {"vpc": vpc}


def check_place(faults: Faults, field: str, filesystem: FileSystem, host: Host | None) -> None:
    """A VirtioFS directory must be on the instance's host."""
    if filesystem.kind != FileSystemKind.VIRTIOFS or host is None:
        return
    there = any(place.usable and place.host_id == host.pk for place in filesystem.places.all())
    missing = [] if there else [filesystem]
    words = {"host": host, "problem": lack(host, missing)}
    message = _("The instance is on host %(host)s: %(problem)s.") % words
    faults.require(not missing, field, "not_on_host", message)


def check_path(faults: Faults, field: str, path: str) -> None:
    """A folder of the guest, spelt in one way only, that hides nothing a guest needs."""
    if not path:
        faults.note(field, "required", _("Enter a folder, like /mnt/shared."))
    elif len(path) > MAX_PATH:
        faults.note(field, "too_long", _("At most %(most)s characters.") % {"most": MAX_PATH})
    elif not path.startswith("/") or path.strip("/") == "" or ".." in path.split("/"):
        faults.note(field, "invalid", _("Enter a folder from the root, like /mnt/shared."))
    elif normal_path(path) != path:
        faults.note(field, "invalid", _("Write it as %(path)s.") % {"path": normal_path(path)})
    elif not all(character.isalnum() or character in PUNCTUATION for character in path.replace("/", "")):
        faults.note(field, "invalid", _("Use letters, digits and . _ - + @ : , = only."))
    elif path.split("/")[1] in RESERVED or path in KEPT:
        message = _("The guest needs %(path)s for itself. Choose a folder like /mnt/shared.")
        faults.note(field, "reserved", message % {"path": path if path in KEPT else f"/{path.split('/')[1]}"})


def _check_beside(faults: Faults, at: str, wish: MountWish, others: Iterable[MountWish]) -> None:
    """One file system once, one folder once, and none inside another: the outer one would have to come first."""
    for other in others:
        if other.filesystem.pk == wish.filesystem.pk:
            message = _("The instance mounts it already, at %(path)s.") % {"path": other.mount_path}
            faults.note(f"{at}filesystem", "duplicate", message)
        if _overlap(other.mount_path, wish.mount_path):
            words = {"path": other.mount_path, "name": other.filesystem}
            message = _("“%(name)s” is mounted at %(path)s: folders of mounts must not lie in each other.") % words
            faults.note(f"{at}mount_path", "taken", message)


def _overlap(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def mounts_record(instance: Instance, wishes: Iterable[MountWish]) -> list[InstanceMount]:
    """The rows of checked wishes, in the transaction that makes the instance or has its row locked."""
    rows = [InstanceMount(instance=instance, filesystem=wish.filesystem, mount_path=wish.mount_path) for wish in wishes]
    return InstanceMount.objects.bulk_create(rows)
