"""Interfaces: buttons of the tab, their dialogs, the API and the services give the policy's answer, whoever asks and
however the instance and the interface stand."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any, NamedTuple

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import User
from cloudia.api.errors import STATUS_OF_DENIAL
from cloudia.core.policy import Action, ActionDenied, Denial
from cloudia.ui.htmx import STATUS
from instances import interface_services as services
from instances import policies
from instances.models import Instance, InstanceInterface
from instances.selectors import instances_visible_to
from instances.views.interfaces import DIALOGS
from networking.models import Subnet
from networking.services.interfaces import InterfaceWish
from tests.factories import ExternalNetworkFactory, FloatingIPFactory, InterfaceFactory, SubnetFactory
from tests.integration.api.conftest import client_of
from tests.parity.test_pages import PEOPLE, browser_of
from tests.parity.world import OUTSIDER, ROLES, Situation, World, undone

pytestmark = pytest.mark.django_db

ACTIONS = [policies.ADD_INTERFACE, *policies.INTERFACE_ACTIONS]
ALL = pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)


class Case(NamedTuple):
    """How an instance stands, and which of its interfaces it is about."""

    situation: Situation
    which: str

    def __str__(self) -> str:
        return f"{self.situation} {self.which}"


class Wires(NamedTuple):
    """Every case's interface, and a subnet to go to."""

    links: Mapping[Case, InstanceInterface]
    target: Subnet

    def subject(self, action: Action, link: InstanceInterface) -> Any:
        """What the policy is asked about: the instance that gets an interface, or the interface."""
        return link.instance if action is policies.ADD_INTERFACE else link

    def one_per_answer(self, action: Action, actor: Actor) -> Mapping[str | None, tuple[Case, InstanceInterface]]:
        """A case for every answer there is; see :meth:`World.one_per_answer`."""
        found = {}
        for case, link in self.links.items():
            denial = action.denial(self.subject(action, link), actor)
            found[denial.code if denial else None] = (case, link)
        return found


@pytest.fixture(scope="module")
def wires(world: World, django_db_blocker: DjangoDbBlocker) -> Wires:
    """Each instance of the world with a primary interface, a secondary one, and one with a floating IP."""
    with django_db_blocker.unblock():
        subnet = SubnetFactory.create(project=world.project, cidr="10.0.0.0/22")
        target = SubnetFactory.create(project=world.project, vpc=subnet.vpc, cidr="10.0.8.0/22")
        outside, links = ExternalNetworkFactory.create(), {}
        for number, (situation, instance) in enumerate(world.instances.items()):
            for position, which in enumerate(("primary", "secondary", "floating")):
                made = InterfaceFactory.create(instance=instance, subnet=subnet, position=position)
                links[Case(situation, which)] = InstanceInterface.objects.select_related(
                    "instance__host", "instance__current_job", "interface__subnet"
                ).get(pk=made.pk)
            address = f"198.51.100.{number + 2}"
            FloatingIPFactory.create(
                project=world.project, external_network=outside, address=address, interface=made.interface
            )
        return Wires(links, target)


def requests_of(wires: Wires, actor: Actor, link: InstanceInterface) -> Mapping[str, Callable[[], object]]:
    """What somebody asks of the services, by action."""
    same, moved = InterfaceWish(subnet=link.interface.subnet), InterfaceWish(subnet=wires.target)
    return {
        "add_interface": lambda: services.interface_add(actor=actor, instance=link.instance, wish=moved),
        "guard": lambda: services.interface_edit(actor=actor, link=link, wish=same),
        "move": lambda: services.interface_edit(actor=actor, link=link, wish=moved),
        "remove": lambda: services.interface_remove(actor=actor, link=link),
    }


def refusal(ask: Callable[[], object]) -> Denial | None:
    """Why the service refuses, if it does."""
    with undone():
        try:
            ask()
        except ActionDenied as error:
            return error.denial
    return None


def test_every_answer_there_is_comes_up(wires: Wires, people: dict[str, User]) -> None:
    """The matrices below compare something: no code is missing, and no action is always refused."""
    answers = Counter(
        (action.name, code)
        for action in ACTIONS
        for person in people.values()
        for code in wires.one_per_answer(action, Actor(person))
    )
    common = {None, "permission_denied", "busy", "managed"}
    codes = {"add_interface": {"bad_state", "host_unreachable"}, "move": {"bad_state"}, "guard": set[str]()}
    codes["remove"] = {"bad_state", "host_unreachable", "primary_interface", "in_use"}
    assert set(answers) == {(name, code) for name, more in codes.items() for code in common | more}


@pytest.mark.parametrize("role", ROLES)
@ALL
def test_service_does_what_the_policy_says(wires: Wires, people: dict[str, User], action: Action, role: str) -> None:
    actor = Actor(people[role])
    for case, link in wires.links.items():
        if case.which != "primary" and action is not policies.REMOVE_INTERFACE:
            continue  # which interface it is matters to nothing else
        denial = action.denial(wires.subject(action, link), actor)
        assert refusal(requests_of(wires, actor, link)[action.name]) == denial, case


