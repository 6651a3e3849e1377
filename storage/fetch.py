"""Fetching an image from a URL straight into its pool.

The connection goes to the very address that was checked, so that a name can't lead elsewhere the second time it is
asked for; TLS still verifies the name. No error says anything of the URL, which may carry a signature.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin

import urllib3
from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from urllib3.exceptions import HTTPError, SSLError

from cloudia.core.errors import InputError, OperationFailed, TransientError
from cloudia.jobs.operation import Wait
from storage.addresses import BadUrl, parsed, port_of, resolve
from storage.models import GIB, Image, Upload
from storage.space import claim_space
from storage.transfer import Intake, release, take_over

REDIRECTS = 5
CONNECT_S, READ_S = 10.0, 30.0
TURN_S = 1200.0  # after this a worker is given back for a moment: none is kept for longer than an hour, docs/jobs.md
PIECE_BYTES = 1 << 20
OK, PARTIAL, NOT_SATISFIABLE, TEMPORARY = 200, 206, 416, (408, 425, 429, 500, 502, 503, 504)
REDIRECTION = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Answer:
    """A file that is coming: from ``offset`` on, ``length`` bytes in all."""

    response: urllib3.BaseHTTPResponse
    offset: int
    length: int

    def read(self, wait_s: float) -> bytes | None:
        """The next bytes; none at the end. Raises TransientError when they stop coming."""
        try:
            return self.response.read(PIECE_BYTES, decode_content=False)
        except (HTTPError, OSError):
            raise _broken() from None


def check_url(url: str) -> None:
    """Raise InputError at ``url`` if nothing is imported from there, as far as it can be told without asking."""
    try:
        parsed(url)
    except BadUrl as error:
        raise InputError.at("url", error.message, error.code) from None


def fetch(image: Image, upload: Upload | None, checksum: str, progress: Callable[[int, int], None]) -> Upload:
    """Bring the file of ``image.source_url`` into its pool, from where an earlier try stopped; ``progress`` may raise.

    Raises BadUrl, BadImage, OperationFailed, TransientError, or Wait when it has had its turn.
    """
    if upload and upload.received_bytes == upload.length_bytes:
        return upload
    until = time.monotonic() + TURN_S
    with opened(image.source_url, upload.received_bytes if upload else 0) as answer:
        upload = _upload_for(image, upload, answer, checksum)
        writer = take_over(upload)

        def tell(received: int) -> None:
            progress(received, answer.length)
            if time.monotonic() > until:
                raise Wait(1)

        try:
            (intake := Intake(upload, writer)).take(answer, tell)
        finally:
            release(upload, writer)
    if not intake.is_complete:
        raise _broken()
    return upload


def _upload_for(image: Image, upload: Upload | None, answer: Answer, checksum: str) -> Upload:
    """The row that counts what has come; begun anew if the server does, or if the file is another one by now."""
    if upload and (upload.length_bytes, upload.received_bytes) == (answer.length, answer.offset):
        return upload
    if answer.offset:
        if upload:
            upload.delete()
        raise TransientError(_("The file on the server has changed."), code="changed")
    if answer.length > settings.MAX_IMAGE_GIB * GIB:
        raise OperationFailed(_("The file is too large."), code="too_large")
    Upload.objects.filter(image=image).delete()
    claim_space(image.storage_domain, -(-answer.length // GIB))
    Image.objects.filter(pk=image.pk).update(file_bytes=answer.length)
    return Upload.objects.create(image=image, length_bytes=answer.length, checksum=checksum)


@contextlib.contextmanager
def opened(url: str, offset: int) -> Iterator[Answer]:
    """The server's answer, after at most :data:`REDIRECTS` of them. Raises BadUrl, OperationFailed, TransientError."""
    for _redirect in range(REDIRECTS + 1):
        with _request(url, offset) as response:
            if response.status not in REDIRECTION:
                yield _answer(response, offset)
                return
            url = _led_to(url, response.headers.get("Location", ""))
    raise OperationFailed(_("The address leads from one to the next without an end."), code="too_many_redirects")


def _led_to(url: str, location: str) -> str:
    target = urljoin(url, location)
    if parsed(url).scheme == "https" and parsed(target).scheme != "https":
        raise BadUrl(_("The address leads to one without encryption."), code="insecure_redirect")
    return target


@contextlib.contextmanager
def _request(url: str, offset: int) -> Iterator[urllib3.BaseHTTPResponse]:
    parts = parsed(url)
    for address in resolve(parts):
        with contextlib.suppress(_Unreachable):
            pool, response = _asked(parts, address, offset)
            try:
                yield response
            finally:
                response.close()
                pool.close()
            return
    raise TransientError(_("The server does not answer."), code="no_answer")


class _Unreachable(Exception):
    """Nobody answers at this address; another may."""


def _asked(
    parts: SplitResult, address: str, offset: int
) -> tuple[urllib3.HTTPConnectionPool, urllib3.BaseHTTPResponse]:
    headers = {"Host": parts.netloc, "Accept-Encoding": "identity", "User-Agent": "CloudiA"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    pool = _pool(parts, address)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        return pool, pool.urlopen(
            "GET", path, headers=headers, retries=False, redirect=False, preload_content=False, decode_content=False
        )
    except SSLError:
        pool.close()
        raise OperationFailed(_("The server's certificate is not valid for this address."), code="tls") from None
    except (HTTPError, OSError):
        pool.close()
        raise _Unreachable from None


def _pool(parts: SplitResult, address: str) -> urllib3.HTTPConnectionPool:
    timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(address, port_of(parts), timeout=timeout)
    return urllib3.HTTPSConnectionPool(
        address,
        port_of(parts),
        timeout=timeout,
        cert_reqs="CERT_REQUIRED",
        server_hostname=parts.hostname,
        assert_hostname=parts.hostname,
    )


def _answer(response: urllib3.BaseHTTPResponse, offset: int) -> Answer:
    """What the server's head says about the file."""
    if response.status in TEMPORARY:
        raise TransientError(format_lazy(_("The server answers {status}."), status=response.status), code="no_answer")
    if response.status == NOT_SATISFIABLE and offset:
        return Answer(response, offset, 0)
    if response.status not in (OK, PARTIAL) or (response.status == PARTIAL and not offset):
        raise OperationFailed(format_lazy(_("The server answers {status}."), status=response.status), code="bad_answer")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise OperationFailed(_("The server sends the file compressed."), code="bad_answer")
    if response.status == PARTIAL:
        return _partial(response)
    return Answer(response, 0, _number(response.headers.get("Content-Length", "")))


def _partial(response: urllib3.BaseHTTPResponse) -> Answer:
    """By ``Content-Range: bytes 100-199/200``."""
    unit, _space, what = response.headers.get("Content-Range", "").partition(" ")
    span, _slash, total = what.partition("/")
    if unit != "bytes":
        raise _no_length()
    return Answer(response, _number(span.partition("-")[0]), _number(total))


def _number(text: str) -> int:
    if not text.isdecimal():
        raise _no_length()
    return int(text)


def _no_length() -> OperationFailed:
    return OperationFailed(_("The server does not say how large the file is."), code="bad_answer")


def _broken() -> TransientError:
    return TransientError(_("The connection to the server broke off."), code="broken_off")
