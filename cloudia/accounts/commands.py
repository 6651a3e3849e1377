"""What management commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.core.management.base import CommandError

from cloudia.accounts.models import User
from cloudia.core.errors import CloudiaError, InputError
from cloudia.core.policy import ActionDenied

P = ParamSpec("P")
R = TypeVar("R")


def refusals_as_command_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate ``handle``: what a service refuses is one line on stderr and exit status 1, not a traceback."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except InputError as error:
            fields = [f"{name}: {fault.detail}" for name, faults in error.fields.items() for fault in faults]
            raise CommandError("\n".join(fields) or str(error)) from None
        except (ActionDenied, CloudiaError) as error:
            raise CommandError(str(error)) from None

    return wrapper


def user_named(username: str) -> User:
    """The user with this name; raises CommandError."""
    try:
        return User.objects.get(username=username)
    except User.DoesNotExist:
        raise CommandError(f"There is no user named {username!r}.") from None
