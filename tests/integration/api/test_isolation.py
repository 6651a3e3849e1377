"""Another project's objects do not exist, on every route there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from cloudia.accounts.models import ApiToken, Project
from cloudia.jobs.models import Job
from instances.models import Instance
from tests.factories import (
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InstanceTypeFactory,
    ProjectFactory,
    UserFactory,
    hold,
)
from tests.integration.api.conftest import BASE, token_for

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "patch", "delete")


@pytest.fixture
def foreign(db: None) -> dict[str, str]:
    """An id by resource, of what belongs to somebody else."""
    project = ProjectFactory.create()
    instance = InstanceFactory.create(project=project)
    other = UserFactory.create()
    token_for(other)
    return {
        "instances": str(instance.pk),
        "jobs": str(hold(instance).pk),
        "projects": str(project.pk),
        "images": str(ImageFactory.create(project=project).pk),
        "instance-types": str(InstanceTypeFactory.create(project=project).pk),
        "tokens": str(ApiToken.objects.get(user=other).pk),
        "hosts": str(HostFactory.create().pk),
    }


def routes() -> Iterator[tuple[str, str]]:
    """Every method and path that is about one object."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]  # not ours
    for path, methods in schema["paths"].items():
        if "{id}" in path:
            yield from ((method, path) for method in METHODS if method in methods)


@pytest.mark.parametrize(("method", "path"), list(routes()))
def test_foreign_object_is_not_there(manager: APIClient, foreign: dict[str, str], method: str, path: str) -> None:
    resource = path.removeprefix(f"{BASE}/").split("/")[0]

    answer = getattr(manager, method)(path.replace("{id}", foreign[resource]))

    assert answer.status_code == (403 if resource == "hosts" else 404)


@pytest.mark.parametrize("resource", ["instances", "jobs", "projects", "images", "instance-types", "tokens"])
def test_foreign_objects_are_in_no_list(manager: APIClient, foreign: dict[str, str], resource: str) -> None:
    listed = manager.get(f"{BASE}/{resource}/").json()["results"]
    narrowed = manager.get(f"{BASE}/{resource}/?search={foreign[resource]}&project={foreign['projects']}").json()

    assert foreign[resource] not in {row["id"] for row in listed}
    assert foreign[resource] not in {row["id"] for row in narrowed["results"]}


@pytest.mark.parametrize("field", ["project", "image", "instance_type"])
def test_foreign_object_can_not_be_used(
    manager: APIClient, project: Project, foreign: dict[str, str], field: str
) -> None:
    own = {"project": project, "image": ImageFactory.create(), "instance_type": InstanceTypeFactory.create()}
    theirs = {"project": "projects", "image": "images", "instance_type": "instance-types"}
    body = {"name": "x", **{name: str(row.pk) for name, row in own.items()}, field: foreign[theirs[field]]}

    answer = manager.post(f"{BASE}/instances/", body)

    assert answer.status_code == 400
    assert answer.json()["fields"][field][0]["code"] == "does_not_exist"
    assert not Instance.objects.filter(name="x").exists()


def test_jobs_of_no_project_are_for_operators(manager: APIClient, operator: APIClient) -> None:
    job = Job.objects.create(kind="host.check", target_type="host", target_id=HostFactory.create().pk, target_name="h")

    assert manager.get(f"{BASE}/jobs/{job.pk}/").status_code == 404
    assert operator.get(f"{BASE}/jobs/{job.pk}/").status_code == 200
