"""The toolbar shows the policy's answer, and pressing a button has the same."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import User
from cloudia.ui.htmx import STATUS
from instances.models import Instance
from instances.policies import ACTIONS, EDIT
from instances.views.actions import DIALOGS
from instances.views.rows import row_of
from tests.parity.world import OUTSIDER, ROLES, World, undone

pytestmark = pytest.mark.django_db
PEOPLE = [role for role in ROLES if not role.startswith("service")]  # service accounts see no pages


def browser_of(user: User) -> Client:
    """A browser, logged in."""
    client = Client()
    client.force_login(user, backend="cloudia.accounts.backends.PeopleBackend")
    return client


def test_every_action_has_a_dialog_or_a_page() -> None:
    assert {*DIALOGS, EDIT.name} == {action.name for action in ACTIONS}


@pytest.mark.parametrize("role", PEOPLE)
def test_toolbar_says_what_the_policy_says(world: World, people: dict[str, User], role: str) -> None:
    actor = Actor(people[role])
    for situation, instance in world.instances.items():
        shown = json.loads(row_of(instance, actor).actions)
        denials = {action.name: action.denial(instance, actor) for action in ACTIONS}
        expected = {name: denial and denial.message for name, denial in denials.items()}
        assert {name: entry.get("reason") for name, entry in shown.items()} == expected, situation
        assert {name: not entry["allowed"] for name, entry in shown.items()} == {
            name: bool(denial) for name, denial in denials.items()
        }


@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize("name", DIALOGS)
def test_button_does_what_the_toolbar_says(world: World, people: dict[str, User], name: str, role: str) -> None:
    browser, actor, action = browser_of(people[role]), Actor(people[role]), DIALOGS[name].action
    for situation, instance in world.one_per_answer(action, actor):
        denial = action.denial(instance, actor)
        data = {"id": str(instance.pk), "confirm_name": instance.name}
        with undone():
            answer = browser.post(reverse("instance-action", args=[name]), data, headers={"HX-Request": "true"})
        if role == OUTSIDER:
            assert answer.status_code == 404, situation
        else:
            assert answer.status_code == (STATUS[denial.kind] if denial else 204), situation
            notice = json.loads(answer.headers["HX-Trigger"])["toast"]
            assert (notice["text"] == denial.message) if denial else (notice["tone"] == "busy"), situation


@pytest.mark.parametrize("role", PEOPLE)
def test_edit_page_saves_when_the_toolbar_says_so(world: World, people: dict[str, User], role: str) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    for situation, instance in world.one_per_answer(EDIT, actor):
        with undone():
            browser.post(reverse("instance-edit", args=[instance.pk]), {"name": "renamed", "description": ""})
            renamed = Instance.objects.get(pk=instance.pk).name == "renamed"
        assert renamed is (EDIT.denial(instance, actor) is None), situation
