"""Affinity groups, and instances that change theirs: list, tab, dialogs, API, admin and services give the policy's
answer to everybody."""

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
from instances import affinity_services as services
from instances.affinity_models import AffinityGroup
from instances.affinity_policies import AFFINITY_ACTIONS, CREATE_AFFINITY, DELETE_AFFINITY, EDIT_AFFINITY, REGROUP
from tests.factories import AffinityGroupFactory, InstanceFactory
from tests.integration.api.conftest import client_of
from tests.parity.test_disks import refusal, shut_buttons
from tests.parity.test_pages import PEOPLE, browser_of
from tests.parity.test_types import assert_answered, assert_sent
from tests.parity.world import INSTALLATION, OUTSIDER, ROLES, World, undone

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
API = "/api/v1/affinity-groups/"
FORM = {"name": "renamed", "policy": "affinity"}


@pytest.fixture(scope="module")
def groups(world: World, django_db_blocker: DjangoDbBlocker) -> list[AffinityGroup]:
    """One that is empty, and one with a member."""
    with django_db_blocker.unblock():
        empty, used = AffinityGroupFactory.create_batch(2, project=world.project)
        InstanceFactory.create(project=world.project, affinity_group=used)
        return [empty, used]


def test_every_answer_there_is_comes_up(world: World, groups: list[AffinityGroup], people: Mapping[str, User]) -> None:
    """The matrices below compare something: no code is missing, and no action is always refused."""
    answers = {
        (action, (denial := action.denial(row, Actor(person))) and denial.code)
        for person in people.values()
        for action, rows in ((CREATE_AFFINITY, [world.project]), (EDIT_AFFINITY, groups), (DELETE_AFFINITY, groups))
        for row in rows
    }
    everybody = {
        (action, code) for action in (CREATE_AFFINITY, *AFFINITY_ACTIONS) for code in (None, "permission_denied")
    }
    assert answers == everybody | {(DELETE_AFFINITY, "in_use")}
    told = {
        (denial := REGROUP.denial(instance, Actor(person))) and denial.code
        for person in people.values()
        for _situation, instance in world.one_per_answer(REGROUP, Actor(person))
    }
    assert told == {None, "permission_denied", "bad_state", "busy", "managed"}


@pytest.mark.parametrize("role", ROLES)
def test_service_does_what_the_policy_says(
    world: World, groups: list[AffinityGroup], people: dict[str, User], role: str
) -> None:
    actor = Actor(people[role])
    asked: dict[Any, Any] = {
        EDIT_AFFINITY: partial(services.affinity_edit, name="renamed"),
        DELETE_AFFINITY: services.affinity_delete,
    }
    assert set(asked) == set(AFFINITY_ACTIONS)
    for group in groups:
        for action, service in asked.items():
            assert refusal(partial(service, actor=actor, group=group)) == action.denial(group, actor)
    create = partial(services.affinity_create, actor=actor, project=world.project, **FORM)
    assert refusal(create) == CREATE_AFFINITY.denial(world.project, actor)
    for situation, instance in world.instances.items():
        regroup = partial(services.instance_regroup, actor=actor, instance=instance, group=groups[0])
        assert refusal(regroup) == REGROUP.denial(instance, actor), situation


@pytest.mark.parametrize("role", PEOPLE)
def test_list_says_and_dialog_does_what_the_policy_says(
    groups: list[AffinityGroup], people: dict[str, User], role: str
) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    for group in groups:
        page = browser.get(reverse("affinity-row", args=[group.pk]), headers=HTMX)
        if role == OUTSIDER:
            assert page.status_code == 404
            continue
        (shown,) = re.findall(r'data-actions="([^"]*)"', page.content.decode())
        for action in AFFINITY_ACTIONS:
            denial = action.denial(group, actor)
            assert json.loads(unescape(shown))[action.name].get("reason") == (denial and denial.message)
            url = reverse(f"affinity-{action.name}", args=[group.pk])
            words = str(denial.message) if denial else 'type="submit"'
            assert words in unescape(browser.get(url, headers=HTMX).content.decode())
            assert_answered(browser, url, denial, FORM)


@pytest.mark.parametrize("role", [role for role in PEOPLE if role != OUTSIDER])
def test_dialog_of_a_new_one_does_what_the_policy_says(world: World, people: dict[str, User], role: str) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    browser.get("/", {"project": str(world.project.pk)})
    assert_answered(browser, reverse("affinity-create"), CREATE_AFFINITY.denial(world.project, actor), FORM)


@pytest.mark.parametrize("role", PEOPLE)
def test_tab_says_and_its_dialog_does_what_the_policy_says(
    world: World, groups: list[AffinityGroup], people: dict[str, User], role: str
) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    for situation, instance in world.one_per_answer(REGROUP, actor):
        tab = browser.get(reverse("instance-affinity", args=[instance.pk]), headers=HTMX)
        if role == OUTSIDER:
            assert tab.status_code == 404
            continue
        denial = REGROUP.denial(instance, actor)
        assert shut_buttons(tab.content.decode()) == ({"regroup": str(denial.message)} if denial else {}), situation
        assert_answered(
            browser, reverse("instance-regroup", args=[instance.pk]), denial, {"affinity_group": groups[0].pk}
        )


@pytest.mark.parametrize("role", ROLES)
def test_api_does_what_it_publishes(
    world: World, groups: list[AffinityGroup], people: dict[str, User], role: str
) -> None:
    client, actor = client_of(people[role]), Actor(people[role])
    for group in groups:
        url = f"{API}{group.pk}/"
        answer = client.get(url)
        if role == OUTSIDER:
            assert answer.status_code == 404
            continue
        requests = {
            EDIT_AFFINITY: partial(client.patch, url, {"name": "renamed"}),
            DELETE_AFFINITY: partial(client.delete, url),
        }
        for action, send in requests.items():
            denial = action.denial(group, actor)
            assert answer.json()["actions"][action.name]["code"] == (denial and denial.code)
            assert_sent(send, denial)
    if role != OUTSIDER:
        body = {**FORM, "project": str(world.project.pk)}
        assert_sent(partial(client.post, API, body), CREATE_AFFINITY.denial(world.project, actor))


def test_operators_menu_and_form_do_it(world: World, groups: list[AffinityGroup], people: dict[str, User]) -> None:
    desk, operator = browser_of(people[INSTALLATION]), Actor(people[INSTALLATION])
    form = {"name": "renamed", "description": "", "policy": "affinity"}
    for group in groups:
        with undone():
            data = {"action": "delete", "_selected_action": str(group.pk), "confirmed": "yes"}
            answer = desk.post(reverse("admin:instances_affinitygroup_changelist"), data)
            *_unread, message = get_messages(answer.wsgi_request)
            gone = DELETE_AFFINITY.denial(group, operator) is None
            assert (message.level_tag == "success", not AffinityGroup.objects.filter(pk=group.pk).exists()) == (
                gone,
                gone,
            )
        with undone():
            desk.post(reverse("admin:instances_affinitygroup_change", args=[group.pk]), form)
            row = AffinityGroup.objects.get(pk=group.pk)
            assert (row.name, row.policy, row.hard, row.enabled) == ("renamed", "affinity", False, False)
    with undone():
        desk.post(reverse("admin:instances_affinitygroup_add"), {**form, "project": str(world.project.pk)})
        assert AffinityGroup.objects.get(name="renamed").project == world.project
