"""What a new storage domain may be: everything that is wrong with it is said at once, each at its field."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from django.conf import settings
from django.utils.translation import gettext as _

from cloudia.core.faults import Faults
from cloudia.core.rows import check_name
from storage.enums import DomainKind
from storage.kinds import KINDS
from storage.models import StorageDomain

FIELDS = ("path", "server", "source", "username", "secret")
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
_SERVER = re.compile(_HOST)
_MONITORS = re.compile(rf"{_HOST}(?::\d{{1,5}})?(?:,\s*{_HOST}(?::\d{{1,5}})?)*")
_GROUP = re.compile(r"[A-Za-z0-9+_.][A-Za-z0-9+_.-]*")  # lvm(8), "Valid names"
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")  # of Ceph's pools and users; more than anybody needs


def check_domain(domain: StorageDomain, secret: str) -> None:
    """Raise InputError naming every field that is missing, superfluous or wrong."""
    faults = Faults()
    check_name(faults, domain.name, StorageDomain.objects.exclude(pk=domain.pk))
    if domain.kind not in KINDS:
        faults.note("kind", "invalid_choice", _("There is no such kind of storage domain."))
    else:
        _check_fields(faults, domain, secret)
    faults.raise_if_any()


def _check_fields(faults: Faults, domain: StorageDomain, secret: str) -> None:
    given = {name: secret if name == "secret" else getattr(domain, name) for name in FIELDS}
    for name, text in given.items():
        needed = name in domain.traits.needs
        faults.require(bool(text) or not needed, name, "required", _("Enter this for storage domains of this kind."))
        unused = _("Storage domains of this kind have none.")
        faults.require(not text or needed, name, "not_supported", unused)
    wanted = [name for name in domain.traits.needs if given[name] and name in CHECKS[domain.kind]]
    for name in wanted:
        CHECKS[domain.kind][name](faults, given[name])
    if not faults.fields and domain.traits.shared:
        _check_alone(faults, domain)


def _check_alone(faults: Faults, domain: StorageDomain) -> None:
    """Two storage domains in one place would take each other's files for garbage."""
    place = {"kind": domain.kind, "path": domain.path, "server": domain.server, "source": domain.source}
    other = StorageDomain.objects.filter(**place).exclude(pk=domain.pk).first()
    if other:
        message = _("Storage domain “%(name)s” is there.") % {"name": other}
        faults.note("path" if domain.path else "source", "taken", message)


def check_path(faults: Faults, path: str) -> None:
    """A directory below one of the configured roots, spelt in one way only."""
    if not path.startswith("/") or ".." in PurePosixPath(path).parts or not path.isprintable():
        faults.note("path", "invalid", _("Enter a path from the root, like /var/lib/cloudia/pool."))
    elif posixpath.normpath(path) != path:
        faults.note("path", "invalid", _("Write it as %(path)s.") % {"path": posixpath.normpath(path)})
    elif not any(PurePosixPath(path).is_relative_to(root) for root in settings.STORAGE_ROOTS):
        roots = ", ".join(settings.STORAGE_ROOTS)
        faults.note("path", "not_usable", _("Storage domains lie below %(roots)s.") % {"roots": roots})


def _check_server(faults: Faults, text: str) -> None:
    valid = _SERVER.fullmatch(text) is not None
    faults.require(valid, "server", "invalid", _("Enter a host name or an IP address."))


def _check_monitors(faults: Faults, text: str) -> None:
    valid = _MONITORS.fullmatch(text) is not None
    faults.require(valid, "server", "invalid", _("Enter host names or IP addresses, separated by commas."))


def _check_export(faults: Faults, text: str) -> None:
    valid = text.startswith("/") and ".." not in PurePosixPath(text).parts and text.isprintable()
    faults.require(valid, "source", "invalid", _("Enter the exported directory, like /export/cloudia."))


def _check_group(faults: Faults, text: str) -> None:
    valid = _GROUP.fullmatch(text) is not None and text not in {".", ".."}
    faults.require(valid, "source", "invalid", _("Enter the name of a volume group."))


def _check_pool(faults: Faults, text: str) -> None:
    faults.require(_PLAIN.fullmatch(text) is not None, "source", "invalid", _("Enter the name of a Ceph pool."))


def _check_user(faults: Faults, text: str) -> None:
    valid = _PLAIN.fullmatch(text) is not None
    faults.require(valid, "username", "invalid", _("Enter the user's name without “client.”."))


def _check_key(faults: Faults, text: str) -> None:
    valid = re.fullmatch(r"[A-Za-z0-9+/]{8,}={0,2}", text) is not None  # base64, as ceph auth get-key prints it
    faults.require(valid, "secret", "invalid", _("Enter the key as “ceph auth get-key” prints it."))


CHECKS: Mapping[str, Mapping[str, Callable[[Faults, str], None]]] = {
    DomainKind.DIR: {"path": check_path},
    DomainKind.SHARED_DIR: {"path": check_path},
    DomainKind.NFS: {"server": _check_server, "source": _check_export},
    DomainKind.LVM: {"source": _check_group},
    DomainKind.RBD: {
        "server": _check_monitors,
        "source": _check_pool,
        "username": _check_user,
        "secret": _check_key,
    },
}
