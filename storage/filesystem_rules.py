"""What a file system may be: everything that is wrong with it is said at once, each at its field."""

from __future__ import annotations

import posixpath
import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import PurePosixPath

from django.conf import settings
from django.utils.translation import gettext as _

from cloudia.core.faults import Faults
from cloudia.core.rows import check_description, check_name
from storage.enums import FileSystemKind
from storage.models import FileSystem

MAX_EXPORT = MAX_PATH = 512
MAX_SIZE_GIB = 1 << 30  # an exbibyte
MAX_HOST = 253  # RFC 1035, 2.3.4, without the final dot
_EXPORT = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:/\[\]]*):(?P<path>/.*)", re.DOTALL)
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # RFC 1123, 2.1
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def check_filesystem(filesystem: FileSystem) -> None:
    """Raise InputError naming every field that is missing, superfluous or wrong."""
    faults = Faults()
    check_texts(faults, filesystem)
    if filesystem.kind == FileSystemKind.NFS:
        faults.require(not filesystem.path, "path", "not_supported", _("NFS file systems have no host directory."))
        _check_export(faults, filesystem)
    elif filesystem.kind == FileSystemKind.VIRTIOFS:
        faults.require(not filesystem.export, "export", "not_supported", _("VirtioFS file systems have no export."))
        unused = _("VirtioFS does not go through a network.")
        faults.require(filesystem.subnet is None, "subnet", "not_supported", unused)
        check_shared(faults, filesystem.path)
    else:
        faults.note("kind", "invalid_choice", _("Choose NFS or VirtioFS."))
    faults.raise_if_any()


def check_texts(faults: Faults, filesystem: FileSystem) -> None:
    """What can be changed later: name, description, size."""
    others = FileSystem.objects.filter(project_id=filesystem.project_id).exclude(pk=filesystem.pk)
    check_name(faults, filesystem.name, others)
    check_description(faults, filesystem.description)
    if filesystem.size_gib is not None:
        faults.number("size_gib", filesystem.size_gib, 1, MAX_SIZE_GIB)


def server_of(export: str) -> str:
    """The server of an export, without the brackets of an IPv6 address."""
    found = _EXPORT.fullmatch(export)
    return found["host"].strip("[]") if found else ""


def address_of(export: str) -> IPv4Address | IPv6Address | None:
    """The server's address, if the export names it by that."""
    try:
        return ip_address(server_of(export))
    except ValueError:
        return None


def _check_export(faults: Faults, filesystem: FileSystem) -> None:
    export, most = filesystem.export, _("At most %(most)s characters.") % {"most": MAX_EXPORT}
    if not export:
        faults.note("export", "required", _("Enter an export, like nfs.example.com:/srv/share."))
    elif len(export) > MAX_EXPORT:
        faults.note("export", "too_long", most)
    elif not export.isprintable() or not (found := _EXPORT.fullmatch(export)):
        faults.note("export", "invalid", _("Enter server and directory, like nfs.example.com:/srv/share."))
    else:
        _check_server(faults, found["host"])
        _check_directory(faults, "export", found["path"])
    _check_subnet(faults, filesystem)


def _check_server(faults: Faults, host: str) -> None:
    if host.startswith("["):
        valid = _is_address(host[1:-1], IPv6Address)
    elif host.rpartition(".")[2].isdecimal():  # no top-level domain is a number: it is meant as an address
        valid = _is_address(host, IPv4Address)
    else:
        valid = len(host) <= MAX_HOST and _HOST.fullmatch(host) is not None
    message = _("Enter a host name or an IP address that guests can reach; IPv6 in brackets.")
    faults.require(valid, "export", "invalid", message)


def _is_address(text: str, kind: type[IPv4Address | IPv6Address]) -> bool:
    try:
        address = kind(text)
    except ValueError:
        return False
    scoped = isinstance(address, IPv6Address) and address.scope_id is not None
    nobody = address.is_loopback or address.is_unspecified or address.is_multicast or scoped
    return not nobody


def _check_directory(faults: Faults, field: str, path: str) -> None:
    if ".." in PurePosixPath(path).parts:
        faults.note(field, "invalid", _("A directory must not contain “..”."))
    elif normal_path(path) != path:
        faults.note(field, "invalid", _("Write the directory as %(path)s.") % {"path": normal_path(path)})


def _check_subnet(faults: Faults, filesystem: FileSystem) -> None:
    if not (subnet := filesystem.subnet):
        return
    ours = subnet.project_id == filesystem.project_id
    faults.require(ours, "subnet", "not_usable", _("The subnet is of another project."))
    address = address_of(filesystem.export)
    if ours and address:
        words = {"address": address, "subnet": subnet, "cidr": subnet.cidr}
        message = _("%(address)s is not in subnet “%(subnet)s” (%(cidr)s).") % words
        faults.require(address in subnet.network, "subnet", "outside", message)


def check_shared(faults: Faults, path: str) -> None:
    """A direct child of a configured root.

    No deeper: a guest that has a directory could put a link in the place of one inside of it.
    """
    roots = settings.VIRTIOFS_ROOTS
    if not roots:
        message = _("This installation shares no host directories: the setting %(name)s names none.")
        faults.note("path", "not_usable", message % {"name": "CLOUDIA_VIRTIOFS_ROOTS"})
    elif not path:
        faults.note("path", "required", _("Enter a host directory, like %(path)s/data.") % {"path": roots[0]})
    elif len(path) > MAX_PATH or not path.isprintable() or not path.startswith("/"):
        faults.note("path", "invalid", _("Enter a path from the root, like %(path)s/data.") % {"path": roots[0]})
    elif str(PurePosixPath(path).parent) not in roots or ".." in path.split("/") or normal_path(path) != path:
        words = {"roots": ", ".join(roots), "name": "CLOUDIA_VIRTIOFS_ROOTS"}
        message = _("Shared directories lie directly in %(roots)s (setting %(name)s), not deeper and nowhere else.")
        faults.note("path", "not_usable", message % words)


def normal_path(path: str) -> str:
    """POSIX lets two slashes at the beginning mean something of their own; here they don't."""
    return "/" + posixpath.normpath(path).lstrip("/")
