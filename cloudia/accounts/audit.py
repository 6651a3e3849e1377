"""The audit trail: every action of a person or token, with its outcome."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Outcome
from cloudia.accounts.models import AuditEntry, Project
from cloudia.core.errors import CloudiaError
from cloudia.core.policy import ActionDenied

P = ParamSpec("P")
R = TypeVar("R")


def record(actor: Actor, action: str, target: Any, outcome: Outcome, *, code: str = "", job_id: Any = None) -> None:
    """Write one entry. ``target`` is a model instance."""
    project = target if isinstance(target, Project) else getattr(target, "project", None)
    AuditEntry.objects.create(
        user=actor.user,
        username=actor.user.username,
        token_name=actor.token.name if actor.token else "",
        address=actor.address,
        action=action,
        target_type=target._meta.model_name,
        target_id=str(target.pk),
        target_name=str(target)[:255],
        project=project if project is not None and project.pk else None,
        outcome=outcome,
        code=code,
        job_id=job_id,
    )


def audited(action: str, target: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a service: its keyword ``actor`` asks for ``action`` on its keyword ``target``.

    Success is written with the job it returned, if it returned one; a refusal with its code. The entry is written
    after the service's own transaction, so that a refusal, which rolls back, leaves its trace.
    """

    def decorate(service: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(service)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            actor: Any = kwargs["actor"]
            subject: Any = kwargs[target]
            try:
                result = service(*args, **kwargs)
            except ActionDenied as error:
                record(actor, action, subject, Outcome.REFUSED, code=error.denial.code)
                raise
            except CloudiaError as error:
                record(actor, action, subject, Outcome.REFUSED, code=error.code)
                raise
            job_id = getattr(result, "pk", None) if type(result).__name__ == "Job" else None
            record(actor, action, subject, Outcome.ACCEPTED if job_id else Outcome.DONE, job_id=job_id)
            return result

        return wrapper

    return decorate
