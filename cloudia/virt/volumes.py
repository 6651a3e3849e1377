"""Volumes of a host's storage pools, by name."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeVar

import libvirt
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import HostUnreachable, OperationFailed
from cloudia.virt import transfer
from cloudia.virt.connection import Connection
from cloudia.virt.errors import no_space, none_if, shrinking
from cloudia.virt.pools import SLOW_S, active_pool, available_bytes, refresh
from cloudia.virt.types import VolumeInfo
from cloudia.virt.xml.storage import Volume

T = TypeVar("T")

COPY_S = 4 * 3600.0  # a full copy of a large disk on a slow one
# The smallest room in which making an empty qcow2 file can succeed: header, tables and the directory's own growth.
MIN_FREE_BYTES = 1 << 20


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

    def ensure_linked_clone(
        self, pool: str, name: str, backing_name: str, capacity_bytes: int, backing_format: str = "qcow2"
    ) -> VolumeInfo:
        """A qcow2 volume that starts as a copy of ``backing_name``, of at least ``capacity_bytes``.

        Raises OperationFailed: ``volume_too_small`` if the original is larger, ``volume_exists`` if another volume has
        the name, ``volume_missing`` if there is no original, ``wrong_format`` if it is not of ``backing_format``: a
        guest would see the file itself instead of the disk in it.
        """

        def run(it: Any) -> VolumeInfo:
            backing = _backing(pool, it, backing_name, capacity_bytes, backing_format)
            wanted = Volume(name=name, capacity=capacity_bytes, allocation=0, format="qcow2")
            wanted.backing_path, wanted.backing_format = backing.path, backing.format
            return _ensure(it, pool, wanted)

        return self._in(pool, run)

    def ensure_copy(
        self, pool: str, name: str, source_name: str, capacity_bytes: int, format: str = "qcow2"
    ) -> VolumeInfo:
        """A volume of its own that starts with everything in ``source_name``, of at least ``capacity_bytes``.

        What has the name is replaced: nobody can tell how far an interrupted copy came. Errors as of
        :meth:`ensure_linked_clone`, and ``no_space``; then no volume is left.
        """

        def run(it: Any) -> VolumeInfo:
            source = _original(pool, it, source_name, capacity_bytes)
            need = _copied_bytes(it, source)
            if need > available_bytes(it):
                raise no_space()
            wanted = Volume(name=name, capacity=capacity_bytes, allocation=0, format=format)
            original = _get(it, source_name)
            made = _unless_full(it, need, lambda: it.createXMLFrom(str(wanted), original, 0))
            return _grown(pool, made, capacity_bytes)

        self.delete(pool, name)
        return self._in(pool, run, COPY_S)

    def ensure_empty(self, pool: str, name: str, capacity_bytes: int, format: str = "qcow2") -> VolumeInfo:
        """An empty volume of at least ``capacity_bytes``; raw ones are sparse where the pool can.

        Raises ``volume_exists`` for a linked one, or one of another format.
        """
        wanted = Volume(name=name, capacity=capacity_bytes, allocation=0, format=format)
        return self._in(pool, lambda it: _ensure(it, pool, wanted))

    def resize(self, pool: str, name: str, capacity_bytes: int) -> VolumeInfo:
        """Enlarge it; nothing if it is that large. Not while a guest runs on it.

        Raises OperationFailed (``volume_shrink``, ``volume_missing``, ``unsupported`` where the kind of pool can't).
        """

        def run(it: Any) -> VolumeInfo:
            volume = _get(it, name)
            if _info(pool, volume).capacity_bytes > capacity_bytes:
                raise shrinking()
            return _grown(pool, volume, capacity_bytes)

        return self._in(pool, run)

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
            with self.receive(pool, name, size_bytes) as sink:
                transfer.copy(source, size_bytes, sink, progress or (lambda _sent: None))
        except BaseException:
            with contextlib.suppress(HostUnreachable):
                self.delete(pool, name)
            raise
        return self._in(pool, lambda it: _info(pool, _get(it, name)))

    @contextlib.contextmanager
    def receive(self, pool: str, name: str, size_bytes: int, offset: int = 0) -> Iterator[transfer.Sink]:
        """An open transfer of ``size_bytes`` into an existing volume, from ``offset`` on.

        It may stop short of ``size_bytes``. What was sent is in the volume when the block has ended; how much of an
        abandoned transfer arrived nobody can tell. Raises OperationFailed: ``no_space``, ``volume_missing`` also if
        it was deleted meanwhile, which libvirt does not mind.
        """

        def begin(conn: Any) -> Any:
            stream = conn.newStream(0)
            _get(active_pool(conn, pool), name).upload(stream, offset, size_bytes, 0)
            return stream

        with transfer.sink(self._connection, begin) as sink:
            yield sink
        self._in(pool, lambda it: _get(it, name))

    def write(self, pool: str, name: str, offset: int, data: bytes) -> None:
        """Write a few bytes, and let libvirt look at what the volume is now."""
        with self.receive(pool, name, len(data), offset) as sink:
            sink.send(data)
        self._in(pool, refresh)

    def chunks(self, pool: str, name: str, offset: int = 0, length: int = 0) -> Iterator[bytes]:
        """The bytes of its file, piece by piece; all from ``offset`` on if ``length`` is 0."""

        def begin(conn: Any) -> Any:
            stream = conn.newStream(0)
            _get(active_pool(conn, pool), name).download(stream, offset, length, 0)
            return stream

        return transfer.chunks(self._connection, begin)

    def delete(self, pool: str, name: str) -> None:
        """Delete the volume; nothing if it is gone."""

        def run(it: Any) -> None:
            if volume := _find(it, name):
                none_if(libvirt.VIR_ERR_NO_STORAGE_VOL, lambda: volume.delete(0))

        self._in(pool, run)

    def _in(self, pool: str, work: Callable[[Any], T], deadline_s: float = SLOW_S) -> T:
        return self._connection.call(lambda conn: work(active_pool(conn, pool)), deadline_s)


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


def _original(pool: str, it: Any, name: str, capacity_bytes: int) -> VolumeInfo:
    """What a clone or copy begins as."""
    found = _info(pool, _get(it, name))
    if capacity_bytes < found.capacity_bytes:
        raise OperationFailed(_("The disk is smaller than the image."), code="volume_too_small")
    return found


def _backing(pool: str, it: Any, name: str, capacity_bytes: int, format: str) -> VolumeInfo:
    """The same for a clone, which keeps the format that libvirt knows; another host may have converted the file."""
    if _info(pool, _get(it, name)).format != format:
        refresh(it)
    found = _original(pool, it, name, capacity_bytes)
    if found.format != format:
        message = format_lazy(
            _("“{name}” is {found} on the host, not {wanted}."), name=name, found=found.format, wanted=format
        )
        raise OperationFailed(message, code="wrong_format")
    return found


def _copied_bytes(pool: Any, source: VolumeInfo) -> int:
    """The most that a copy takes: everything that it and what it is linked to have written."""
    written, path = source.allocation_bytes, source.backing_path
    while path and (link := _lookup_path(pool, path)):
        below = _info(source.pool, link)
        written, path = written + below.allocation_bytes, below.backing_path
    return min(written, source.capacity_bytes)


def _lookup_path(pool: Any, path: str) -> Any:
    return none_if(libvirt.VIR_ERR_NO_STORAGE_VOL, lambda: pool.connect().storageVolLookupByPath(path))


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
    volume = _lookup(pool, name) or _created(pool, wanted)
    info = _info(pool_name, volume)
    if info.backing_path != wanted.backing_path or info.format not in {wanted.format, ""}:
        message = format_lazy(_("Another volume has the name “{name}”."), name=name)
        raise OperationFailed(message, code="volume_exists")
    return _grown(pool_name, volume, capacity)


def _grown(pool_name: str, volume: Any, capacity: int) -> VolumeInfo:
    """The volume, enlarged if it is smaller."""
    if _info(pool_name, volume).capacity_bytes < capacity:
        volume.resize(capacity, 0)
    return _info(pool_name, volume)


def _created(pool: Any, wanted: Volume) -> Any:
    """The volume, made now unless another host of a shared pool has made it: libvirt writes over nothing.

    Not looked for first: a refresh reads the head of every file of the pool.
    """
    try:
        return _create(pool, wanted)
    except (libvirt.libvirtError, OperationFailed):
        volume = _find(pool, wanted.name or "")
        if volume is None:
            raise
        return volume


def _create(pool: Any, wanted: Volume) -> Any:
    return _unless_full(pool, MIN_FREE_BYTES, lambda: pool.createXML(str(wanted), 0))


def _unless_full(pool: Any, need_bytes: int, make: Callable[[], T]) -> T:
    """What ``make`` returns; its failure is ``no_space`` if there is less room than it needs.

    A full disk reaches us as "qemu-img failed", without a code: the room that is left says so more reliably.
    """
    try:
        return make()
    except libvirt.libvirtError:
        refresh(pool)
        if available_bytes(pool) < need_bytes:
            raise no_space() from None
        raise


def _make_room(pool: Any, wanted: Volume, size_bytes: int) -> None:
    refresh(pool)
    if available_bytes(pool) < size_bytes:
        raise no_space()
    _create(pool, wanted)
