"""Images, volumes, file systems: list, dialogs, API, admin and services give the policy's answer to edit and delete."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project, User
from cloudia.api.errors import STATUS_OF_DENIAL
from cloudia.core.policy import Action
from cloudia.ui.htmx import STATUS
from storage import policies
from storage.enums import ImageStatus, VolumeStatus
from storage.models import FileSystem, Image, Volume
from storage.services import filesystems, images, volumes
from tests.factories import DataDiskFactory, FileSystemFactory, ImageFactory, MountFactory, VolumeFactory, hold
from tests.integration.api.conftest import client_of
from tests.parity.test_disks import refusal
from tests.parity.test_pages import PEOPLE, browser_of
from tests.parity.world import INSTALLATION, ROLES, World, undone

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Asked:
    """A kind of row, what is asked of it, and by which words."""

    model: Any
    actions: tuple[Action, Action]
    services: Mapping[str, Callable[..., Any]]
    codes: frozenset[str | None]  # all that refuse one of the actions
    more: Mapping[str, str] = field(default_factory=dict)  # what the edit dialog wants beside the name

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """As addresses and services call it."""
        return str(self.model._meta.model_name)


COMMON = frozenset({None, "permission_denied", "in_use"})
ALL_KINDS = [
    Asked(
        Image,
        (policies.EDIT_IMAGE, policies.DELETE_IMAGE),
        {"edit": images.image_edit, "delete": images.image_delete},
        COMMON | {"bad_state", "busy"},
        {"os_type": "Debian", "os_version": "12"},
    ),
    Asked(
        Volume,
        (policies.EDIT_VOLUME, policies.DELETE_VOLUME),
        {"edit": volumes.volume_edit, "delete": volumes.volume_delete},
        COMMON | {"bad_state", "busy"},
    ),
    Asked(
        FileSystem,
        (policies.EDIT_FILESYSTEM, policies.DELETE_FILESYSTEM),
        {"edit": filesystems.filesystem_edit, "delete": filesystems.filesystem_delete},
        COMMON | {"busy"},
    ),
]
KINDS = pytest.mark.parametrize("asked", ALL_KINDS, ids=str)


def images_of(project: Project, world: World) -> Iterator[Any]:
    yield ImageFactory.create(project=None)
    yield from (ImageFactory.create(project=project, status=status) for status in ImageStatus)
    yield next(iter(world.instances.values())).image
    busy = ImageFactory.create(project=project)
    hold(busy, "image.delete")
    yield busy


def volumes_of(project: Project, world: World) -> Iterator[Any]:
    yield from (VolumeFactory.create(project=project, status=status) for status in VolumeStatus)
    yield DataDiskFactory.create(instance=next(iter(world.instances.values()))).volume
    busy = VolumeFactory.create(project=project)
    hold(busy, "volume.delete")
    yield busy


def filesystems_of(project: Project, world: World) -> Iterator[Any]:
    shared = {"kind": "virtiofs", "export": ""}
    yield FileSystemFactory.create(project=project)
    yield FileSystemFactory.create(project=project, path="/srv/shares/a", **shared)
    for values in ({}, {"path": "/srv/shares/b", **shared}):
        used = FileSystemFactory.create(project=project, **values)
        MountFactory.create(instance=next(iter(world.instances.values())), filesystem=used)
        yield used
    busy = FileSystemFactory.create(project=project, path="/srv/shares/c", **shared)
    hold(busy, "filesystem.create")
    yield busy


MAKERS: dict[Any, Callable[[Project, World], Iterator[Any]]] = {
    Image: images_of,
    Volume: volumes_of,
    FileSystem: filesystems_of,
}


@pytest.fixture(scope="module")
def rows(world: World, django_db_blocker: DjangoDbBlocker) -> Mapping[Any, list[Any]]:
    """Of every kind one in each situation that a rule tells apart."""
    with django_db_blocker.unblock():
        made = {model: [row.pk for row in maker(world.project, world)] for model, maker in MAKERS.items()}
        return {model: [model.objects.for_display().get(pk=pk) for pk in pks] for model, pks in made.items()}


@KINDS
def test_every_answer_there_is_comes_up(asked: Asked, rows: Mapping[Any, list[Any]], people: dict[str, User]) -> None:
    found = [
        action.denial(row, Actor(person))
        for action in asked.actions
        for person in people.values()
        for row in rows[asked.model]
    ]
    assert {denial and denial.code for denial in found} == asked.codes


@pytest.mark.parametrize("role", ROLES)
@KINDS
def test_service_does_what_the_policy_says(
    asked: Asked, rows: Mapping[Any, list[Any]], people: dict[str, User], role: str
) -> None:
    actor = Actor(people[role])
    for row in rows[asked.model]:
        for action in asked.actions:
            changes = {"name": "renamed"} if action.name == "edit" else {}
            ask = partial(asked.services[action.name], actor=actor, **{asked.name: row}, **changes)
            assert refusal(ask) == action.denial(row, actor), row


@pytest.mark.parametrize("role", PEOPLE)
@KINDS
def test_list_says_and_dialog_does_what_the_policy_says(
    asked: Asked, rows: Mapping[Any, list[Any]], people: dict[str, User], role: str
) -> None:
    browser, actor = browser_of(people[role]), Actor(people[role])
    for row in rows[asked.model]:
        page = browser.get(reverse(f"{asked.name}-row", args=[row.pk]), headers={"HX-Request": "true"})
        if not asked.model.objects.visible_to(actor).filter(pk=row.pk).exists():
            assert page.status_code == 404, row
            continue
        (shown,) = re.findall(r'data-actions="([^"]*)"', page.content.decode())
        for action in asked.actions:
            denial = action.denial(row, actor)
            assert json.loads(unescape(shown))[action.name].get("reason") == (denial and denial.message), row
            data = {"name": "renamed", "confirm_name": row.name, **asked.more}
            url = reverse(f"{asked.name}-{action.name}", args=[row.pk])
            with undone():
                answer = browser.post(url, data, headers={"HX-Request": "true"})
            assert answer.status_code == (STATUS[denial.kind] if denial else 204), (row, action)
            notice = json.loads(answer.headers["HX-Trigger"])["toast"]
            assert denial is None or notice["text"] == denial.message, row


@pytest.mark.parametrize("role", ROLES)
@KINDS
def test_api_does_what_it_publishes(
    asked: Asked, rows: Mapping[Any, list[Any]], people: dict[str, User], role: str
) -> None:
    client, actor = client_of(people[role]), Actor(people[role])
    for row in rows[asked.model]:
        url = f"/api/v1/{asked.name}s/{row.pk}/"
        answer = client.get(url)
        if not asked.model.objects.visible_to(actor).filter(pk=row.pk).exists():
            assert answer.status_code == 404, row
            continue
        for action in asked.actions:
            denial = action.denial(row, actor)
            assert answer.json()["actions"][action.name]["code"] == (denial and denial.code), row
            with undone():
                done = client.patch(url, {"name": "renamed"}) if action.name == "edit" else client.delete(url)
            if denial:
                assert (done.status_code, done.json()["code"]) == (STATUS_OF_DENIAL[denial.kind], denial.code), row
            else:
                assert done.status_code in (200, 202, 204), row


@KINDS
def test_operators_menu_deletes_when_the_policy_says_so(
    asked: Asked, rows: Mapping[Any, list[Any]], people: dict[str, User]
) -> None:
    desk, actor = browser_of(people[INSTALLATION]), Actor(people[INSTALLATION])
    for row in rows[asked.model]:
        denial = asked.actions[1].denial(row, actor)
        data = {"action": "delete", "_selected_action": str(row.pk), "confirmed": "yes"}
        with undone():
            answer = desk.post(reverse(f"admin:storage_{asked.name}_changelist"), data)
            *_unread, message = get_messages(answer.wsgi_request)
        assert message.level_tag == ("error" if denial else "success"), row
        assert denial is None or str(message) == f"{row}: {denial.message}", row
