"""File systems: what is asked of them. Mounting them is asked of :mod:`instances.mount_services`."""

from __future__ import annotations

from typing import Any

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.faults import Faults
from cloudia.core.policy import ActionDenied
from cloudia.core.rows import checked
from cloudia.jobs.services import job_enqueue
from networking.models import Subnet
from storage import policies
from storage.enums import FileSystemKind
from storage.filesystem_operations import CreateFileSystem
from storage.filesystem_rules import check_filesystem, check_texts
from storage.models import FileSystem


@audited("filesystem.create", target="project")
def filesystem_create(
    *,
    actor: Actor,
    project: Project,
    name: str,
    kind: str,
    export: str = "",
    path: str = "",
    subnet: Subnet | None = None,
    size_gib: int | None = None,
    description: str = "",
) -> FileSystem:
    """Register an NFS export, or (operators) share a directory of the hosts, which a job then looks for on each.

    ``subnet``: where the NFS server is, if it is in one of the project's. Raises ActionDenied or InputError.
    """
    policies.CREATE_FILESYSTEM.check(project, actor)
    filesystem = FileSystem(
        name=name.strip(),
        description=description.strip(),
        project=project,
        kind=kind,
        export=export.strip(),
        path=path.strip(),
        subnet=subnet,
        size_gib=size_gib,
        created_by=None if actor.user._state.adding else actor.user,  # the shell's actor has no row
    )
    if denial := policies.shares_a_host(filesystem, actor):
        raise ActionDenied(denial)
    check_filesystem(filesystem)
    filesystem.save(force_insert=True)
    if kind == FileSystemKind.VIRTIOFS:
        job_enqueue(operation=CreateFileSystem, target=filesystem, actor=actor, params={})
    return filesystem


@audited("filesystem.edit", target="filesystem")
def filesystem_edit(*, actor: Actor, filesystem: FileSystem, **changes: Any) -> FileSystem:
    """Change ``name``, ``description``, ``size_gib``: guests notice nothing. Raises ActionDenied or InputError."""
    row = checked(policies.EDIT_FILESYSTEM, filesystem, actor)
    row.name = changes.get("name", row.name).strip()
    row.description = changes.get("description", row.description).strip()
    row.size_gib = changes.get("size_gib", row.size_gib)
    faults = Faults()
    check_texts(faults, row)
    faults.raise_if_any()
    row.save(update_fields=["name", "description", "size_gib"])
    return row


@audited("filesystem.delete", target="filesystem")
def filesystem_delete(*, actor: Actor, filesystem: FileSystem) -> None:
    """Forget a file system that no instance mounts; what is stored in it stays. Raises ActionDenied."""
    checked(policies.DELETE_FILESYSTEM, filesystem, actor).delete()
