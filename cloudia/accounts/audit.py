"""The audit trail: every action of a person or token, with its outcome."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, ParamSpec, TypeVar

from django.db import models, transaction

from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Outcome
from cloudia.accounts.models import AuditEntry, Project, User
from cloudia.core.errors import CloudiaError
from cloudia.core.policy import ActionDenied

P = ParamSpec("P")
R = TypeVar("R")


def record(
    actor: Actor, action: str, target: models.Model | None, outcome: Outcome, *, code: str = "", job_id: Any = None
) -> None:
    """Write one entry. ``target`` is None where what was asked for does not exist."""
    project = target if isinstance(target, Project) else getattr(target, "project", None)
    AuditEntry.objects.create(
        user=None if actor.user._state.adding else actor.user,  # see shell_actor
        username=actor.user.username,
        token_name=actor.token.name if actor.token else "",
        address=actor.address,
        action=action,
        target_type=str(target._meta.model_name) if target else "",
        target_id=str(target.pk) if target else "",
        target_name=str(target)[:255] if target else "",
        project=project if project is not None and project.pk else None,
        outcome=outcome,
        code=code,
        job_id=job_id,
    )


def record_login_failure(*, username: str, address: str | None, code: str) -> None:
    """Write that somebody could not log in as ``username``, which need not exist."""
    name = username[:64].replace("\0", "")
    AuditEntry.objects.create(
        user=User.objects.filter(username=name).first(),
        username=name,
        address=address,
        action="login",
        target_type="user",
        target_name=name,
        outcome=Outcome.REFUSED,
        code=code,
    )


def audited(action: str, target: str = "", *, atomic: bool = True) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a service: its keyword ``actor`` asks for ``action`` on its keyword ``target``.

    Success is written with the job it returned, if it returned one, or about the object it made, if it made one
    (returned alone or first in a tuple), in the transaction that the service runs in: neither is there without the
    other. A refusal is written with its code after that transaction, which it rolled back. ``atomic=False`` is for
    services that talk to hosts and keep their own transactions short.
    """

    def decorate(service: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(service)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            actor: Any = kwargs["actor"]
            subject: Any = kwargs[target] if target else None
            try:
                with transaction.atomic() if atomic else nullcontext():
                    result = service(*args, **kwargs)
                    _record_success(actor, action, subject, result)
            except ActionDenied as error:
                record(actor, action, subject, Outcome.REFUSED, code=error.denial.code)
                raise
            except CloudiaError as error:
                record(actor, action, subject, Outcome.REFUSED, code=error.code)
                raise
            return result

        return wrapper

    return decorate


def _record_success(actor: Actor, action: str, subject: models.Model | None, result: Any) -> None:
    made = result[0] if isinstance(result, tuple) else result
    if type(made).__name__ == "Job":  # by name: jobs stands above accounts
        record(actor, action, subject, Outcome.ACCEPTED, job_id=made.pk)
    else:
        record(actor, action, made if isinstance(made, models.Model) else subject, Outcome.DONE)
