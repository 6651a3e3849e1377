"""On which hosts the directory of a VirtioFS file system is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import CloudiaError
from cloudia.core.policy import Text
from cloudia.core.text import in_every_language
from cloudia.hosts.models import Host
from cloudia.virt import Feature, hypervisor
from storage.enums import FileSystemKind
from storage.models import FileSystem, FileSystemPlace


def sharing_hosts() -> list[Host]:
    """Hosts that can give directories to guests."""
    return [host for host in Host.objects.order_by("name") if Feature.VIRTIOFS in host.features]


def place_look(filesystem: FileSystem, host: Host, *, make: bool = False) -> None:
    """Record whether the directory is on the host and no link to another; ``make`` it first if it is not.

    Raises HostUnreachable, of which nothing is concluded.
    """
    try:
        hypervisor(host.endpoint).pools.ensure_directory(filesystem.path, f"cloudia-{filesystem.pk}", make=make)
    except CloudiaError as error:
        if error.code == "host_unreachable":
            raise
        _record(filesystem, host, in_every_language(error.message))
    else:
        _record(filesystem, host, {})


def _record(filesystem: FileSystem, host: Host, problem_texts: dict[str, str]) -> None:
    seen = {"usable": not problem_texts, "problem_texts": problem_texts}
    FileSystemPlace.objects.update_or_create(
        filesystem=filesystem, host=host, defaults={**seen, "checked_at": timezone.now()}
    )


def mark(hosts: Iterable[Host], filesystems: Iterable[FileSystem]) -> list[Host]:
    """The hosts, each knowing whether it lacks one of the file systems: for :func:`has_filesystems`."""
    wanted = [row for row in filesystems if row.kind == FileSystemKind.VIRTIOFS]
    usable = set(FileSystemPlace.objects.filter(filesystem__in=wanted, usable=True).values_list("filesystem", "host"))
    found: list[Any] = list(hosts)
    for host in found:
        missing = [row for row in wanted if (row.pk, host.pk) not in usable]
        host.filesystem_problem = lack(host, missing)
    return found


def lack(host: Host, missing: list[FileSystem]) -> Text | None:
    """Why guests can't have VirtioFS file systems there, or None."""
    if not missing:
        return None
    if Feature.VIRTIOFS not in host.features:
        return _("it has no VirtioFS")
    return format_lazy(_("file system “{name}” is not there"), name=missing[0].name)


def has_filesystems(host: Host) -> Text | None:
    """The same for a host that :func:`mark` knows."""
    problem: Text | None = getattr(host, "filesystem_problem", None)
    return problem
