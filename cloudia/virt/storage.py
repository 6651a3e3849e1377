"""Storage pools and volumes, by name."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar
from uuid import UUID

import libvirt
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import HostUnreachable, OperationFailed
from cloudia.virt.connection import Connection, Session
from cloudia.virt.errors import no_space, none_if
from cloudia.virt.types import PoolInfo, VolumeInfo
from cloudia.virt.xml.storage import Pool, Volume

T = TypeVar("T")

SLOW_S = 120.0  # looking through a large pool, deleting a large file
CHUNK = 1 << 20
# The smallest room in which making an empty qcow2 file can succeed: header, tables and the directory's own growth.
MIN_FREE_BYTES = 1 << 20


class Pools:
    """The storage pools of one host. Every function raises CloudiaError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ensure_dir(self, name: str, uuid: UUID, path: str) -> PoolInfo:
        """A running pool on the directory ``path``, which is made if need be; started with the host from now on."""
        xml = str(Pool(type="dir", name=name, uuid=str(uuid), path=path))
        return self._connection.call(lambda conn: _ensure_dir(conn, name, path, xml), SLOW_S)

    def info(self, name: str) -> PoolInfo | None:
        """The pool, looked through again if it is active; None if there is none."""

        def run(conn: Any) -> PoolInfo | None:
            pool = _find_pool(conn, name)
            if pool is None:
                return None
            refresh(pool)
            return _pool_info(pool)

        return self._connection.call(run, SLOW_S)

    def remove(self, name: str) -> None:
        """Forget the pool; nothing if it is gone. Its files stay."""

        def run(conn: Any) -> None:
            if pool := _find_pool(conn, name):
                if pool.isActive():
                    pool.destroy()
                pool.undefine()

        self._connection.call(run)


