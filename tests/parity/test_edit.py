"""What an instance can't become is refused in the same words at the same place: by service, page, API and admin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Role
from cloudia.accounts.models import Project, User
from cloudia.core.errors import InputError
from instances.edit_services import instance_edit
from instances.edits import SIZES, EditWish, InterfaceEdit, compute_of
from instances.enums import PowerState
from instances.models import Instance
from networking.services.interfaces import InterfaceWish
from tests.factories import MembershipFactory, OperatorFactory, ProjectFactory, SubnetFactory
from tests.integration.api.conftest import client_of
from tests.integration.pages.editing import address, make, nic, sent
from tests.parity.test_admin import NO_ROWS

pytestmark = pytest.mark.django_db

STOPPED, RUNNING = PowerState.STOPPED, PowerState.RUNNING
# What is asked of an instance of 2 vCPUs (at most 4) and 2 GiB (at most 4 GiB); the page says memory in GiB.
SIZE_CASES = [
    (RUNNING, {"vcpus": 1}),
    (RUNNING, {"vcpus": 5}),
    (RUNNING, {"memory_mib": 1024}),
    (RUNNING, {"memory_mib": 2176 + 64}),
    (RUNNING, {"memory_mib": 5120}),
    (STOPPED, {"vcpus": 0}),
    (STOPPED, {"max_vcpus": 1}),
    (STOPPED, {"vcpus": 9}),
    (STOPPED, {"max_memory_mib": 1024}),
]
PAGE_NAMES = {"memory_mib": "memory_0", "max_memory_mib": "max_memory_0"}
FORM_NAMES = {"memory_mib": "memory", "max_memory_mib": "max_memory"}


@pytest.fixture
def project() -> Project:
    return ProjectFactory.create()


@pytest.fixture
def manager(project: Project) -> User:
    return MembershipFactory.create(project=project, role=Role.MANAGER).user


def browser_of(user: User) -> Client:
    """Somebody's browser, in the language that nobody chose."""
    client = Client()
    client.force_login(user, backend="cloudia.accounts.backends.PeopleBackend")
    return client


def program_of(user: User) -> APIClient:
    """A program in the same language."""
    client = client_of(user)
    client.credentials(HTTP_AUTHORIZATION=client.defaults["HTTP_AUTHORIZATION"], HTTP_ACCEPT_LANGUAGE="ko")
    return client


def by_service(user: User, instance: Instance, wish: EditWish) -> dict[str, list[str]]:
    with pytest.raises(InputError) as refused:
        instance_edit(actor=Actor(user), instance=instance, wish=wish)
    return {field: [str(error.detail) for error in errors] for field, errors in refused.value.fields.items()}


def by_api(user: User, instance: Instance, body: dict[str, Any]) -> dict[str, list[str]]:
    answer = program_of(user).patch(f"/api/v1/instances/{instance.pk}/", body)
    assert answer.status_code == 400
    return {field: [error["detail"] for error in errors] for field, errors in answer.json()["fields"].items()}


@pytest.mark.parametrize(("state", "change"), SIZE_CASES, ids=str)
def test_sizes_are_refused_alike(project: Project, manager: User, state: PowerState, change: dict[str, Any]) -> None:
    instance = make(project, SubnetFactory.create(project=project), state)
    said = by_service(manager, instance, EditWish(compute=replace(compute_of(instance), **change)))
    ((field, value),) = change.items()

    if value:  # zero is refused by the form of the API itself
        assert by_api(manager, instance, change) == said

    page = {PAGE_NAMES.get(field, field): str(value / 1024 if "memory" in field else value)}
    browser = browser_of(manager)
    answer = browser.post(address(instance), sent(browser, instance, **page))
    assert answer.status_code == 422
    found = {name: list(errors) for name, errors in answer.context["form"].errors.items()}
    assert found == {FORM_NAMES.get(name, name): words for name, words in said.items()}

    desk = browser_of(OperatorFactory.create())
    sizes = {name: getattr(instance, name) for name in SIZES} | change
    url = reverse("admin:instances_instance_change", args=[instance.pk])
    answer = desk.post(url, {"name": "web", "description": "", **sizes, **NO_ROWS})
    found = {name: list(errors) for name, errors in answer.context["adminform"].form.errors.items()}
    assert set(found) <= set(SIZES)  # a maximum is a field there, too, and may be where it is said
    assert found

    assert not Instance.objects.exclude(current_job=None).exists()


@pytest.mark.parametrize("state", [STOPPED, RUNNING])
def test_the_first_interface_is_kept_alike(project: Project, manager: User, state: PowerState) -> None:
    instance = make(project, SubnetFactory.create(project=project), state)
    first, second = instance.interfaces.order_by("position")
    wish = EditWish(interfaces=(InterfaceEdit(link=second, wish=InterfaceWish(subnet=second.interface.subnet)),))
    said = by_service(manager, instance, wish)
    assert list(said) == ["interfaces"]
    assert by_api(manager, instance, {"interfaces": [{"id": str(second.interface_id)}]}) == said
    browser = browser_of(manager)
    page = browser.get(address(instance)).content.decode()
    assert f'name="{nic(instance, 0)}-remove"' not in page
    assert said["interfaces"][0] in page
    assert first in instance.interfaces.all()
