"""작업 현황, 물리 머신 and one's own account."""

from __future__ import annotations

import json
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudia.accounts.models import ApiToken, Project
from cloudia.hosts.enums import HostState
from cloudia.jobs.enums import JobStatus
from tests.factories import HostFactory, InstanceFactory, JobFactory, JobStepFactory, hold
from tests.integration.pages.conftest import HTMX, log_in


def test_jobs_of_the_current_project_are_listed(manager: Client, project: Project) -> None:
    ours = JobFactory.create(target=InstanceFactory.create(project=project, name="ours"))
    foreign = JobFactory.create(target=InstanceFactory.create(name="theirs"))
    for address in ("/jobs/", "/jobs/?scope=all"):
        page = manager.get(address).content.decode()
        assert (f"/jobs/{ours.pk}/" in page, f"/jobs/{foreign.pk}/" in page) == (True, False)


def test_jobs_are_filtered_by_status_kind_and_who_asked(manager: Client, project: Project) -> None:
    target = InstanceFactory.create(project=project)
    JobFactory.create(target=target, kind="instance.stop", status=JobStatus.FAILED)
    JobFactory.create(target=target, kind="instance.start")
    shown = [
        manager.get(f"/jobs/?{query}").context["listing"].total
        for query in ("", "status=failed", "kind=instance.start", "status=failed&kind=instance.start", "mine=1")
    ]
    assert shown == [2, 1, 1, 0, 0]


@pytest.mark.parametrize("rows", [1, 3, 30])
def test_the_number_of_queries_of_the_job_list_does_not_depend_on_the_rows(
    rows: int, operator: Client, project: Project
) -> None:
    target = InstanceFactory.create(project=project)
    JobFactory.create_batch(rows, target=target, status=JobStatus.FAILED)
    operator.get("/jobs/")
    with CaptureQueriesContext(connection) as queries:
        assert operator.get("/jobs/").context["listing"].total == rows
    assert len(queries) == 9


def test_a_job_shows_what_it_did_what_is_to_come_and_what_it_holds(manager: Client, project: Project) -> None:
    job = hold(InstanceFactory.create(project=project), kind="instance.create", params={"volumes": []})
    JobStepFactory.create(job=job, name="boot_disk", detail="virsh vol-create-as <pool>")
    page = manager.get(f"/jobs/{job.pk}/").content.decode()
    assert [text in page for text in ("Make the boot disk", "virsh vol-create-as &lt;pool&gt;")] == [True, True]
    assert page.count("to come") == 4
    assert "Other jobs on it wait" in page


@pytest.mark.parametrize("path", ["", "row/", "notice/", "retry/"])
def test_another_projects_job_is_not_found(path: str, manager: Client) -> None:
    assert manager.get(f"/jobs/{JobFactory.create().pk}/{path}").status_code == 404


def test_a_failed_job_is_tried_again(manager: Client, project: Project) -> None:
    job = JobFactory.create(target=InstanceFactory.create(project=project), status=JobStatus.FAILED)
    answer = manager.post(f"/jobs/{job.pk}/retry/", headers=HTMX)
    job.refresh_from_db()
    assert (answer.status_code, job.status) == (204, JobStatus.PENDING)


def test_what_cannot_be_cancelled_says_why(manager: Client, project: Project) -> None:
    job = hold(InstanceFactory.create(project=project))
    words = "This kind of job can&#x27;t be cancelled once it has begun."
    assert words in manager.get(f"/jobs/{job.pk}/cancel/", headers=HTMX).content.decode()
    answer = manager.post(f"/jobs/{job.pk}/cancel/", headers=HTMX)
    assert (answer.status_code, json.loads(answer.headers["HX-Trigger"])["toast"]["tone"]) == (409, "bad")


def test_the_notice_follows_the_job_until_it_ends(manager: Client, project: Project) -> None:
    job = hold(InstanceFactory.create(project=project))
    assert f'data-live="job:{job.pk}"' in manager.get(f"/jobs/{job.pk}/notice/", headers=HTMX).content.decode()
    type(job).objects.filter(pk=job.pk).update(status=JobStatus.SUCCEEDED)
    ended = manager.get(f"/jobs/{job.pk}/notice/", headers=HTMX).content.decode()
    assert ("data-live" in ended, 'data-tone="ok"' in ended) == (False, True)