class Volumes:
    """The volumes of one host's pools. Every function raises CloudiaError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def info(self, pool: str, name: str) -> VolumeInfo | None:
        """The volume, or None."""

        def run(it: Any) -> VolumeInfo | None:
            volume = _find(it, name)
            return None if volume is None else _info(pool, volume)

        return self._in(pool, run)

    def list(self, pool: str) -> list[VolumeInfo]:
        """Every volume of the pool."""

        def run(it: Any) -> list[VolumeInfo]:
            refresh(it)
            found = [
                none_if(libvirt.VIR_ERR_NO_STORAGE_VOL, functools.partial(_info, pool, volume))
                for volume in it.listAllVolumes(0)
            ]
            return [info for info in found if info]

        return self._in(pool, run)

    def ensure_linked_clone(self, pool: str, name: str, backing_name: str, capacity_bytes: int) -> VolumeInfo:
        """A qcow2 volume that starts as a copy of ``backing_name``, of at least ``capacity_bytes``.

        Raises OperationFailed: ``volume_too_small`` if the original is larger, ``volume_exists`` if another volume has
        the name, ``volume_missing`` if there is no original.
        """

        def run(it: Any) -> VolumeInfo:
            backing = _info(pool, _get(it, backing_name))
            if capacity_bytes < backing.capacity_bytes:
                raise OperationFailed(_("The disk is smaller than the image."), code="volume_too_small")
            wanted = Volume(name=name, capacity=capacity_bytes, allocation=0, format="qcow2")
            wanted.backing_path, wanted.backing_format = backing.path, backing.format
            return _ensure(it, pool, wanted)

        return self._in(pool, run)

    def ensure_empty(self, pool: str, name: str, capacity_bytes: int) -> VolumeInfo:
        """An empty qcow2 volume of at least ``capacity_bytes``. Raises ``volume_exists`` for a linked one."""
        wanted = Volume(name=name, capacity=capacity_bytes, allocation=0, format="qcow2")
        return self._in(pool, lambda it: _ensure(it, pool, wanted))

    def upload(
        self,
        pool: str,
        name: str,
        source: BinaryIO,
        size_bytes: int,
        capacity_bytes: int,
        format: str = "qcow2",
        progress: Callable[[int], None] | None = None,
    ) -> VolumeInfo:
        """A volume made of the ``size_bytes`` of ``source``; what had the name is replaced.

        ``capacity_bytes`` counts for raw files; others say themselves what a guest sees of them. ``progress`` is told
        the bytes sent so far, and may raise to give up. On failure no volume is left. Raises OperationFailed:
        ``no_space``, ``upload_incomplete``.
        """
        self.delete(pool, name)
        wanted = Volume(name=name, capacity=capacity_bytes, allocation=0, format=format)
        try:
            self._in(pool, lambda it: _make_room(it, wanted, size_bytes))
            self._send(pool, name, source, size_bytes, progress or (lambda _sent: None))
        except BaseException:
            with contextlib.suppress(HostUnreachable):
                self.delete(pool, name)
            raise
        return self._in(pool, lambda it: _info(pool, _get(it, name)))

    def delete(self, pool: str, name: str) -> None:
        """Delete the volume; nothing if it is gone."""

        def run(it: Any) -> None:
            if volume := _find(it, name):
                none_if(libvirt.VIR_ERR_NO_STORAGE_VOL, lambda: volume.delete(0))

        self._in(pool, run)

    def _in(self, pool: str, work: Callable[[Any], T]) -> T:
        return self._connection.call(lambda conn: work(_active_pool(conn, pool)), SLOW_S)

    def _send(self, pool: str, name: str, source: BinaryIO, size: int, progress: Callable[[int], None]) -> None:
        with self._connection.session() as session:
            stream = session.call(lambda conn: _begin_upload(conn, pool, name, size))
            try:
                _send_chunks(session, stream, source, size, progress)
                session.call(lambda _conn: stream.finish(), SLOW_S)
            except BaseException:
                with contextlib.suppress(HostUnreachable, OperationFailed):
                    session.call(lambda _conn: stream.abort())
                raise


def _begin_upload(conn: Any, pool: str, name: str, size: int) -> Any:
    stream = conn.newStream(0)
    conn.storagePoolLookupByName(pool).storageVolLookupByName(name).upload(stream, 0, size, 0)
    return stream


def _send_chunks(session: Session, stream: Any, source: BinaryIO, size: int, progress: Callable[[int], None]) -> None:
    sent = 0
    while chunk := source.read(min(CHUNK, size - sent)):
        session.call(functools.partial(_send_all, stream, chunk))  # each with a deadline of its own
        sent += len(chunk)
        progress(sent)
    if sent < size:
        raise OperationFailed(_("The file ended too early."), code="upload_incomplete")


def _send_all(stream: Any, data: bytes, _conn: Any) -> None:
    view = memoryview(data)
    while view:
        view = view[stream.send(bytes(view)) :]


def refresh(pool: Any) -> None:
    """Let libvirt see files that others have made. Refused while it writes one itself: then the next look will do."""
    with contextlib.suppress(libvirt.libvirtError):
        pool.refresh(0)


def _ensure_dir(conn: Any, name: str, path: str, xml: str) -> PoolInfo:
    pool = _find_pool(conn, name)
    if pool is None:
        pool = conn.storagePoolDefineXML(xml, 0)
    elif Pool.parse(pool.XMLDesc(0)).path != path:
        raise OperationFailed(_("The storage pool exists with another directory."), code="pool_exists")
    if not pool.isActive():
        pool.build(0)
        pool.create(0)
    if not pool.autostart():
        pool.setAutostart(1)
    refresh(pool)
    return _pool_info(pool)


def _find_pool(conn: Any, name: str) -> Any:
    return none_if(libvirt.VIR_ERR_NO_STORAGE_POOL, lambda: conn.storagePoolLookupByName(name))


def _active_pool(conn: Any, name: str) -> Any:
    pool = conn.storagePoolLookupByName(name)
    if not pool.isActive():
        pool.create(0)
    return pool


def _pool_info(pool: Any) -> PoolInfo:
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


def _lookup(pool: Any, name: str) -> Any:
    return none_if(libvirt.VIR_ERR_NO_STORAGE_VOL, lambda: pool.storageVolLookupByName(name))


def _find(pool: Any, name: str) -> Any:
    """The volume, or None; looked for again after a refresh, since another host of a shared pool may have made it."""
    volume = _lookup(pool, name)
    if volume is not None:
        return volume
    refresh(pool)
    return _lookup(pool, name)


def _get(pool: Any, name: str) -> Any:
    volume = _find(pool, name)
    if volume is None:
        message = format_lazy(_("The volume “{name}” does not exist."), name=name)
        raise OperationFailed(message, code="volume_missing")
    return volume


def _info(pool: str, volume: Any) -> VolumeInfo:
    xml = Volume.parse(volume.XMLDesc(0))
    return VolumeInfo(
        pool=pool,
        name=volume.name(),
        path=xml.path or "",
        capacity_bytes=xml.capacity or 0,
        allocation_bytes=xml.allocation or 0,
        format=xml.format or "",
        backing_path=xml.backing_path,
    )


def _ensure(pool: Any, pool_name: str, wanted: Volume) -> VolumeInfo:
    name, capacity = wanted.name or "", wanted.capacity or 0
    volume = _find(pool, name) or _create(pool, wanted)
    info = _info(pool_name, volume)
    if info.backing_path != wanted.backing_path or info.format != wanted.format:
        message = format_lazy(_("Another volume has the name “{name}”."), name=name)
        raise OperationFailed(message, code="volume_exists")
    if info.capacity_bytes < capacity:
        volume.resize(capacity, 0)
        info = _info(pool_name, volume)
    return info


def _create(pool: Any, wanted: Volume) -> Any:
    try:
        return pool.createXML(str(wanted), 0)
    except libvirt.libvirtError:
        # A full disk reaches us as "qemu-img failed": the room that is left says so more reliably.
        refresh(pool)
        if _available(pool) < MIN_FREE_BYTES:
            raise no_space() from None
        raise


def _make_room(pool: Any, wanted: Volume, size_bytes: int) -> None:
    refresh(pool)
    if _available(pool) < size_bytes:
        raise no_space()
    _create(pool, wanted)


def _available(pool: Any) -> int:
    return Pool.parse(pool.XMLDesc(0)).available or 0
