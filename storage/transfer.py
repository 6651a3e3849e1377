"""The bytes of an image on their way into a pool, and back for a second look.

The first :data:`HEAD_BYTES` of a file stay in the database until the whole was examined. Without them it is no image to
anybody: libvirt looks into every file of its pools, and a qcow2 file may name others to be read.

``received_bytes`` is written down only when libvirt has said that a stream is finished, so whoever goes on after a
crash never leaves a hole.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Protocol

from django.db import close_old_connections, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from cloudia.core.policy import ActionDenied, Denial, gone
from cloudia.virt import Hypervisor, hypervisor
from storage.enums import ImageStatus
from storage.models import Image, Upload
from storage.probe import HEAD_BYTES, Examination, ImageFacts, check_head
from storage.selectors import host_with

# So much goes in one stream: shorter ones cost throughput, longer ones only lose more in a crash.
SEGMENT_BYTES, SEGMENT_S = 64 << 20, 2.0
BEAT_S = 1.0  # how long to wait for bytes before saying that the writer is still there
STALE = timedelta(seconds=5)  # a writer that has not said so for this long is gone: its server was killed


class Source(Protocol):
    """Where the bytes come from."""

    def read(self, wait_s: float) -> bytes | None:
        """The next bytes; none at the end, None if none have come in time."""


class LostClaim(Exception):  # not an error: somebody else goes on, or it was deleted
    """This writer was too slow, or is not wanted any more."""


def gateway(image: Image) -> Hypervisor:
    """The host through which the image's pool is read and written. Raises HostUnreachable."""
    return hypervisor(host_with(image.storage_domain).endpoint)


def claim(upload: Upload, offset: int) -> str:
    """Become the one writer, from ``offset`` on; returns its name. Raises ActionDenied."""
    writer = uuid.uuid4().hex
    free = Q(writer="") | Q(changed_at__lt=Now() - STALE)
    rows = Upload.objects.filter(pk=upload.pk, received_bytes=offset, image__current_job=None)
    rows = rows.filter(Q(image__status=ImageStatus.UPLOADING) | Q(image__status=ImageStatus.IMPORTING))
    if rows.filter(free).update(writer=writer, changed_at=Now()):
        upload.refresh_from_db()
        return writer
    raise ActionDenied(_why_not(upload, offset))


def _why_not(upload: Upload, offset: int) -> Denial:
    now = Upload.objects.select_related("image__current_job").filter(pk=upload.pk).first()
    if now is None:
        return gone()
    if now.received_bytes != offset:
        message = _("The upload stands at byte %(offset)s.") % {"offset": now.received_bytes}
        return Denial("offset_mismatch", message)
    return Denial("busy", _("The file is being received. Try again when it has finished."), holder=now.image.held_by)


def take_over(upload: Upload) -> str:
    """Become the writer of an upload that a job has: the job's lease keeps others away. Returns the writer's name."""
    writer = uuid.uuid4().hex
    Upload.objects.filter(pk=upload.pk).update(writer=writer, changed_at=Now())
    upload.refresh_from_db()
    return writer


def release(upload: Upload, writer: str) -> None:
    """Let others write."""
    Upload.objects.filter(pk=upload.pk, writer=writer).update(writer="", changed_at=Now())


