"""Every action x situation x role: whoever is asked, toolbar, service, API and admin give the policy's answer.

What the right answer is, is the business of tests/unit/instances/test_policies.py. Here: that there is only one.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeAlias

import pytest

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import User
from cloudia.core.policy import ActionDenied, Denial
from instances.policies import ACTIONS
from tests.parity.world import ARGUMENTS, ROLES, World, service_of, undone

pytestmark = pytest.mark.django_db

People: TypeAlias = dict[str, User]
ALL = pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
EVERYBODY = pytest.mark.parametrize("role", ROLES)


def test_every_answer_there_is_comes_up(world: World, people: People) -> None:
    """The matrix below compares something: no code is missing from it, and no action is always refused."""
    actors = [Actor(person) for person in people.values()]
    answers = Counter(
        (action.name, denial.code if (denial := action.denial(instance, actor)) else "allowed")
        for action in ACTIONS
        for instance in world.instances.values()
        for actor in actors
    )
    codes = {"allowed", "permission_denied", "busy", "bad_state", "managed", "host_unreachable"}
    assert set(answers) == {(action.name, code) for action in ACTIONS for code in codes}


@EVERYBODY
@ALL
def test_service_does_what_the_policy_says(world: World, people: People, action: Any, role: str) -> None:
    actor = Actor(people[role])
    for situation, instance in world.instances.items():
        denial = action.denial(instance, actor)
        assert refusal(action, instance, actor) == denial, situation


def refusal(action: Any, instance: Any, actor: Actor) -> Denial | None:
    """Why the service refuses, if it does."""
    with undone():
        try:
            service_of(action)(actor=actor, instance=instance, **ARGUMENTS.get(action.name, {}))
        except ActionDenied as error:
            return error.denial
    return None
