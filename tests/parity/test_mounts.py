"""File systems of instances: buttons of the tab, their dialogs, the API and the services give the policy's answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import User
from cloudia.api.errors import STATUS_OF_DENIAL
from cloudia.core.policy import Action
from cloudia.ui.htmx import STATUS
from instances import mount_policies as policies
from instances import mount_services as services
from instances.models import Instance, InstanceMount
from storage.models import FileSystem
from tests.factories import (
    ExternalNetworkFactory,
    FileSystemFactory,
    InterfaceFactory,
    MountFactory,
    SubnetFactory,
    VPCFactory,
)
from tests.integration.api.conftest import client_of
from tests.parity.test_disks import refusal, shut_buttons
from tests.parity.test_pages import PEOPLE, browser_of
from tests.parity.world import OUTSIDER, ROLES, Situation, World, undone

pytestmark = pytest.mark.django_db

ALL_ACTIONS = [policies.ADD_MOUNT, *policies.MOUNT_ACTIONS]
ALL = pytest.mark.parametrize("action", ALL_ACTIONS, ids=lambda action: action.name)
ELSEWHERE = "/srv/elsewhere"


class Mounts(NamedTuple):
    """What each instance of the world mounts, and a file system that none does."""

    rows: Mapping[Situation, InstanceMount]
    free: FileSystem

    def one_per_answer(self, world: World, action: Action, actor: Actor) -> list[tuple[Situation, InstanceMount]]:
        """See :meth:`World.one_per_answer`."""
        return [(situation, self.rows[situation]) for situation, _instance in world.one_per_answer(action, actor)]


@pytest.fixture(scope="module")
def mounts(world: World, django_db_blocker: DjangoDbBlocker) -> Mounts:
    """Every instance in a network with a way out, so that it reaches the server."""
    with django_db_blocker.unblock():
        vpc = VPCFactory.create(project=world.project, external_network=ExternalNetworkFactory.create())
        subnet = SubnetFactory.create(project=world.project, vpc=vpc)
        shared, free = FileSystemFactory.create_batch(2, project=world.project)
        made = {}
        for situation, instance in world.instances.items():
            InterfaceFactory.create(instance=instance, subnet=subnet)
            made[situation] = MountFactory.create(instance=instance, filesystem=shared, mount_path="/srv/shared")
        return Mounts(made, free)


def requests_of(
    actor: Actor, instance: Instance, mount: InstanceMount, free: FileSystem
) -> dict[str, Callable[[], Any]]:
    """What somebody asks of the services, by action."""
    common: dict[str, Any] = {"actor": actor, "instance": instance}
    move = partial(services.mount_edit, mount=mount, mount_path=ELSEWHERE)
    return {
        "add_filesystem": partial(services.mount_add, filesystem=free, mount_path=ELSEWHERE, **common),
        "edit_filesystem": partial(move, **common),
        "remove_filesystem": partial(services.mount_remove, mount=mount, **common),
    }


def test_every_answer_there_is_comes_up(world: World, people: dict[str, User]) -> None:
    """The matrices below compare something: no code is missing, and no action is always refused."""
    answers = {
        (action.name, (denial := action.denial(instance, Actor(person))) and denial.code)
        for action in ALL_ACTIONS
        for person in people.values()
        for _situation, instance in world.one_per_answer(action, Actor(person))
    }
    codes = {None, "permission_denied", "bad_state", "busy", "managed"}
    assert answers == {(action.name, code) for action in ALL_ACTIONS for code in codes}


@pytest.mark.parametrize("role", ROLES)
@ALL
def test_service_does_what_the_policy_says(
    world: World, mounts: Mounts, people: dict[str, User], action: Action, role: str
) -> None:
    actor = Actor(people[role])
    for situation, instance in world.instances.items():
        ask = requests_of(actor, instance, mounts.rows[situation], mounts.free)[action.name]
        assert refusal(ask) == action.denial(instance, actor), situation


@pytest.mark.parametrize("role", PEOPLE)
def test_tab_says_what_the_policy_says(world: World, mounts: Mounts, people: dict[str, User], role: str) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    for situation, instance in world.instances.items():
        answer = browser.get(reverse("instance-filesystems", args=[instance.pk]), headers={"HX-Request": "true"})
        if role == OUTSIDER:
            assert answer.status_code == 404
            continue
        expected = {}
        if denial := policies.ADD_MOUNT.denial(instance, actor):
            expected["add_filesystem"] = str(denial.message)
        for action in policies.MOUNT_ACTIONS:
            if denial := action.denial(instance, actor):
                expected[f"{action.name}-{mounts.rows[situation].filesystem_id}"] = f"{action.label}: {denial.message}"
        assert shut_buttons(answer.content.decode()) == expected, situation


@pytest.mark.parametrize("role", PEOPLE)
@ALL
def test_dialog_does_what_the_button_says(
    world: World, mounts: Mounts, people: dict[str, User], action: Action, role: str
) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    for situation, mount in mounts.one_per_answer(world, action, actor):
        denial = action.denial(world.instances[situation], actor)
        with undone():
            status, notice = said(browser, action, mount, mounts.free)
        if role == OUTSIDER:
            assert status == 404, situation
        elif denial:
            assert (status, notice["text"]) == (STATUS[denial.kind], denial.message), situation
        else:
            assert status == 204, situation


def said(browser: Client, action: Action, mount: InstanceMount, free: FileSystem) -> tuple[int, dict[str, str]]:
    """What the browser is told after a yes."""
    if action is policies.ADD_MOUNT:
        url = reverse("mount-add", args=[mount.instance_id])
    else:
        url = reverse(f"mount-{action.name.split('_')[0]}", args=[mount.instance_id, mount.filesystem_id])
    data = {"filesystem": str(free.pk), "mount_path": ELSEWHERE}
    answer = browser.post(url, data, headers={"HX-Request": "true"})
    notice: dict[str, str] = json.loads(answer.headers.get("HX-Trigger", "{}")).get("toast", {})
    return answer.status_code, notice


@pytest.mark.parametrize("role", ROLES)
@ALL
def test_api_does_what_it_publishes(
    world: World, mounts: Mounts, people: dict[str, User], action: Action, role: str
) -> None:
    client, actor = client_of(people[role]), Actor(people[role])
    for situation, mount in mounts.one_per_answer(world, action, actor):
        denial = action.denial(world.instances[situation], actor)
        every = f"/api/v1/instances/{mount.instance_id}/filesystems/"
        one, body = f"{every}{mount.filesystem_id}/", {"mount_path": ELSEWHERE}
        with undone():
            if action is policies.ADD_MOUNT:
                answer, done = client.post(every, {**body, "filesystem": str(mounts.free.pk)}), 201
            elif action is policies.EDIT_MOUNT:
                answer, done = client.patch(one, body), 200
            else:
                answer, done = client.delete(one), 204
        if role == OUTSIDER:
            assert answer.status_code == 404, situation
            continue
        if action in policies.MOUNT_ACTIONS:
            published = client.get(one).json()["actions"][action.name]
            assert published["code"] == (denial and denial.code), situation
        if denial:
            assert (answer.status_code, answer.json()["code"]) == (STATUS_OF_DENIAL[denial.kind], denial.code), (
                situation
            )
        else:
            assert answer.status_code == done, situation
