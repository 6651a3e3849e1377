"""API tokens: how they look, and finding the one that a program shows."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.utils import timezone

from cloudia.accounts.models import ApiToken

PREFIX = "cld_"  # lets people and secret scanners recognise one
SHOWN = 8  # characters kept in the clear: enough to tell tokens apart, worth nothing to a guesser
TOUCH_EVERY = timedelta(minutes=1)  # a busy program costs one write a minute, not one a request


def new_token() -> str:
    """A random token: the prefix and 43 URL-safe characters (256 bits)."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(plain: str) -> str:
    """What is kept of a token: SHA-256 in hexadecimal."""
    return hashlib.sha256(plain.encode()).hexdigest()


def find_token(plain: str) -> ApiToken | None:
    """The valid token with its user, or None: unknown, expired, or its user is not active. Notes that it was used."""
    if not plain.startswith(PREFIX):
        return None
    now = timezone.now()
    tokens = ApiToken.objects.filter(digest=digest(plain), expires_at__gt=now, user__is_active=True)
    if (token := tokens.select_related("user").first()) is None:
        return None
    if token.last_used_at is None or token.last_used_at < now - TOUCH_EVERY:
        token.last_used_at = now
        token.save(update_fields=["last_used_at"])
    return token
