"""Logging in and out leaves its trace in the audit trail. Django's signals tell, whichever page it was."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Model
from django.dispatch import receiver
from django.http import HttpRequest

from cloudia.accounts import audit
from cloudia.accounts.actor import Actor
from cloudia.accounts.addresses import client_address
from cloudia.accounts.enums import Outcome
from cloudia.accounts.models import User


@receiver(user_logged_in)
def logged_in(sender: type[Model], request: HttpRequest, user: User, **_: Any) -> None:
    """A session begins."""
    audit.record(Actor(user, address=client_address(request)), "login", user, Outcome.DONE)


@receiver(user_logged_out)
def logged_out(sender: type[Model], request: HttpRequest, user: User | None, **_: Any) -> None:
    """A session ends; nobody is ``user`` if it had ended before."""
    if isinstance(user, User):
        audit.record(Actor(user, address=client_address(request)), "logout", user, Outcome.DONE)


@receiver(user_login_failed)
def login_failed(sender: str, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """A wrong password, an unknown name, or a name that django-axes has locked out from this address."""
    locked = getattr(request, "axes_locked_out", False)
    audit.record_login_failure(
        username=str(credentials.get("username") or ""),
        address=client_address(request) if request else None,
        code="locked_out" if locked else "bad_credentials",
    )
