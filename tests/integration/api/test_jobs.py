"""Jobs through the API."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from cloudia.accounts.models import Project
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job
from tests.factories import InstanceFactory, JobFactory, JobStepFactory, hold
from tests.integration.api.conftest import BASE

pytestmark = pytest.mark.django_db


def test_job_is_shown_as_the_contract_says(manager: APIClient, project: Project) -> None:
    instance = InstanceFactory.create(project=project)
    job = JobFactory.create(
        target=instance, status=JobStatus.FAILED, error_code="no_room", error_texts={"ko": "자리 없음", "en": "No room"}
    )
    JobStepFactory.create(job=job, detail="virsh start i-1", status="failed")

    shown = manager.get(f"{BASE}/jobs/{job.pk}/").json()

    assert {name for name in shown if name not in {"project"}} == {
        "id", "kind", "status", "progress", "step", "target", "error", "created_at", "started_at", "finished_at",
        "requested_by", "steps", "actions",
    }  # fmt: skip
    assert shown["target"] == {"type": "instance", "id": str(instance.pk), "name": instance.name}
    assert shown["error"] == {"code": "no_room", "detail": "No room"}
    assert set(shown["steps"][0]) == {"name", "status", "started_at", "finished_at", "detail", "message"}
    assert shown["actions"]["retry"]["allowed"] is True
    assert shown["actions"]["cancel"]["code"] == "bad_state"


def test_requested_job_names_who_asked(manager: APIClient, project: Project) -> None:
    instance = InstanceFactory.create(project=project)
    me = manager.get(f"{BASE}/me/").json()

    shown = manager.post(f"{BASE}/instances/{instance.pk}/start/").json()

    assert shown["requested_by"] == {"id": me["id"], "name": me["username"]}


def test_failed_job_is_tried_again(manager: APIClient, project: Project) -> None:
    job = JobFactory.create(target=InstanceFactory.create(project=project), status=JobStatus.FAILED)

    answer = manager.post(f"{BASE}/jobs/{job.pk}/retry/")

    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert answer.headers["Location"] == f"{BASE}/jobs/{job.pk}/"


def test_job_that_can_not_stop_is_not_cancelled(manager: APIClient, project: Project) -> None:
    job = hold(InstanceFactory.create(project=project))

    answer = manager.post(f"{BASE}/jobs/{job.pk}/cancel/")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")


def test_retry_of_a_job_whose_target_is_gone_is_refused(manager: APIClient, project: Project) -> None:
    job = JobFactory.create(target=InstanceFactory.create(project=project), status=JobStatus.FAILED)
    Job.objects.filter(pk=job.pk).update(target_id=job.pk)

    answer = manager.post(f"{BASE}/jobs/{job.pk}/retry/")

    assert (answer.status_code, answer.json()["code"]) == (409, "target_gone")


@pytest.mark.parametrize(
    "query",
    [
        "status=failed", "kind=instance.stop", "search=wan", "target_type=instance&target={target}", "search={target}",
        "search={job}", "project={project}&status=failed",
    ],
)  # fmt: skip
def test_filters_find_the_job(manager: APIClient, project: Project, query: str) -> None:
    target = InstanceFactory.create(project=project, name="wanted")
    job = JobFactory.create(target=target, status=JobStatus.FAILED, kind="instance.stop")
    JobFactory.create(target=InstanceFactory.create(project=project, name="other"))

    found = manager.get(f"{BASE}/jobs/?" + query.format(target=target.pk, job=job.pk, project=project.pk)).json()

    assert [row["id"] for row in found["results"]] == [str(job.pk)]
