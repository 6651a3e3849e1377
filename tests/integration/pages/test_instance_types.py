"""인스턴스 타입: what people see of them, and what operators do with them."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from cloudia.accounts.models import Project
from instances.models import InstanceType
from tests.factories import InstanceFactory, InstanceTypeFactory, ProjectFactory
from tests.integration.pages.conftest import HTMX

pytestmark = pytest.mark.django_db
LIST = "/instance-types/"
FORM = {"name": "small", "vcpus": "2", "memory_mib_0": "4", "memory_mib_1": "1024", "description": "for most"}


def names(page: str) -> list[str]:
    return re.findall(r'data-name="([^"]*)"', page)


def test_a_project_sees_public_types_and_its_own(manager: Client, project: Project) -> None:
    kinds = {name: InstanceTypeFactory.create(name=name, memory_mib=size) for name, size in (("b", 2048), ("a", 1024))}
    InstanceTypeFactory.create(name="own", project=project, memory_mib=4096)
    InstanceTypeFactory.create(name="foreign", project=ProjectFactory.create())
    mine = InstanceFactory.create(project=project, instance_type=kinds["a"])
    InstanceFactory.create(project=project)
    InstanceFactory.create(instance_type=kinds["a"])  # somebody else's
    page = manager.get(LIST).content.decode()
    assert names(page) == ["a", "b", "own"]
    (made,) = re.findall(r'data-label="Instances"><a href="([^"]*)">1</a>', page)
    assert made == f"/instances/?instance_type={kinds['a'].pk}"
    assert names(manager.get(made).content.decode()) == [mine.name]
    assert names(manager.get(f"{LIST}?search=OW").content.decode()) == ["own"]
    assert names(manager.get(f"{LIST}?active=false").content.decode()) == []
    assert names(manager.get(f"{LIST}?visibility=public").content.decode()) == ["a", "b"]
    assert names(manager.get(f"{LIST}?visibility=project").content.decode()) == ["own"]
    assert names(manager.get(f"{LIST}{kinds['b'].pk}/row/").content.decode()) == ["b"]


def test_an_operator_makes_edits_and_deletes_one(operator: Client, project: Project) -> None:
    home = {"project": str(project.pk)}
    operator.get("/", home)
    made = operator.post(f"{LIST}new/", {**FORM, "visibility": "public", "active": "on"}, headers=HTMX)
    assert made.status_code == 204, made.content.decode()
    kind = InstanceType.objects.get()
    assert (kind.name, kind.vcpus, kind.memory_mib, kind.project, kind.active) == ("small", 2, 4096, None, True)
    edited = operator.post(f"{LIST}{kind.pk}/edit/", {**FORM, "name": "tiny", "vcpus": "1"}, headers=HTMX)
    assert edited.status_code == 204, edited.content.decode()
    kind.refresh_from_db()
    assert (kind.name, kind.vcpus, kind.active) == ("tiny", 1, False)
    asked = operator.get(f"{LIST}{kind.pk}/delete/", headers=HTMX).content.decode()
    assert "Delete this instance type?" in asked
    assert operator.post(f"{LIST}{kind.pk}/delete/", headers=HTMX).status_code == 204
    assert not InstanceType.objects.exists()


def test_a_type_can_be_for_one_project(operator: Client, project: Project) -> None:
    operator.get("/", {"project": str(project.pk)})
    operator.post(f"{LIST}new/", {**FORM, "visibility": "project"}, headers=HTMX)
    kind = InstanceType.objects.get()
    assert (kind.project, kind.active) == (project, False)  # not offered: the box was not ticked


def test_an_operator_counts_the_instances_of_all_projects(operator: Client, project: Project) -> None:
    operator.get("/", {"project": str(project.pk)})
    kind = InstanceTypeFactory.create()
    theirs = [InstanceFactory.create(instance_type=kind).name for _ in range(2)]
    (made,) = re.findall(r'data-label="Instances"><a href="([^"]*)">2</a>', operator.get(LIST).content.decode())
    assert sorted(names(operator.get(unescape(made)).content.decode())) == sorted(theirs)


def test_instances_are_found_by_their_type(manager: Client, project: Project) -> None:
    kinds = [InstanceTypeFactory.create(name=name) for name in ("small", "large")]
    InstanceTypeFactory.create(name="foreign", project=ProjectFactory.create())
    mine = [InstanceFactory.create(project=project, instance_type=kind).name for kind in kinds]
    page = manager.get(f"/instances/?instance_type={kinds[1].pk}").content.decode()
    assert names(page) == mine[1:]
    assert f'<option value="{kinds[1].pk}" selected>large</option>' in page
    assert "foreign" not in page
    assert "Clear filters" in page


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 65}, "at most 64 characters"),
        ({"vcpus": "0"}, "greater than or equal to 1"),
        ({"vcpus": "999"}, "less than or equal to 255"),
        ({"vcpus": "two"}, "whole number"),
        ({"memory_mib_0": "1", "memory_mib_1": "1"}, "greater than or equal to 64"),
        ({"memory_mib_0": "1e300"}, "less than or equal to"),
        ({"visibility": "secret"}, "not one of the available choices"),
        ({"name": "taken"}, "already exists"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    operator: Client, project: Project, wrong: dict[str, Any], words: str
) -> None:
    operator.get("/", {"project": str(project.pk)})
    InstanceTypeFactory.create(name="taken")
    answer = operator.post(f"{LIST}new/", {**FORM, "visibility": "public", **wrong}, headers=HTMX)
    page = answer.content.decode()
    assert (answer.status_code, InstanceType.objects.count()) == (422, 1)
    assert words in page
    assert 'value="for most"' in page


def test_others_are_told_why_not(manager: Client, project: Project) -> None:
    kind = InstanceTypeFactory.create()
    for path in ("new/", f"{kind.pk}/edit/"):
        assert "<input" not in manager.get(f"{LIST}{path}", headers=HTMX).content.decode().split("dlg-body")[1]
    assert manager.post(f"{LIST}new/", {**FORM, "visibility": "public"}, headers=HTMX).status_code == 403
    assert manager.post(f"{LIST}{kind.pk}/edit/", FORM, headers=HTMX).status_code == 403
    assert manager.post(f"{LIST}{kind.pk}/delete/", headers=HTMX).status_code == 403
    foreign = InstanceTypeFactory.create(project=ProjectFactory.create())
    assert manager.get(f"{LIST}{foreign.pk}/edit/", headers=HTMX).status_code == 404
    assert InstanceType.objects.filter(pk=kind.pk).exists()
