"""``Idempotency-Key``: a POST that is sent twice has its effect once.

The key's row and the effect commit in one transaction, so a crash between them leaves neither; a second request with
the same key waits at the unique index until the first has committed, and then gets its answer. An answer that refused
is not kept, since nothing was done: the same key may be tried again.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from cloudia.accounts.models import User
from cloudia.api.errors import IdempotencyConflict
from cloudia.api.models import IdempotencyKey
from cloudia.core import secrets
from cloudia.core.errors import InputError

HEADER = "Idempotency-Key"
LIFE = timedelta(hours=24)
MAX_KEY = 255


class Replay(Exception):  # not an error: the answer is known already
    """This was done before; ``response`` is what was said then."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response


def claim(request: Request, user: User) -> IdempotencyKey | None:
    """Take the request's key, if it has one, in the current transaction.

    Raises Replay if the same was done before, IdempotencyConflict if something else was.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST":
        return None
    if not 0 < len(key) <= MAX_KEY or not key.isprintable():
        raise InputError.at(HEADER, _("Enter 1 to %(most)s printable characters.") % {"most": MAX_KEY})
    _forget_old()
    digest = _digest(request)
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(user=user, key=key, request_digest=digest)
    except IntegrityError:
        _replay(IdempotencyKey.objects.get(user=user, key=key), digest)
        raise


def settle(row: IdempotencyKey, response: Response) -> None:
    """Keep the answer, or forget the key if the answer was a refusal."""
    if not 200 <= response.status_code < 300:
        row.delete()
        return
    row.status = response.status_code
    row.location = response.headers.get("Location", "")
    row.sealed_body = secrets.seal(json.dumps(response.data, cls=JSONEncoder))
    row.save(update_fields=["status", "location", "sealed_body"])


def _forget_old() -> None:
    """Rows that another request is just forgetting are left to it: two deletes in another order would deadlock."""
    old = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - LIFE).select_for_update(skip_locked=True)
    IdempotencyKey.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:1000])).delete()


def _replay(row: IdempotencyKey, digest: str) -> None:
    if row.request_digest != digest:
        raise IdempotencyConflict(_("This idempotency key was used for another request."))
    headers = {"Idempotent-Replayed": "true", **({"Location": row.location} if row.location else {})}
    body: Any = json.loads(secrets.unseal(row.sealed_body) or "null")
    raise Replay(Response(body, status=row.status, headers=headers))


def _digest(request: Request) -> str:
    """Keyed: a body may have a password, which a plain digest would let somebody with the database guess."""
    head = f"{request.method} {request.get_full_path()}\n".encode()
    return salted_hmac(__name__, head + request._request.body, algorithm="sha256").hexdigest()
