"""Every stable error code, its HTTP status and its meaning: part of the contract, and of the OpenAPI description."""

from __future__ import annotations

CODES: dict[str, tuple[int, str]] = {
    "invalid": (400, "Some fields are wrong; `fields` says which, and why."),
    "parse_error": (400, "The body is not JSON."),
    "not_authenticated": (401, "Neither a session nor a token."),
    "invalid_token": (401, "The token is unknown or expired, or its user is not active."),
    "permission_denied": (403, "Your role does not include this; another's might."),
    "read_only_token": (403, "The token may only read."),
    "managed": (403, "A system made and manages it; `holder` says which."),
    "account_inactive": (409, "The account is closed."),
    "not_found": (404, "It does not exist, or you may not know of it."),
    "method_not_allowed": (405, "Not here."),
    "not_acceptable": (406, "No such representation."),
    "busy": (409, "A job has it; `job` names the job."),
    "bad_state": (409, "Not in the state it is in now."),
    "in_use": (409, "Something else still needs it."),
    "no_capacity": (409, "No host has room; `detail` says which limit, per host."),
    "not_cancellable": (409, "This kind of job can't be cancelled."),
    "target_gone": (409, "What the job was about no longer exists."),
    "gone": (409, "It was deleted meanwhile."),
    "local_storage": (409, "A local directory belongs to one host."),
    "last_operator": (409, "The installation needs an operator."),
    "conflict": (409, "Something else was changed at the same moment."),
    "precondition_failed": (412, "It changed since the tag in `If-Match` was read."),
    "too_large": (413, "The body is too large."),
    "unsupported_media_type": (415, "The body must be `application/json`."),
    "idempotency_conflict": (422, "The `Idempotency-Key` was used for another request."),
    "host_unreachable": (503, "The host does not answer."),
    "internal": (500, "A defect of ours. It is in the log."),
}


def codes_of(status: int) -> dict[str, str]:
    """Meaning by code, of one HTTP status."""
    return {code: meaning for code, (of, meaning) in CODES.items() if of == status}
