"""Instance types: list, dialogs, API, admin and services give the policy's answer to everybody, of public types and of
a project's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import User
from cloudia.api.errors import STATUS_OF_DENIAL
from cloudia.ui.htmx import STATUS
from instances import type_services as services
from instances.models import InstanceType
from instances.policies import CREATE_TYPE, DELETE_TYPE, EDIT_TYPE, TYPE_ACTIONS
from tests.factories import InstanceTypeFactory
from tests.integration.api.conftest import client_of
from tests.parity.test_disks import refusal
from tests.parity.test_pages import PEOPLE, browser_of
from tests.parity.world import INSTALLATION, OUTSIDER, ROLES, World, undone

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
SIZE: dict[str, Any] = {"vcpus": 1, "memory_mib": 1024}
FORM = {"name": "renamed", "vcpus": "1", "memory_mib_0": "1", "memory_mib_1": "1024", "visibility": "public"}


@pytest.fixture(scope="module")
def kinds(world: World, django_db_blocker: DjangoDbBlocker) -> list[InstanceType]:
    """One for all, one of the project, one that is not offered."""
    with django_db_blocker.unblock():
        made = InstanceTypeFactory.create
        return [made(), made(project=world.project), made(project=world.project, active=False)]


def test_operators_alone_change_types(kinds: list[InstanceType], people: Mapping[str, User]) -> None:
    for role, person in people.items():
        found = [action.denial(kind, Actor(person)) for action in (CREATE_TYPE, *TYPE_ACTIONS) for kind in kinds]
        assert {denial and denial.code for denial in found} == {None if role == INSTALLATION else "permission_denied"}


@pytest.mark.parametrize("role", ROLES)
def test_service_does_what_the_policy_says(kinds: list[InstanceType], people: dict[str, User], role: str) -> None:
    actor = Actor(people[role])
    asked: dict[Any, Any] = {
        EDIT_TYPE: partial(services.instance_type_edit, name="renamed"),
        DELETE_TYPE: services.instance_type_delete,
    }
    assert set(asked) == set(TYPE_ACTIONS)
    for kind in kinds:
        for action, service in asked.items():
            assert refusal(partial(service, actor=actor, kind=kind)) == action.denial(kind, actor)
        create = partial(services.instance_type_create, actor=actor, name="new", project=kind.project, **SIZE)
        assert refusal(create) == CREATE_TYPE.denial(kind, actor)


@pytest.mark.parametrize("role", PEOPLE)
def test_list_says_and_dialog_does_what_the_policy_says(
    kinds: list[InstanceType], people: dict[str, User], role: str
) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    for kind in kinds:
        page = browser.get(reverse("type-row", args=[kind.pk]), headers=HTMX)
        if role == OUTSIDER and kind.project:
            assert page.status_code == 404
            continue
        (shown,) = re.findall(r'data-actions="([^"]*)"', page.content.decode())
        for action in TYPE_ACTIONS:
            denial = action.denial(kind, actor)
            assert json.loads(unescape(shown))[action.name].get("reason") == (denial and denial.message)
            url = reverse(f"type-{action.name}", args=[kind.pk])
            words = str(denial.message) if denial else 'type="submit"'
            assert words in browser.get(url, headers=HTMX).content.decode()
            assert_answered(browser, url, denial)


@pytest.mark.parametrize("role", [role for role in PEOPLE if role != OUTSIDER])
def test_dialog_of_a_new_one_does_what_the_policy_says(world: World, people: dict[str, User], role: str) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    browser.get("/", {"project": str(world.project.pk)})
    assert_answered(browser, reverse("type-create"), CREATE_TYPE.denial(world.project, actor))


def assert_answered(browser: Any, url: str, denial: Any, form: Mapping[str, Any] = FORM) -> None:
    """The dialog's button does it, or says why not."""
    with undone():
        answer = browser.post(url, form, headers=HTMX)
    assert answer.status_code == (STATUS[denial.kind] if denial else 204), url
    notice = json.loads(answer.headers["HX-Trigger"])["toast"]
    assert denial is None or notice["text"] == denial.message


@pytest.mark.parametrize("role", ROLES)
def test_api_does_what_it_publishes(kinds: list[InstanceType], people: dict[str, User], role: str) -> None:
    client, actor = client_of(people[role]), Actor(people[role])
    for kind in kinds:
        url = f"/api/v1/instance-types/{kind.pk}/"
        answer = client.get(url)
        if role == OUTSIDER and kind.project:
            assert answer.status_code == 404
            continue
        requests = {
            EDIT_TYPE: partial(client.patch, url, {"name": "renamed"}),
            DELETE_TYPE: partial(client.delete, url),
        }
        for action, send in requests.items():
            denial = action.denial(kind, actor)
            assert answer.json()["actions"][action.name]["code"] == (denial and denial.code)
            assert_sent(send, denial)
    create = partial(client.post, "/api/v1/instance-types/", {"name": "new", **SIZE})
    assert_sent(create, CREATE_TYPE.denial(kinds[0], actor))


def assert_sent(send: Any, denial: Any) -> None:
    """The API does it, or refuses in the policy's words."""
    with undone():
        done = send()
    if denial:
        assert (done.status_code, done.json()["code"]) == (STATUS_OF_DENIAL[denial.kind], denial.code)
    else:
        assert done.status_code in (200, 201, 204)


def test_operators_menu_and_form_do_it(kinds: list[InstanceType], people: dict[str, User]) -> None:
    desk = browser_of(people[INSTALLATION])
    for kind in kinds:
        with undone():
            data = {"action": "delete", "_selected_action": str(kind.pk), "confirmed": "yes"}
            answer = desk.post(reverse("admin:instances_instancetype_changelist"), data)
            *_unread, message = get_messages(answer.wsgi_request)
            assert (message.level_tag, InstanceType.objects.filter(pk=kind.pk).exists()) == ("success", False)
        with undone():
            form = {"name": "renamed", "description": "", "project": "", "active": "on", **SIZE}
            desk.post(reverse("admin:instances_instancetype_change", args=[kind.pk]), form)
            assert InstanceType.objects.get(pk=kind.pk).name == "renamed"
    with undone():
        desk.post(reverse("admin:instances_instancetype_add"), {"name": "hidden", "project": "", **SIZE})
        assert InstanceType.objects.get(name="hidden").active is False
