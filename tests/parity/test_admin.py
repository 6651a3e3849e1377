"""The admin's menu and forms give the policy's answer to an operator of the installation, in its words."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils.translation import gettext

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import User
from cloudia.core.policy import Action
from instances.admin import SERVICES
from instances.edits import SIZES
from instances.models import Instance
from instances.policies import ACTIONS, EDIT
from tests.parity.world import INSTALLATION, World, undone

pytestmark = pytest.mark.django_db

NO_ROWS = {f"{rows}-{count}_FORMS": "0" for rows in ("disks", "guest", "scripts") for count in ("TOTAL", "INITIAL")}
LIST = "admin:instances_instance_changelist"


@pytest.fixture
def desk(people: dict[str, User]) -> Client:
    """The operator's browser."""
    client = Client()
    client.force_login(people[INSTALLATION], backend="cloudia.accounts.backends.PeopleBackend")
    return client


def test_every_action_is_in_the_admin() -> None:
    assert {*SERVICES, EDIT} == set(ACTIONS)


@pytest.mark.parametrize("action", SERVICES, ids=lambda action: action.name)
def test_menu_does_what_the_policy_says(world: World, people: dict[str, User], desk: Client, action: Any) -> None:
    for situation, instance in world.instances.items():
        denial = action.denial(instance, Actor(people[INSTALLATION]))
        expected = ("error", f"{instance}: {denial.message}") if denial else ("success", accepted(instance, action))
        with undone():
            said = answer_to(desk, action.name, instance)
            started = Instance.objects.get(pk=instance.pk).current_job
        assert said == expected, situation
        assert (started != instance.current_job) is (denial is None), situation


def accepted(instance: Instance, action: Action) -> str:
    """The good news about one instance."""
    return f"{instance}: " + gettext("“%(action)s” accepted.") % {"action": action.label}


def answer_to(desk: Client, name: str, instance: Instance) -> tuple[str, str]:
    """What the operator reads after choosing an action for one instance, and whether it is good or bad news."""
    data = {"action": name, "_selected_action": str(instance.pk), "confirmed": "yes"}
    *_unread, message = get_messages(desk.post(reverse(LIST), data).wsgi_request)
    return message.level_tag, str(message)


def test_form_can_be_filled_in_when_the_policy_says_so(world: World, people: dict[str, User], desk: Client) -> None:
    for situation, instance in world.instances.items():
        allowed = EDIT.denial(instance, Actor(people[INSTALLATION])) is None
        url = reverse("admin:instances_instance_change", args=[instance.pk])
        with undone():
            sizes = {name: getattr(instance, name) for name in SIZES}
            status = desk.post(url, {"name": "renamed", "description": "", **sizes} | NO_ROWS).status_code
            renamed = Instance.objects.get(pk=instance.pk).name == "renamed"
        assert (status, renamed) == ((302, True) if allowed else (403, False)), situation
