"""Uploads: images whose files come in piece by piece."""

from __future__ import annotations

import contextlib
from typing import Any

from django.conf import settings
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor, shell_actor
from cloudia.accounts.audit import audited, record
from cloudia.accounts.enums import Outcome
from cloudia.core.errors import InputError, OperationFailed
from cloudia.core.policy import ActionDenied, Denial, gone
from cloudia.jobs.services import job_enqueue
from storage import policies, transfer
from storage.enums import ImageStatus
from storage.errors import BadImage
from storage.image_operations import FinishImage
from storage.models import GIB, Image, StorageDomain, Upload
from storage.selectors import uploads_without_news
from storage.services.images import ImageWish, image_delete, image_record


def most_bytes() -> int:
    """The largest file that is taken."""
    return settings.MAX_IMAGE_GIB * GIB


@audited("image.upload", target="storage_domain")
def upload_create(*, actor: Actor, storage_domain: StorageDomain, length_bytes: int, **wish: Any) -> Image:
    """A new image that waits for its file, which ``image.upload`` takes. ``wish``: see ImageWish.

    Raises ActionDenied (also ``quota_exceeded``) or InputError at what is wrong.
    """
    if not length_bytes:
        raise InputError.at("file", _("The file is empty."), "empty")
    if length_bytes > most_bytes():
        message = _("At most %(most)s GiB.") % {"most": settings.MAX_IMAGE_GIB}
        raise InputError.at("file", message, "too_large")
    wished = ImageWish(storage_domain=storage_domain, **wish)
    image = image_record(actor, wished, ImageStatus.UPLOADING, file_bytes=length_bytes)
    Upload.objects.create(image=image, length_bytes=length_bytes, checksum=wished.sha256)
    return image


def upload_receive(*, actor: Actor, upload: Upload, offset: int, source: transfer.Source) -> int:
    """Write what comes from ``source`` from ``offset`` on; returns how much is there now. What came stays.

    With the last byte a job is queued that makes an image of the file. Raises ActionDenied (``offset_mismatch``,
    ``busy``, ``no_space``, ...), HostUnreachable, or InputError at ``file`` if it can't be an image: then it is gone.
    """
    policies.IMPORT.check(upload.image, actor)
    writer = transfer.claim(upload, offset)
    try:
        transfer.Intake(upload, writer, lambda: _finish(actor, upload)).take(source)
    except transfer.LostClaim:
        raise ActionDenied(gone()) from None
    except BadImage as error:
        record(actor, "image.upload", upload.image, Outcome.REFUSED, code=error.code)
        upload.image.delete()  # there is no volume yet
        raise InputError.at("file", error.message, error.code) from None
    except OperationFailed as error:
        raise ActionDenied(Denial(error.code, error.message)) from None
    finally:
        transfer.release(upload, writer)
    return upload.received_bytes


def _finish(actor: Actor, upload: Upload) -> None:
    Image.objects.filter(pk=upload.image_id).update(status=ImageStatus.IMPORTING)
    Upload.objects.filter(pk=upload.pk).update(writer="", changed_at=Now())
    job = job_enqueue(operation=FinishImage, target=upload.image, actor=actor, params={})
    job.steps.create(number=1, name="examine")  # whose undo removes the file, also if the job never begins


def uploads_expire() -> int:
    """Give up uploads that have got no byte for long; returns how many. The watcher calls this now and then."""
    left = list(uploads_without_news()[:100])
    for upload in left:
        with contextlib.suppress(ActionDenied):  # somebody else was faster
            image_delete(actor=shell_actor(), image=upload.image)
    return len(left)
