"""Images made of files of this machine: what ``manage.py import_image`` and the first start ask for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

from django.db import transaction
from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.errors import HostUnreachable, InputError
from storage import image_files, transfer
from storage.enums import ImageStatus
from storage.errors import BadImage
from storage.models import Image, StorageDomain, Upload
from storage.selectors import image_like, unfinished
from storage.services.images import ImageWish, image_record

PIECE_BYTES = 1 << 20


@audited("image.import", target="storage_domain", atomic=False)
def image_import(
    *, actor: Actor, path: Path, storage_domain: StorageDomain, replace: bool = False, **wish: Any
) -> Image:
    """An image made of a file; the existing one if the same file was imported under this name. ``wish``: see ImageWish.

    ``replace``: others of this name are not offered any more once it is there. Raises ActionDenied, InputError (what
    is wrong with the file or a name), HostUnreachable, or OperationFailed (``no_space``); then nothing is left of it.
    """
    try:
        size, digest = path.stat().st_size, sha256(path)
    except OSError as error:
        raise InputError.at("file", _("The file cannot be read: %(reason)s") % {"reason": error.strerror}) from None
    wished = ImageWish(storage_domain=storage_domain, sha256=digest, **wish)
    if existing := image_like(wished.name.strip(), digest, wished.project):
        return existing
    namesakes = Image.objects.filter(name=wished.name.strip(), project=wished.project, deprecated=False)
    replaced = set(namesakes.values_list("pk", flat=True)) if replace else set()
    upload = _record(actor, wished, size, replaced)
    with path.open("rb") as file:
        _bring(upload, file)
    Image.objects.filter(pk__in=replaced).update(deprecated=True)  # instances made of them need them
    return Image.objects.get(pk=upload.image_id)


def sha256(path: Path) -> str:
    """The file's checksum in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _record(actor: Actor, wish: ImageWish, size: int, replaced: set[Any]) -> Upload:
    if not size:
        raise InputError.at("file", _("The file is empty."), "empty")
    for half in unfinished(wish.name.strip(), wish.sha256, wish.project):
        image_files.remove(half)
        half.delete()
    with transaction.atomic():
        image = image_record(actor, wish, ImageStatus.IMPORTING, file_bytes=size, replaced=replaced)
        return Upload.objects.create(image=image, length_bytes=size, checksum=wish.sha256)


def _bring(upload: Upload, file: BinaryIO) -> None:
    """Into the pool, and through all that a job would do. A failure leaves a row only where it may leave a volume."""
    try:
        transfer.Intake(upload, transfer.take_over(upload)).take(_File(file))
        facts = image_files.examine(upload)
        image_files.convert(upload, facts)
        image_files.publish(upload, facts)
        image_files.record_ready(upload, facts)
    except HostUnreachable:  # the next try of the same file removes what is left
        Image.objects.filter(pk=upload.image_id).update(status=ImageStatus.FAILED, sha256=upload.checksum)
        raise
    except BadImage as error:
        _forget(upload.image)
        raise InputError.at("file", error.message, error.code) from None
    except BaseException:
        _forget(upload.image)
        raise


def _forget(image: Image) -> None:
    image_files.remove(image)
    image.delete()


class _File:
    """A file as a source of an upload."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, wait_s: float) -> bytes | None:
        """The next bytes."""
        return self._file.read(PIECE_BYTES)
