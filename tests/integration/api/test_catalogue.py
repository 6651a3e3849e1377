"""Instance types and images through the API: offered to projects, changed by operators."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudia.accounts.models import AuditEntry, Project
from instances.models import InstanceType
from tests.factories import ImageFactory, InstanceFactory, InstanceTypeFactory, ProjectFactory
from tests.integration.api.conftest import BASE

pytestmark = pytest.mark.django_db
TYPES = f"{BASE}/instance-types/"


def test_operator_makes_changes_and_deletes_a_type(operator: APIClient, project: Project) -> None:
    made = operator.post(TYPES, {"name": "small", "vcpus": 1, "memory_mib": 1024, "project": str(project.pk)})
    path = f"{TYPES}{made.json()['id']}/"
    changed = operator.patch(path, {"memory_mib": 2048, "active": False})
    instance = InstanceFactory.create(instance_type=InstanceType.objects.get())

    assert made.status_code == 201, made.json()
    assert made.json()["project"] == {"id": str(project.pk), "name": "alpha"}
    assert (changed.json()["memory_mib"], changed.json()["active"]) == (2048, False)
    assert operator.delete(path).status_code == 204
    instance.refresh_from_db()
    assert (instance.instance_type, instance.vcpus) == (None, 2)
    actions = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == [f"instance_type.{verb}" for verb in ("create", "edit", "delete")]


def test_a_type_can_be_made_that_is_not_offered_yet(operator: APIClient) -> None:
    made = operator.post(TYPES, {"name": "small", "vcpus": 1, "memory_mib": 1024, "active": False}).json()

    assert (made["active"], InstanceType.objects.get().active) == (False, False)


def test_public_types_and_those_of_projects_are_told_apart(operator: APIClient, project: Project) -> None:
    for name, owner in (("everybody's", None), ("own", project)):
        InstanceTypeFactory.create(name=name, project=owner)

    for wanted, name in (("public", "everybody's"), ("project", "own")):
        rows = operator.get(TYPES, {"visibility": wanted}).json()["results"]
        assert [row["name"] for row in rows] == [name]
    assert operator.get(TYPES, {"visibility": "secret"}).status_code == 400


def test_type_name_that_is_taken_is_refused(operator: APIClient) -> None:
    InstanceTypeFactory.create(name="small")

    answer = operator.post(TYPES, {"name": "small", "vcpus": 1, "memory_mib": 1024})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    ("field", "value"),
    [("vcpus", 0), ("vcpus", 256), ("vcpus", 2**40), ("memory_mib", 2**40), ("name", "x" * 65), ("active", None)],
)
def test_bad_type_is_400(operator: APIClient, field: str, value: Any) -> None:
    kind = InstanceTypeFactory.create()

    answer = operator.patch(f"{TYPES}{kind.pk}/", {field: value})

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_members_can_not_change_types(manager: APIClient) -> None:
    kind = InstanceTypeFactory.create()
    path = f"{TYPES}{kind.pk}/"

    answers = [
        manager.post(TYPES, {"name": "x", "vcpus": 1, "memory_mib": 1024}),
        manager.patch(path, {"name": "x"}),
        manager.delete(path),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "permission_denied")}
    assert manager.get(path).json()["actions"]["delete"]["allowed"] is False


def test_public_and_own_types_and_images_are_offered(manager: APIClient, project: Project) -> None:
    for owner in (None, project, ProjectFactory.create()):
        InstanceTypeFactory.create(project=owner)
        ImageFactory.create(project=owner)

    for resource in ("instance-types", "images"):
        shown = manager.get(f"{BASE}/{resource}/").json()["results"]
        assert {row["project"] and row["project"]["name"] for row in shown} == {None, "alpha"}


def test_image_is_shown_with_what_it_needs(manager: APIClient) -> None:
    image = ImageFactory.create(name="Debian 12")

    shown = manager.get(f"{BASE}/images/{image.pk}/").json()

    assert (shown["name"], shown["os_type"], shown["minimum_gib"], shown["status"]) == (
        "Debian 12",
        "Debian",
        4,
        "available",
    )
