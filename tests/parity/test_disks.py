"""Disks: buttons of the tab, their dialogs, the API and the services give the policy's answer, whoever asks and however
the instance and the volume stand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from html import unescape
from typing import Any, NamedTuple

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Origin
from cloudia.accounts.models import User
from cloudia.api.errors import STATUS_OF_DENIAL
from cloudia.core.policy import Action, ActionDenied, Denial
from cloudia.ui.htmx import STATUS
from instances import disk_policies as policies
from instances import disk_services as services
from instances.enums import PowerState
from instances.models import Instance
from storage.enums import VolumeStatus
from storage.models import Volume
from storage.policies import DELETE_VOLUME, VOLUME_ACTIONS
from tests.factories import DataDiskFactory, VolumeFactory
from tests.integration.api.conftest import client_of
from tests.parity.test_pages import PEOPLE, browser_of
from tests.parity.world import INSTALLATION, OUTSIDER, ROLES, Situation, World, undone

pytestmark = pytest.mark.django_db

ON_VOLUMES = [policies.ATTACH, policies.DETACH, policies.RESIZE]
ALL_ACTIONS = [policies.ADD_DISK, *ON_VOLUMES]
ALL = pytest.mark.parametrize("action", ALL_ACTIONS, ids=lambda action: action.name)


class Case(NamedTuple):
    """How an instance stands, and which of its volumes it is about."""

    situation: Situation
    which: str

    def __str__(self) -> str:
        return f"{self.situation} {self.which}"


class Disks(NamedTuple):
    """Every case's volume, an instance that takes volumes, and a volume that can be taken."""

    volumes: Mapping[Case, Volume]
    ready: Instance
    free: Volume

    def subject(self, action: Action, volume: Volume) -> Any:
        """What the policy is asked about: the instance that gets a disk, or the volume."""
        return volume.attachment.instance if action is policies.ADD_DISK else volume

    def cases(self, action: Action) -> Mapping[Case, Volume]:
        """Which are about ``action``: a free volume is asked of no instance."""
        return {
            case: volume
            for case, volume in self.volumes.items()
            if action is not policies.ADD_DISK or case.which == "data"
        }

    def one_per_answer(self, action: Action, actor: Actor) -> list[tuple[Case, Volume]]:
        """A case for every answer there is; see :meth:`World.one_per_answer`."""
        found = {}
        for case, volume in self.cases(action).items():
            denial = action.denial(self.subject(action, volume), actor)
            found[denial.code if denial else None] = (case, volume)
        return list(found.values())


@pytest.fixture(scope="module")
def disks(world: World, django_db_blocker: DjangoDbBlocker) -> Disks:
    """Each instance of the world with a boot disk and a data volume, and volumes that nothing has."""
    with django_db_blocker.unblock():
        made = {}
        for situation, instance in world.instances.items():
            for position, which in enumerate(("boot", "data")):
                disk = DataDiskFactory.create(instance=instance, position=position, is_boot=which == "boot")
                made[Case(situation, which)] = disk.volume
        usual = Situation(PowerState.STOPPED, busy=False, origin=Origin.MANUAL, reachable=True)
        domain = world.instances[usual].image.storage_domain
        for status in VolumeStatus:
            volume = VolumeFactory.create(project=world.project, storage_domain=domain, status=status)
            made[Case(usual, status)] = volume
        found = {case: Volume.objects.for_display().get(pk=volume.pk) for case, volume in made.items()}
        return Disks(found, world.instances[usual], found[Case(usual, "available")])


def requests_of(disks: Disks, actor: Actor, volume: Volume) -> Mapping[str, Callable[[], object]]:
    """What somebody asks of the services, by action."""
    attach = partial(services.disk_attach, actor=actor)
    return {
        "add_disk": lambda: attach(instance=volume.attachment.instance, volume=disks.free),
        "attach": lambda: attach(instance=disks.ready, volume=volume),
        "detach": lambda: services.disk_detach(actor=actor, volume=volume),
        "resize": lambda: services.volume_resize(actor=actor, volume=volume, size_gib=20),
    }


def refusal(ask: Callable[[], object]) -> Denial | None:
    """Why the service refuses, if it does."""
    with undone():
        try:
            ask()
        except ActionDenied as error:
            return error.denial
    return None


def test_every_answer_there_is_comes_up(disks: Disks, people: dict[str, User]) -> None:
    """The matrices below compare something: no code is missing, and no action is always refused."""
    answers = {
        (action.name, (denial := action.denial(disks.subject(action, volume), Actor(person))) and denial.code)
        for action in ALL_ACTIONS
        for person in people.values()
        for _case, volume in disks.one_per_answer(action, Actor(person))
    }
    common = {None, "permission_denied", "bad_state"}
    of_instance = {"busy", "managed", "host_unreachable"}
    codes = {"add_disk": of_instance, "resize": of_instance, "attach": {"in_use"}}
    expected = {(name, code) for name, more in codes.items() for code in common | more}
    detach = {None, "permission_denied", "bad_state", "boot_disk", "not_attached", *of_instance}
    assert answers == expected | {("detach", code) for code in detach}