def test_hosts_show_what_is_given_out(operator: Client, project: Project) -> None:
    host = HostFactory.create(name="kvm-a")
    InstanceFactory.create_batch(2, project=project, host=host, power_state="running", vcpus=4, memory_mib=4096)
    page = operator.get("/hosts/").content.decode()
    assert [text in page for text in ("kvm-a", "8 / 64", "8 GiB / 63 GiB", "KVM", "libvirt 9.0.0")] == [True] * 5


def test_an_unreachable_host_is_named_on_top(operator: Client) -> None:
    HostFactory.create(name="kvm-lost", reachable=False, problem_texts={"en": "Connection refused."})
    page = operator.get("/hosts/").content.decode()
    assert [text in page for text in ("kvm-lost does not answer", "Connection refused.")] == [True, True]


def test_members_know_of_no_hosts(manager: Client) -> None:
    host = HostFactory.create()
    paths = ("/hosts/", f"/hosts/{host.pk}/maintenance/")
    assert [manager.get(path).status_code for path in paths] == [404, 404]
    assert manager.post(f"/hosts/{host.pk}/maintenance/").status_code == 404


def test_a_host_goes_into_maintenance_and_back(operator: Client) -> None:
    host = HostFactory.create()
    states = []
    for name in ("maintenance", "activate"):
        assert operator.get(f"/hosts/{host.pk}/{name}/", headers=HTMX).status_code == 200
        assert operator.post(f"/hosts/{host.pk}/{name}/", headers=HTMX).status_code == 204
        host.refresh_from_db()
        states.append(host.state)
    assert states == [HostState.MAINTENANCE, HostState.ACTIVE]
    assert operator.post(f"/hosts/{host.pk}/activate/", headers=HTMX).status_code == 409
    assert operator.get(f"/hosts/{host.pk}/explode/").status_code == 404


def test_a_token_is_shown_once(manager: Client) -> None:
    answer = manager.post("/account/tokens/", {"name": "ci", "scope": "read", "days": "30"})
    token = ApiToken.objects.get()
    assert (token.scope, answer.headers["Cache-Control"].split(",")[0]) == ("read", "max-age=0")
    plain = answer.context["plain"]
    assert (plain in answer.content.decode(), plain in manager.get("/account/").content.decode()) == (True, False)


@pytest.mark.parametrize("values", [{}, {"name": "", "scope": "read", "days": "30"}, {"name": "x", "days": "-1"}])
def test_a_token_that_makes_no_sense_is_not_made(values: dict[str, str], manager: Client) -> None:
    assert manager.post("/account/tokens/", values).status_code == 422
    assert ApiToken.objects.count() == 0


def test_tokens_are_revoked_by_their_owner_alone(manager: Client, viewer: Client) -> None:
    manager.post("/account/tokens/", {"name": "ci", "scope": "read", "days": "30"})
    address = f"/account/tokens/{ApiToken.objects.get().pk}/revoke/"
    assert viewer.post(address).status_code == 404
    assert manager.get(address, headers=HTMX).status_code == 200
    assert manager.post(address).status_code == 302
    assert ApiToken.objects.count() == 0
    assert manager.post(f"/account/tokens/{uuid.uuid4()}/revoke/").status_code == 404


def test_the_password_is_changed_and_the_session_goes_on(project: Project) -> None:
    from tests.factories import UserFactory

    user = UserFactory.create(password="the old password")
    browser = log_in(user)
    wrong = {"old_password": "wrong", "new_password1": "another secret", "new_password2": "another secret"}
    assert browser.post("/account/password/", wrong).status_code == 422
    assert browser.post("/account/password/", {**wrong, "old_password": "the old password"}).status_code == 302
    user.refresh_from_db()
    assert (user.check_password("another secret"), browser.get("/account/").status_code) == (True, 200)
