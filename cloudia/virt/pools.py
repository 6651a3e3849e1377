"""Storage pools of a host, by name.

NFS, LVM and Ceph pools were tried as XML and as far as a host without their kernel modules and servers refuses them.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import posixpath
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

import libvirt
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import OperationFailed
from cloudia.virt.connection import Connection
from cloudia.virt.errors import none_if
from cloudia.virt.types import PoolInfo, PoolKind, PoolSpec
from cloudia.virt.xml.storage import Pool, PoolCapabilities, Secret, Volume

SLOW_S = 120.0  # looking through a large pool, mounting, deleting a large file
LOOKS = 3  # a file may come or go between two looks
_BUILD = libvirt.VIR_STORAGE_POOL_CREATE_WITH_BUILD
# What a host needs for a kind, by Debian's and Ubuntu's names.
PACKAGES: Mapping[str, str] = {
    PoolKind.NETFS: "nfs-common",
    PoolKind.LOGICAL: "lvm2",
    PoolKind.RBD: "libvirt-daemon-driver-storage-rbd",
}


class Pools:
    """The storage pools of one host. Every function raises CloudiaError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ensure(self, spec: PoolSpec) -> PoolInfo:
        """A running pool, started with the host from now on; directories and mount points are made if need be.

        Raises OperationFailed: ``pool_exists`` if the host has another pool of that name, ``directory_taken`` if it has
        one of another name there, ``pool_kind_missing`` if it can't have pools of this kind, ``bad_secret`` if the
        secret is not in Base64, as Ceph writes its keys.
        """
        return self._connection.call(lambda conn: _ensure(conn, spec), SLOW_S)

    def supported(self) -> frozenset[PoolKind]:
        """The kinds of pools that the host's libvirt can have; what else they need shows when a pool is started."""
        return self._connection.call(_supported)

    def ensure_directory(self, path: str, name: str, *, make: bool = True) -> None:
        """Make sure that ``path`` is a directory of the host, and no link to one; made only if ``make``.

        ``name``: of the pool that looks, which is gone afterwards. Raises OperationFailed (``not_a_directory``,
        ``symlink``).
        """
        self._connection.call(lambda conn: _ensure_directory(conn, path, f"{name}-look", make=make), SLOW_S)

    def info(self, name: str) -> PoolInfo | None:
        """The pool, looked through again if it is active; None if there is none."""

        def run(conn: Any) -> PoolInfo | None:
            pool = _find(conn, name)
            if pool is None:
                return None
            refresh(pool)
            return _info(pool)

        return self._connection.call(run, SLOW_S)

    def remove(self, name: str) -> None:
        """Forget the pool and its secret; nothing if it is gone. Its files stay."""

        def run(conn: Any) -> None:
            if pool := _find(conn, name):
                uuid = UUID(pool.UUIDString())
                if pool.isActive():
                    pool.destroy()
                pool.undefine()
                _forget_secret(conn, uuid)

        self._connection.call(run)


def refresh(pool: Any) -> None:
    """Let libvirt see files that others have made. Refused while it writes one itself: then the next look will do."""
    with contextlib.suppress(libvirt.libvirtError):
        pool.refresh(0)


def active_pool(conn: Any, name: str) -> Any:
    """The pool, started if it is not."""
    pool = conn.storagePoolLookupByName(name)
    if not pool.isActive():
        pool.create(0)
    return pool


def available_bytes(pool: Any) -> int:
    """The room that is left in it, as of libvirt's last look."""
    return Pool.parse(pool.XMLDesc(0)).available or 0


def describe(spec: PoolSpec) -> Pool:
    """The pool as libvirt wants it: https://libvirt.org/storage.html."""
    pool = Pool(type=spec.kind.value, name=spec.name, uuid=str(spec.uuid))
    if spec.kind in {PoolKind.DIR, PoolKind.NETFS}:
        pool.path = posixpath.normpath(spec.path)  # as libvirt tidies it
    if spec.kind == PoolKind.NETFS:
        pool.source_dir, pool.source_format = spec.source, "nfs"
    if spec.kind in {PoolKind.LOGICAL, PoolKind.RBD}:
        pool.source_name = spec.source
    if spec.kind == PoolKind.LOGICAL:
        pool.source_format, pool.path = "lvm2", f"/dev/{spec.source}"
    for host in filter(None, spec.host.split(",")):
        name, port = _host_and_port(host.strip())
        pool.hosts.add(name=name, port=port)
    if spec.username:
        pool.auth_type, pool.auth_username = "ceph", spec.username
        pool.auth_secret = str(_secret_uuid(spec.uuid))
    return pool


def _host_and_port(text: str) -> tuple[str, int | None]:
    """``mon1``, ``mon1:6789``, ``[fd00::1]:6789``; a bare IPv6 address has no port."""
    host, _colon, port = text.rpartition(":")
    if port.isdigit() and (":" not in host or host.endswith("]")):
        return host.strip("[]"), int(port)
    return text.strip("[]"), None