class Intake:
    """One writer's turn at an upload, which :func:`claim` has given it."""

    def __init__(self, upload: Upload, writer: str, completed: Callable[[], object] = lambda: None) -> None:
        self.upload, self.writer = upload, writer
        self._completed = completed  # in the transaction that writes down the last byte
        self._rest = b""

    def take(self, source: Source, progress: Callable[[int], None] = lambda _received: None) -> None:
        """Write what comes until it ends or the file is complete; what came stays. ``progress`` may raise to stop.

        Raises LostClaim, OperationFailed (it can't be an image; ``no_space``), HostUnreachable.
        """
        self._take_head(source)
        while self.is_headed and not self.is_complete and (chunk := self._rest or self._next(source)):
            self._segment(source, chunk)
            progress(self.upload.received_bytes)

    @property
    def is_complete(self) -> bool:
        """Whether the last byte is there."""
        return self.upload.received_bytes == self.upload.length_bytes

    @property
    def is_headed(self) -> bool:
        """Whether the bytes that are kept back are there."""
        return len(self.upload.head) == min(HEAD_BYTES, self.upload.length_bytes)

    def _take_head(self, source: Source) -> None:
        """Before anything is written, what can be refused by the first bytes is."""
        while not self.is_headed and (chunk := self._next(source)):
            missing = min(HEAD_BYTES, self.upload.length_bytes) - len(self.upload.head)
            self.upload.head, self._rest = bytes(self.upload.head) + chunk[:missing], chunk[missing:]
            if len(chunk) >= missing:
                check_head(self.upload.head)
                self._make_volume()
            self._record(len(self.upload.head))

    def _make_volume(self) -> None:
        image = self.upload.image
        volumes, pool = gateway(image).volumes, image.storage_domain.pool_name
        volumes.delete(pool, str(image.pk))
        volumes.ensure_empty(pool, str(image.pk), self.upload.length_bytes, "raw")
        try:
            self._beat()
        except LostClaim:  # it was deleted while the volume was made
            volumes.delete(pool, str(image.pk))
            raise

    def _next(self, source: Source) -> bytes:
        """The next bytes; says now and then that somebody is waiting for them."""
        while (chunk := source.read(BEAT_S)) is None:
            self._beat()
        return chunk

    def _segment(self, source: Source, chunk: bytes) -> None:
        """One stream into the pool, beginning with ``chunk``."""
        start, sent, begun = self.upload.received_bytes, 0, time.monotonic()
        left = self.upload.length_bytes - start
        image, self._rest = self.upload.image, b""
        with gateway(image).volumes.receive(image.storage_domain.pool_name, str(image.pk), left, start) as sink:
            while chunk:
                sink.send(chunk[: left - sent])
                sent += min(len(chunk), left - sent)
                if sent >= min(left, SEGMENT_BYTES) or time.monotonic() - begun > SEGMENT_S:
                    break
                chunk = source.read(BEAT_S) or b""
        self._record(start + sent)

    def _beat(self) -> None:
        self._update(changed_at=Now())

    def _record(self, received: int) -> None:
        with transaction.atomic():
            self._update(received_bytes=received, head=self.upload.head, changed_at=Now())
            self.upload.received_bytes = received
            if self.is_complete:
                self._completed()
        _let_go_of_database()

    def _update(self, **values: object) -> None:
        if not Upload.objects.filter(pk=self.upload.pk, writer=self.writer).update(**values):
            raise LostClaim
        _let_go_of_database()


def _let_go_of_database() -> None:
    """Others need the pool's connections while bytes flow."""
    if not connection.in_atomic_block:
        close_old_connections()


def examined(upload: Upload, progress: Callable[[int], None] = lambda _read: None) -> ImageFacts:
    """What the received file is, by all of its bytes as the pool has them. ``progress`` is told how many were read.

    Raises OperationFailed with the reason if it can't be an image here.
    """
    examination = Examination()
    for chunk in contents(upload):
        examination.feed(chunk)
        progress(examination.size)
    return examination.facts(lambda offset, length: read(upload, offset, length))


def contents(upload: Upload) -> Iterator[bytes]:
    """All bytes of the received file, in order."""
    image, head = upload.image, bytes(upload.head)
    yield head
    if rest := upload.length_bytes - len(head):
        volumes = gateway(image).volumes
        yield from volumes.chunks(image.storage_domain.pool_name, str(image.pk), len(head), rest)


def read(upload: Upload, offset: int, length: int) -> bytes:
    """Some bytes of the received file."""
    head = bytes(upload.head)[offset : offset + length]
    start, rest = offset + len(head), length - len(head)
    if not rest:
        return head
    image = upload.image
    return head + b"".join(gateway(image).volumes.chunks(image.storage_domain.pool_name, str(image.pk), start, rest))
