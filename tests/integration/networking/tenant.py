"""A project and those who work in it, for tests of what they may ask of networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from django.db import connection

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import AuditEntry, Quota
from cloudia.core.errors import InputError
from cloudia.core.policy import ActionDenied, Denial
from tests.factories import MembershipFactory

T = TypeVar("T")


class Tenant:
    """A manager and their project."""

    def __init__(self) -> None:
        member = MembershipFactory.create()
        self.actor, self.project = Actor(member.user), member.project

    def limit(self, resource: str, most: int) -> None:
        """An operator allows ``most`` of something."""
        Quota.objects.create(project=self.project, resource=resource, limit=most)


def faults(ask: Callable[[], object]) -> set[tuple[str, str]]:
    """Field and code of everything that is wrong with what is asked for."""
    with pytest.raises(InputError) as refused:
        ask()
    return {(field, error.code) for field, errors in refused.value.fields.items() for error in errors}


def message(ask: Callable[[], object]) -> str:
    """The one thing that is wrong, in words."""
    with pytest.raises(InputError) as refused:
        ask()
    ((error,),) = refused.value.fields.values()
    return str(error.detail)


def denial(ask: Callable[[], object]) -> Denial:
    """Why it is denied."""
    with pytest.raises(ActionDenied) as refused:
        ask()
    return refused.value.denial


def outcome(ask: Callable[[], object]) -> str:
    """``done``, or the code of the refusal."""
    try:
        ask()
    except InputError as error:
        return next(iter(error.fields.values()))[0].code
    except ActionDenied as error:
        return error.denial.code
    return "done"


def written() -> list[tuple[str, str, str]]:
    """The audit trail, oldest first."""
    return list(AuditEntry.objects.order_by("pk").values_list("action", "outcome", "code"))


def at_once(work: Callable[[Any], T], items: Iterable[Any], threads: int = 12) -> list[T]:
    """Results of ``work`` on real threads, each with a connection of its own."""

    def run(item: Any) -> T:
        try:
            return work(item)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, items))
