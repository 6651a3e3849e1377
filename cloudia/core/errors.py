"""Errors with a stable code. What was refused differs from what failed (ganeti's OpPrereqError / OpExecError)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloudia.core.policy import Text


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field of the input."""

    code: str
    detail: Text


class CloudiaError(Exception):
    """Base of every error that people may see. ``code`` is part of the API's contract."""

    code = "error"

    def __init__(self, message: Text, *, code: str = "") -> None:
        super().__init__(str(message))
        self.message = message
        self.code = code or self.code


class InputError(CloudiaError):
    """The request itself can't be carried out as it stands: HTTP 400.

    ``fields`` maps a dotted path (``interfaces.0.ip_address``) to what is wrong there; the empty path is the whole.
    """

    code = "invalid"

    def __init__(self, message: Text, fields: Mapping[str, Sequence[FieldError]] | None = None, *, code: str = ""):
        super().__init__(message, code=code)
        self.fields = dict(fields or {})

    @classmethod
    def at(cls, field: str, message: Text, code: str = "invalid") -> InputError:
        """An error at one field."""
        return cls(message, {field: [FieldError(code, message)]})


class NoCapacity(CloudiaError):
    """No host has room; the message says which limit, per host: HTTP 409."""

    code = "no_capacity"


class OperationFailed(CloudiaError):
    """A job's step could not do its work, and trying again would not help."""

    code = "operation_failed"


class TransientError(CloudiaError):
    """A job's step could not do its work now; the same may succeed later."""

    code = "transient"


class HostUnreachable(TransientError):
    """A host did not answer in time: HTTP 503."""

    code = "host_unreachable"