@pytest.mark.parametrize("role", ROLES)
@ALL
def test_service_does_what_the_policy_says(disks: Disks, people: dict[str, User], action: Action, role: str) -> None:
    actor = Actor(people[role])
    for case, volume in disks.cases(action).items():
        denial = action.denial(disks.subject(action, volume), actor)
        assert refusal(requests_of(disks, actor, volume)[action.name]) == denial, case


@pytest.mark.parametrize("role", PEOPLE)
def test_tab_says_what_the_policy_says(disks: Disks, people: dict[str, User], role: str) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    for case, volume in disks.cases(policies.ADD_DISK).items():
        instance = disks.subject(policies.ADD_DISK, volume)
        answer = browser.get(reverse("instance-disks", args=[instance.pk]), headers={"HX-Request": "true"})
        if role == OUTSIDER:
            assert answer.status_code == 404
            continue
        assert shut_buttons(answer.content.decode()) == expected_buttons(instance, actor), case


def shut_buttons(page: str) -> dict[str, str]:
    """Reasons by the id of the button."""
    found = re.findall(r'class="why[^"]*" id="why-([^"]+)">(.*?)(?:<a|</span>)', page, re.DOTALL)
    return {name: unescape(reason).strip() for name, reason in found}


def expected_buttons(instance: Instance, actor: Actor) -> dict[str, str]:
    """The same, by the policy."""
    found = {}
    if denial := policies.ADD_DISK.denial(instance, actor):
        found["add_disk"] = str(denial.message)
    for volume in Volume.objects.for_display().filter(attachment__instance=instance):
        for action in (policies.DETACH, policies.RESIZE):
            if denial := action.denial(volume, actor):
                found[f"{action.name}-{volume.pk}"] = f"{action.label}: {denial.message}"
    return found


@pytest.mark.parametrize("role", PEOPLE)
@ALL
def test_dialog_does_what_the_button_says(disks: Disks, people: dict[str, User], action: Action, role: str) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    for case, volume in disks.one_per_answer(action, actor):
        denial = action.denial(disks.subject(action, volume), actor)
        with undone():
            status, notice = said(browser, action, disks, volume)
        if role == OUTSIDER:
            assert status == 404, case
        elif denial:
            assert (status, notice["text"]) == (STATUS[denial.kind], denial.message), case
        else:
            assert (status, notice.get("tone")) == (204, "busy"), case


def said(browser: Client, action: Action, disks: Disks, volume: Volume) -> tuple[int, dict[str, str]]:
    """What the browser is told after a yes."""
    url = reverse(f"volume-{action.name}", args=[volume.pk]) if action is not policies.ADD_DISK else ""
    url = url or reverse("disk-add", args=[disks.subject(action, volume).pk])
    data = {"instance": str(disks.ready.pk), "volume": str(disks.free.pk), "how": "existing", "size_gib": "20"}
    answer = browser.post(url, data, headers={"HX-Request": "true"})
    notice: dict[str, str] = json.loads(answer.headers.get("HX-Trigger", "{}")).get("toast", {})
    return answer.status_code, notice


@pytest.mark.parametrize("role", ROLES)
def test_api_publishes_what_the_policy_says(disks: Disks, people: dict[str, User], role: str) -> None:
    client, actor = client_of(people[role]), Actor(people[role])
    for action in VOLUME_ACTIONS:
        for case, volume in disks.one_per_answer(action, actor):
            answer = client.get(f"/api/v1/volumes/{volume.pk}/")
            if role == OUTSIDER:
                assert answer.status_code == 404, case
                continue
            denials = {action.name: action.denial(volume, actor) for action in VOLUME_ACTIONS}
            expected = {name: denial and denial.code for name, denial in denials.items()}
            assert {name: verdict["code"] for name, verdict in answer.json()["actions"].items()} == expected, case


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ON_VOLUMES, ids=lambda action: action.name)
def test_api_does_what_it_publishes(disks: Disks, people: dict[str, User], action: Action, role: str) -> None:
    client, actor = client_of(people[role]), Actor(people[role])
    bodies = {"attach": {"instance": str(disks.ready.pk)}, "detach": {}, "resize": {"size_gib": 20}}
    for case, volume in disks.one_per_answer(action, actor):
        denial = action.denial(volume, actor)
        with undone():
            answer = client.post(f"/api/v1/volumes/{volume.pk}/{action.name}/", bodies[action.name])
        if role == OUTSIDER:
            assert answer.status_code == 404, case
        elif denial:
            assert (answer.status_code, answer.json()["code"]) == (STATUS_OF_DENIAL[denial.kind], denial.code), case
        else:
            assert answer.status_code == 202, case


def test_operators_menu_deletes_when_the_policy_says_so(disks: Disks, people: dict[str, User]) -> None:
    desk, actor = browser_of(people[INSTALLATION]), Actor(people[INSTALLATION])
    for case, volume in disks.one_per_answer(DELETE_VOLUME, actor):
        denial = DELETE_VOLUME.denial(volume, actor)
        data = {"action": "delete", "_selected_action": str(volume.pk), "confirmed": "yes"}
        with undone():
            answer = desk.post(reverse("admin:storage_volume_changelist"), data)
            *_unread, message = get_messages(answer.wsgi_request)
        assert message.level_tag == ("error" if denial else "success"), case
        assert denial is None or str(message) == f"{volume}: {denial.message}", case