def _ensure(conn: Any, spec: PoolSpec) -> PoolInfo:
    secret = _decoded(spec.secret)
    pool = _find(conn, spec.name)
    if pool is None:
        pool = _define(conn, spec)
    elif _place(Pool.parse(pool.XMLDesc(0))) != _place(describe(spec)):
        raise OperationFailed(_("The storage pool exists with another directory."), code="pool_exists")
    if secret:
        _keep_secret(conn, spec, secret)
    if not pool.isActive():
        if spec.path and spec.kind in {PoolKind.DIR, PoolKind.NETFS}:  # building others would format them
            pool.build(0)
        pool.create(0)
    if not pool.autostart():
        pool.setAutostart(1)
    refresh(pool)
    return _info(pool)


def _place(pool: Pool) -> tuple[object, ...]:
    hosts = [(host.name, host.port) for host in pool.hosts]
    return pool.type, pool.path, pool.source_name, pool.source_dir, hosts


def _define(conn: Any, spec: PoolSpec) -> Any:
    if spec.kind not in _supported(conn):
        message = _("The host can't have storage of this kind. It needs the package {package}.")
        package = PACKAGES.get(spec.kind, "libvirt-daemon")
        raise OperationFailed(format_lazy(message, package=package), code="pool_kind_missing")
    _check_place(conn, spec)
    return conn.storagePoolDefineXML(str(describe(spec)), 0)


def _check_place(conn: Any, spec: PoolSpec) -> None:
    """libvirt refuses a second pool at one place, in words that don't help."""
    path = describe(spec).path
    for other in conn.listAllStoragePools(0):
        if path and Pool.parse(other.XMLDesc(0)).path == path:
            message = _(
                "The directory {path} is the storage pool {name} of this host, which CloudiA does not know. If nobody "
                "needs that pool any more, forget it on the host with 'virsh pool-destroy {name}' and 'virsh "
                "pool-undefine {name}'. Its files stay."
            )
            raise OperationFailed(format_lazy(message, path=path, name=other.name()), code="directory_taken")


def _supported(conn: Any) -> frozenset[PoolKind]:
    kinds = PoolCapabilities.parse(conn.getStoragePoolCapabilities()).pools
    return frozenset(kind for kind in PoolKind if any(one.type == kind and one.supported for one in kinds))


def _secret_uuid(pool: UUID) -> UUID:
    """Always the same for a pool, so that it is found again."""
    return uuid5(pool, "secret")


def _decoded(secret: str) -> bytes:
    """Ceph writes its keys in Base64, and libvirt wants what they stand for."""
    try:
        return base64.b64decode(secret, validate=True)
    except binascii.Error:
        raise OperationFailed(_("The secret is not a key as Ceph writes it."), code="bad_secret") from None


def _keep_secret(conn: Any, spec: PoolSpec, value: bytes) -> None:
    wanted = Secret(ephemeral=False, private=True, uuid=str(_secret_uuid(spec.uuid)), usage_type="ceph")
    wanted.usage_name = spec.name
    conn.secretDefineXML(str(wanted), 0).setValue(value, 0)


def _forget_secret(conn: Any, pool: UUID) -> None:
    secret = none_if(libvirt.VIR_ERR_NO_SECRET, lambda: conn.secretLookupByUUIDString(str(_secret_uuid(pool))))
    if secret is not None:
        secret.undefine()


def _ensure_directory(conn: Any, path: str, name: str, *, make: bool) -> None:
    parent, child = posixpath.split(path.rstrip("/"))
    if make and child not in _entries(conn, name, parent):
        conn.storagePoolCreateXML(str(Pool(type="dir", name=name, path=path)), _BUILD).destroy()
    if _entries(conn, name, parent).get(child) != "dir":
        message = format_lazy(_("{path} is not a directory on the host."), path=path)
        raise OperationFailed(message, code="not_a_directory")
    # libvirt follows links and does not tell. But the parent of what a link leads to is another directory.
    if not any(_entries(conn, name, parent) == _entries(conn, name, f"{path}/..") for _look in range(LOOKS)):
        message = format_lazy(_("{path} is a link to another directory."), path=path)
        raise OperationFailed(message, code="symlink")


def _entries(conn: Any, name: str, path: str) -> dict[str, str]:
    """What is in a directory of the host: names, and what libvirt takes each for. Empty if it can't be read."""
    try:
        pool = conn.storagePoolCreateXML(str(Pool(type="dir", name=name, path=path)), 0)
    except libvirt.libvirtError:
        return {}
    try:
        return {volume.name(): Volume.parse(volume.XMLDesc(0)).type or "" for volume in pool.listAllVolumes(0)}
    finally:
        pool.destroy()


def _find(conn: Any, name: str) -> Any:
    return none_if(libvirt.VIR_ERR_NO_STORAGE_POOL, lambda: conn.storagePoolLookupByName(name))


def _info(pool: Any) -> PoolInfo:
    xml = Pool.parse(pool.XMLDesc(0))
    return PoolInfo(
        name=pool.name(),
        uuid=UUID(pool.UUIDString()),
        active=bool(pool.isActive()),
        path=xml.path or "",
        capacity_bytes=xml.capacity or 0,
        allocation_bytes=xml.allocation or 0,
        available_bytes=xml.available or 0,
    )
