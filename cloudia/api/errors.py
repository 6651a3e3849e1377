"""Every error of the API in one shape: ``{"code", "detail", "fields"?, "job"?, "holder"?}``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelError
from django.db import IntegrityError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.settings import api_settings

from cloudia.core.errors import CloudiaError, FieldError, HostUnreachable, InputError, NoCapacity
from cloudia.core.policy import ActionDenied, Holder, Kind
from cloudia.core.postgresql import outages
from cloudia.core.validation import input_error

log = logging.getLogger(__name__)

STATUS_OF_DENIAL = {
    Kind.FORBIDDEN: status.HTTP_403_FORBIDDEN,
    Kind.CONFLICT: status.HTTP_409_CONFLICT,
    Kind.UNAVAILABLE: status.HTTP_503_SERVICE_UNAVAILABLE,
}
STATUS_OF_ERROR: dict[type[CloudiaError], int] = {
    InputError: status.HTTP_400_BAD_REQUEST,
    NoCapacity: status.HTTP_409_CONFLICT,
    HostUnreachable: status.HTTP_503_SERVICE_UNAVAILABLE,
}
RETRY_AFTER_S = 5  # for a host that does not answer: the watcher looks about this often

Described: TypeAlias = Mapping[str, Any]
_describers: dict[str, Callable[[Holder], Described | None]] = {}


class PreconditionFailed(exceptions.APIException):
    """The object changed since the ``ETag`` in ``If-Match`` was read."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "precondition_failed"


class IdempotencyConflict(exceptions.APIException):
    """An ``Idempotency-Key`` came again with another request."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_conflict"


def register_holder(kind: str, describe: Callable[[Holder], Described | None]) -> None:
    """Say more about what stands in the way: ``describe`` fills the error's member named ``kind``."""
    _describers[kind] = describe


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Django REST framework's hook. What nobody foresaw is logged with its traceback and says nothing of the inside."""
    if isinstance(error, exceptions.APIException):
        return _from_framework(error)
    if isinstance(error, ActionDenied):
        return _from_denial(error)
    if isinstance(error, CloudiaError) and type(error) in STATUS_OF_ERROR:
        return _from_cloudia(error)
    if isinstance(error, ModelError):
        return _from_cloudia(input_error(error))
    return _from_elsewhere(error)


def answer(code: int, error: str, detail: object, *, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """An error response; ``error`` is its stable code."""
    body = {"code": error, "detail": printable(detail), **{name: value for name, value in more.items() if value}}
    return Response(body, status=code, headers=headers)


def not_found_detail() -> str:
    """What a 404 says: it does not tell the missing from the invisible."""
    return _("There is no such thing, or you may not know of it.")


def printable(text: object) -> str:
    """Text that may repeat what the client sent, without the half characters that JSON allows and UTF-8 does not."""
    return str(text).encode(errors="replace").decode()


def _from_denial(error: ActionDenied) -> Response:
    denial = error.denial
    more: dict[str, Any] = {}
    headers = {"Retry-After": str(RETRY_AFTER_S)} if denial.kind == Kind.UNAVAILABLE else None
    if holder := denial.holder:
        more["holder"] = {"type": holder.type, "id": holder.id, "name": holder.name}
        if describe := _describers.get(holder.type):
            more[holder.type] = describe(holder)
    return answer(STATUS_OF_DENIAL[denial.kind], denial.code, denial.message, headers=headers, **more)


def _from_cloudia(error: CloudiaError) -> Response:
    fields = error.fields if isinstance(error, InputError) else {}
    headers = {"Retry-After": str(RETRY_AFTER_S)} if isinstance(error, HostUnreachable) else None
    return answer(
        STATUS_OF_ERROR[type(error)], error.code, error.message, headers=headers, fields=_published(fields.items())
    )


def _from_framework(error: exceptions.APIException) -> Response:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    if isinstance(error.detail, dict | list):
        fields = _published(flattened(error.detail))
        return answer(error.status_code, "invalid", _("Some fields need to be corrected."), fields=fields)
    return answer(error.status_code, error.detail.code or error.default_code, error.detail, headers=headers)


def _from_elsewhere(error: Exception) -> Response:
    """What Django and Python raise."""
    if isinstance(error, Http404):
        return answer(404, "not_found", not_found_detail())
    if isinstance(error, PermissionDenied):
        return answer(403, "permission_denied", _("Your role does not allow this."))
    if isinstance(error, RequestDataTooBig):
        return answer(413, "too_large", _("The request is too large."))
    if isinstance(error, RecursionError):  # JSON nested a thousand deep
        return answer(400, "parse_error", _("The request can't be read."))
    if isinstance(error, IntegrityError):
        return answer(409, "conflict", _("Something else was changed at the same moment. Try again."))
    if outages.is_outage(error):
        log.warning("the database does not answer: %s", error)
        headers = {"Retry-After": str(outages.RETRY_AFTER_S)}
        return answer(
            503, "database_unreachable", _("The database does not answer. Try again in a moment."), headers=headers
        )
    log.error("API request failed", exc_info=error)
    return answer(500, "internal", _("Something went wrong on our side. It has been logged."))


def flattened(detail: Any, path: str = "") -> Iterator[tuple[str, Sequence[FieldError]]]:
    """The framework's nested errors as dotted paths: ``interfaces.0.ip_address``; the empty path is the whole."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            own = path if name == api_settings.NON_FIELD_ERRORS_KEY else f"{path}.{name}".lstrip(".")
            yield from flattened(inner, own)
    elif all(isinstance(found, exceptions.ErrorDetail) for found in detail):
        yield path, [FieldError(found.code or "invalid", found) for found in detail]
    else:
        yield from flattened({str(number): inner for number, inner in enumerate(detail) if inner}, path)


def _published(fields: Any) -> dict[str, list[dict[str, str]]]:
    return {
        printable(path): [{"code": found.code, "detail": printable(found.detail)} for found in errors]
        for path, errors in fields
    }
