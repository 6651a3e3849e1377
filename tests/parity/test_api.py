"""What the API publishes as possible is what it then does, and in the policy's words."""

from __future__ import annotations

from typing import Any

import pytest

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import User
from cloudia.api.errors import STATUS_OF_DENIAL
from instances.policies import ACTIONS
from tests.integration.api.conftest import client_of
from tests.parity.world import OUTSIDER, ROLES, World, undone

pytestmark = pytest.mark.django_db
WRITES: dict[str, tuple[str, str, Any]] = {
    "edit": ("patch", "", {"name": "renamed"}),
    "delete": ("delete", "", None),
}
DONE = {"edit": 200}


@pytest.mark.parametrize("role", ROLES)
def test_published_actions_are_the_policys(world: World, people: dict[str, User], role: str) -> None:
    client, actor = client_of(people[role]), Actor(people[role])
    for situation, instance in world.instances.items():
        answer = client.get(f"/api/v1/instances/{instance.pk}/")
        if role == OUTSIDER:
            assert answer.status_code == 404
            continue
        denials = {action.name: action.denial(instance, actor) for action in ACTIONS}
        expected = {name: denial and denial.code for name, denial in denials.items()}
        published = answer.json()["actions"]
        assert {name: verdict["code"] for name, verdict in published.items()} == expected, situation
        assert all(verdict["allowed"] is (verdict["code"] is None) for verdict in published.values())


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_write_does_what_is_published(world: World, people: dict[str, User], action: Any, role: str) -> None:
    client, actor = client_of(people[role]), Actor(people[role])
    method, suffix, body = WRITES.get(action.name, ("post", f"{action.name}/", None))
    for situation, instance in world.one_per_answer(action, actor):
        denial = action.denial(instance, actor)
        with undone():
            answer = getattr(client, method)(f"/api/v1/instances/{instance.pk}/{suffix}", body)
        if role == OUTSIDER:
            assert answer.status_code == 404, situation
        elif denial is None:
            assert answer.status_code == DONE.get(action.name, 202), situation
        else:
            assert answer.status_code == STATUS_OF_DENIAL[denial.kind], situation
            assert answer.json()["code"] == denial.code, situation