@pytest.mark.parametrize("role", PEOPLE)
def test_tab_says_what_the_policy_says(wires: Wires, people: dict[str, User], role: str) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    for case, link in wires.links.items():
        if case.which != "primary" or case.situation.reachable is False:
            continue  # the tab has all three; whether the host answers is no matter to interfaces
        answer = browser.get(reverse("instance-interfaces", args=[link.instance_id]), headers={"HX-Request": "true"})
        if role == OUTSIDER:
            assert answer.status_code == 404
            continue
        shown = shut_buttons(answer.content.decode())
        instance = instances_visible_to(actor).get(pk=link.instance_id)
        assert shown == expected_buttons(instance, actor), case


def shut_buttons(page: str) -> dict[str, str]:
    """Reasons by the id of the button."""
    found = re.findall(r'class="why[^"]*" id="why-([^"]+)">(.*?)(?:<a|</span>)', page, re.DOTALL)
    return {name: unescape(reason).strip() for name, reason in found}


def expected_buttons(instance: Instance, actor: Actor) -> dict[str, str]:
    """The same, by the policy."""
    found = {}
    if denial := policies.ADD_INTERFACE.denial(instance, actor):
        found["add_interface"] = str(denial.message)
    for link in instance.interfaces.all():
        for action in policies.INTERFACE_ACTIONS:
            if denial := action.denial(link, actor):
                found[f"{action.name}-{link.interface_id}"] = f"{action.label}: {denial.message}"
    return found


@pytest.mark.parametrize("role", PEOPLE)
@ALL
def test_dialog_does_what_the_button_says(wires: Wires, people: dict[str, User], action: Action, role: str) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    for case, link in wires.one_per_answer(action, actor).values():
        denial = action.denial(wires.subject(action, link), actor)
        with undone():
            status, notice = said(browser, action, link, wires.target)
        if role == OUTSIDER:
            assert status == 404, case
        elif denial:
            assert (status, notice["text"]) == (STATUS[denial.kind], denial.message), case
        else:
            assert (status, "tone" in notice and notice["tone"] == "ok") == (204, True), case


def said(browser: Client, action: Action, link: InstanceInterface, target: Subnet) -> tuple[int, dict[str, str]]:
    """What the browser is told after a yes."""
    pk, nic = link.instance_id, link.interface_id
    urls = {name: reverse("interface-action", args=[pk, nic, name]) for name in DIALOGS}
    urls["add_interface"] = reverse("interface-add", args=[pk])
    data = {"subnet": str(target.pk), "assignment": "auto"}
    answer = browser.post(urls[action.name], data, headers={"HX-Request": "true"})
    notice: dict[str, str] = json.loads(answer.headers.get("HX-Trigger", "{}")).get("toast", {})
    return answer.status_code, notice


@pytest.mark.parametrize("role", ROLES)
def test_api_publishes_what_the_policy_says(wires: Wires, people: dict[str, User], role: str) -> None:
    client, actor = client_of(people[role]), Actor(people[role])
    for action in policies.INTERFACE_ACTIONS:
        for case, link in wires.one_per_answer(action, actor).values():
            answer = client.get(f"/api/v1/interfaces/{link.interface_id}/")
            if role == OUTSIDER:
                assert answer.status_code == 404, case
                continue
            denials = {action.name: action.denial(link, actor) for action in policies.INTERFACE_ACTIONS}
            expected = {name: denial.code if denial else None for name, denial in denials.items()}
            assert {name: verdict["code"] for name, verdict in answer.json()["actions"].items()} == expected, case


@pytest.mark.parametrize("role", ROLES)
@ALL
def test_api_does_what_it_publishes(wires: Wires, people: dict[str, User], action: Action, role: str) -> None:
    client, actor = client_of(people[role]), Actor(people[role])
    for case, link in wires.one_per_answer(action, actor).values():
        denial = action.denial(wires.subject(action, link), actor)
        with undone():
            answer = written(client, action, link, wires.target)
        if role == OUTSIDER:
            assert answer.status_code == (400 if action is policies.ADD_INTERFACE else 404), case
        elif denial:
            assert (answer.status_code, answer.json()["code"]) == (STATUS_OF_DENIAL[denial.kind], denial.code), case
        else:
            assert answer.status_code == DONE[action.name], case


DONE = {"add_interface": 201, "guard": 200, "move": 200, "remove": 204}


def written(client: Any, action: Action, link: InstanceInterface, target: Subnet) -> Any:
    """What the API answers to the request that stands for an action."""
    one = f"/api/v1/interfaces/{link.interface_id}/"
    new = {"instance": str(link.instance_id), "subnet": str(target.pk), "security_groups": []}
    asks: dict[str, Callable[[], Any]] = {
        "add_interface": lambda: client.post("/api/v1/interfaces/", new),
        "guard": lambda: client.patch(one, {"security_groups": []}),
        "move": lambda: client.patch(one, {"subnet": str(target.pk)}),
        "remove": lambda: client.delete(one),
    }
    return asks[action.name]()
