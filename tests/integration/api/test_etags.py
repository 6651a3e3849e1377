"""Nobody overwrites what somebody else has just edited."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from cloudia.accounts.models import AuditEntry, Project
from instances.enums import PowerState
from instances.models import Instance
from tests.factories import InstanceFactory, hold

pytestmark = pytest.mark.django_db


@pytest.fixture
def instance(project: Project) -> Instance:
    """Something to edit."""
    return InstanceFactory.create(project=project, name="before")


def path(instance: Instance) -> str:
    return f"/api/v1/instances/{instance.pk}/"


def test_edit_with_the_tag_that_was_read_is_done(manager: APIClient, instance: Instance) -> None:
    tag = manager.get(path(instance)).headers["ETag"]

    answer = manager.patch(path(instance), {"name": "after"}, HTTP_IF_MATCH=f'"other", {tag}')

    assert (answer.status_code, answer.json()["name"]) == (200, "after")
    assert answer.headers["ETag"] != tag


def test_edit_of_what_changed_meanwhile_is_412(manager: APIClient, instance: Instance) -> None:
    tag = manager.get(path(instance)).headers["ETag"]
    manager.patch(path(instance), {"name": "theirs"})

    answer = manager.patch(path(instance), {"name": "mine"}, HTTP_IF_MATCH=tag)

    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert Instance.objects.get().name == "theirs"


def test_tag_is_of_what_can_be_edited(manager: APIClient, instance: Instance) -> None:
    tag = manager.get(path(instance)).headers["ETag"]
    Instance.objects.update(power_state=PowerState.RUNNING)

    assert manager.get(path(instance)).headers["ETag"] == tag


@pytest.mark.parametrize("header", ["*", None])
def test_edit_without_a_tag_is_done(manager: APIClient, instance: Instance, header: str | None) -> None:
    headers = {"If-Match": header} if header else {}

    assert manager.patch(path(instance), {"name": "after"}, headers=headers).status_code == 200


def test_refused_edit_with_a_tag_leaves_its_audit_entry(manager: APIClient, instance: Instance) -> None:
    tag = manager.get(path(instance)).headers["ETag"]
    hold(instance)

    answer = manager.patch(path(instance), {"name": "after"}, HTTP_IF_MATCH=tag)

    assert (answer.status_code, answer.json()["code"]) == (409, "busy")
    assert AuditEntry.objects.get().code == "busy"
