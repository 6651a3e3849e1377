"""Bytes into and out of volumes, over libvirt's streams: any host, no other door.

Every piece has a deadline of its own, so a transfer may take hours and a silent host is still noticed.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import libvirt
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import CloudiaError, OperationFailed
from cloudia.virt.connection import Connection, Session

PIECE = 4 << 20  # handed over at once: a thread each is 0.1 ms
# One message of a stream, as virsh has it. Larger ones cost libvirtd twice the time: it takes new memory for each.
MESSAGE = 256 << 10
FINISH_S = 120.0  # the host writes out what it has

Begin = Callable[[Any], Any]  # from a connection, a stream that has begun


class Sink:
    """An open transfer into a volume. What :meth:`send` has taken is on its way until the transfer ends."""

    def __init__(self, session: Session, stream: Any) -> None:
        self._session, self._stream = session, stream
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def send(self, data: bytes) -> None:
        """Take more bytes. Raises CloudiaError if the host does not."""
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= PIECE:
            self.flush()

    def flush(self) -> None:
        """Hand over everything taken so far."""
        pieces, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if pieces:
            self._session.call(functools.partial(_send_all, self._stream, pieces))


@contextlib.contextmanager
def sink(connection: Connection, begin: Begin) -> Iterator[Sink]:
    """A transfer to the host: completed when the block ends, abandoned when it raises."""
    with connection.session() as session:
        stream = session.call(begin)
        try:
            open_sink = Sink(session, stream)
            yield open_sink
            open_sink.flush()
            session.call(lambda _conn: stream.finish(), FINISH_S)
        except BaseException:
            _abort(session, stream)
            raise


def chunks(connection: Connection, begin: Begin) -> Iterator[bytes]:
    """A transfer from the host, piece by piece; abandoned when nobody wants more."""
    with connection.session() as session:
        stream = session.call(begin)
        try:
            while piece := session.call(functools.partial(_receive, stream)):
                yield piece
            session.call(lambda _conn: stream.finish(), FINISH_S)
        except BaseException:
            _abort(session, stream)
            raise


def copy(source: BinaryIO, size_bytes: int, into: Sink, progress: Callable[[int], None]) -> None:
    """Send ``size_bytes`` of ``source``. Raises OperationFailed (``upload_incomplete``) if there are fewer."""
    sent = 0
    while piece := source.read(min(PIECE, size_bytes - sent)):
        into.send(piece)
        sent += len(piece)
        progress(sent)
    if sent < size_bytes:
        raise OperationFailed(_("The file ended too early."), code="upload_incomplete")


def _send_all(stream: Any, pieces: list[bytes], _conn: Any) -> None:
    for piece in pieces:
        start = 0
        while start < len(piece):
            start += stream.send(piece[start : start + MESSAGE])  # of a short piece, a slice is no copy


def _receive(stream: Any, _conn: Any) -> bytes:
    """As much as comes until a piece is full; nothing at the end."""
    parts, size = [], 0
    while size < PIECE and (part := stream.recv(MESSAGE)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _abort(session: Session, stream: Any) -> None:
    with contextlib.suppress(CloudiaError, libvirt.libvirtError):
        session.call(lambda _conn: stream.abort())
