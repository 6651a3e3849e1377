"""Launch templates: list, dialogs, create page, API, admin and services give the policy's answer to everybody."""

from __future__ import annotations

import json
import re
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
from instances import services
from instances import template_services as templates
from instances.launch_templates import LaunchTemplate
from instances.policies import CREATE_TEMPLATE, DELETE_TEMPLATE, EDIT_TEMPLATE, LAUNCH, TEMPLATE_ACTIONS
from instances.wishes import Compute, InstanceWish
from networking.models import Subnet
from networking.services.interfaces import InterfaceWish
from storage.models import Image
from tests.factories import LaunchTemplateFactory
from tests.integration.api.conftest import client_of
from tests.parity.test_disks import refusal
from tests.parity.test_pages import PEOPLE, browser_of
from tests.parity.world import INSTALLATION, OUTSIDER, ROLES, World, undone

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def template(world: World, django_db_blocker: DjangoDbBlocker) -> LaunchTemplate:
    """One of the project."""
    with django_db_blocker.unblock():
        row: LaunchTemplate = LaunchTemplateFactory.create(project=world.project)
        return row


def wish_of(template: LaunchTemplate, **values: Any) -> InstanceWish:
    """What it keeps, as services take it."""
    subnet = Subnet.objects.get(pk=template.content["interfaces"][0]["subnet"])
    nic = InterfaceWish(subnet=subnet, address="", security_groups=())
    image = Image.objects.get(pk=template.content["image"])
    return InstanceWish(name="new", image=image, compute=Compute.by_hand(1, 64), interfaces=(nic,), **values)


def form_of(template: LaunchTemplate) -> dict[str, str]:
    """What it keeps, as the create page sends it."""
    values = {"name": "new", "image": template.content["image"], "mode": "direct", "vcpus": "1", "username": "cloudia"}
    values |= {"memory_0": "64", "memory_1": "1", "interfaces-TOTAL_FORMS": "1", "interfaces-INITIAL_FORMS": "1"}
    values |= {"interfaces-0-subnet": template.content["interfaces"][0]["subnet"], "interfaces-0-assignment": "auto"}
    lists = ("new_volumes", "filesystems", "scripts")
    counts = {f"{rows}-{count}_FORMS": "0" for rows in lists for count in ("TOTAL", "INITIAL")}
    return {**values, **counts, "template-name": "new"}


def test_managers_alone_change_templates(template: LaunchTemplate, people: dict[str, User]) -> None:
    for role, person in people.items():
        found = {action.denial(template, Actor(person)) for action in (CREATE_TEMPLATE, *TEMPLATE_ACTIONS)}
        may = role in {"manager", INSTALLATION} or role.startswith("service")
        assert {denial and denial.code for denial in found} == {None if may else "permission_denied"}, role


@pytest.mark.parametrize("role", ROLES)
def test_service_does_what_the_policy_says(template: LaunchTemplate, people: dict[str, User], role: str) -> None:
    actor, project = Actor(people[role]), template.project
    wish = wish_of(template, launch_template=template)
    asked: dict[Any, Any] = {
        LAUNCH: partial(services.instance_create, project=project, wish=wish),
        EDIT_TEMPLATE: partial(templates.launch_template_edit, template=template, name="renamed"),
        DELETE_TEMPLATE: partial(templates.launch_template_delete, template=template),
        CREATE_TEMPLATE: partial(templates.launch_template_create, project=project, name="new", wish=wish_of(template)),
    }
    assert set(asked) == {*TEMPLATE_ACTIONS, CREATE_TEMPLATE}
    for action, service in asked.items():
        assert refusal(partial(service, actor=actor)) == action.denial(template, actor), action.name


@pytest.mark.parametrize("role", PEOPLE)
def test_list_says_and_pages_do_what_the_policy_says(
    template: LaunchTemplate, people: dict[str, User], role: str
) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    row = browser.get(reverse("template-row", args=[template.pk]), headers=HTMX)
    if role == OUTSIDER:
        assert row.status_code == 404
        return
    browser.get("/", {"project": str(template.project_id)})
    (shown,) = re.findall(r'data-actions="([^"]*)"', row.content.decode())
    addresses = {
        LAUNCH: f"{reverse('instance-create')}?template={template.pk}",
        EDIT_TEMPLATE: reverse("template-edit", args=[template.pk]),
        DELETE_TEMPLATE: reverse("template-delete", args=[template.pk]),
        CREATE_TEMPLATE: reverse("template-create"),
    }
    for action, url in addresses.items():
        denial = action.denial(template, actor)
        if action is not CREATE_TEMPLATE:
            assert json.loads(unescape(shown))[action.name].get("reason") == (denial and denial.message)
        with undone():
            answer = browser.post(url, form_of(template), headers={} if action is LAUNCH else HTMX)
        if action is LAUNCH:
            assert answer.status_code == (403 if denial else 302)
        else:
            assert answer.status_code == (STATUS[denial.kind] if denial else 204), action.name
            notice = json.loads(answer.headers["HX-Trigger"])["toast"]
            assert denial is None or notice["text"] == denial.message


@pytest.mark.parametrize("role", ROLES)
def test_api_does_what_it_publishes(template: LaunchTemplate, people: dict[str, User], role: str) -> None:
    client, actor = client_of(people[role]), Actor(people[role])
    url, body = f"/api/v1/launch-templates/{template.pk}/", {"name": "new", "project": str(template.project_id)}
    answer = client.get(url)
    if role == OUTSIDER:
        assert answer.status_code == 404
        return
    requests = {
        LAUNCH: partial(client.post, "/api/v1/instances/", {"name": "new", "launch_template": str(template.pk)}),
        EDIT_TEMPLATE: partial(client.patch, url, {"name": "renamed"}),
        DELETE_TEMPLATE: partial(client.delete, url),
        CREATE_TEMPLATE: partial(client.post, "/api/v1/launch-templates/", {**body, "content": template.content}),
    }
    for action, send in requests.items():
        denial = action.denial(template, actor)
        if action is not CREATE_TEMPLATE:
            assert answer.json()["actions"][action.name]["code"] == (denial and denial.code)
        with undone():
            done = send()
        if denial:
            assert (done.status_code, done.json()["code"]) == (STATUS_OF_DENIAL[denial.kind], denial.code)
        else:
            assert done.status_code in (200, 201, 202, 204), done.json()


def test_operators_menu_deletes(template: LaunchTemplate, people: dict[str, User]) -> None:
    data = {"action": "delete", "_selected_action": str(template.pk), "confirmed": "yes"}
    with undone():
        answer = browser_of(people[INSTALLATION]).post(reverse("admin:instances_launchtemplate_changelist"), data)
        *_unread, message = get_messages(answer.wsgi_request)
        assert (message.level_tag, LaunchTemplate.objects.filter(pk=template.pk).exists()) == ("success", False)
