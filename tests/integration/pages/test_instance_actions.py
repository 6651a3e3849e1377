"""Dialogs: what they ask, what a yes does, and an answer for each of several instances."""

from __future__ import annotations

import json
import uuid

import pytest
from django.test import Client

from cloudia.accounts.enums import Origin
from cloudia.accounts.models import Project
from cloudia.jobs.models import Job
from instances.enums import PowerState
from instances.models import Instance
from tests.factories import BootDiskFactory, HostFactory, InstanceFactory, hold
from tests.integration.pages.conftest import HTMX

RUNNING = PowerState.RUNNING


def address(action: str, *instances: Instance) -> str:
    """Where the dialog for some instances is."""
    return f"/instances/actions/{action}/?" + "&".join(f"id={instance.pk}" for instance in instances)


def send(browser: Client, action: str, *instances: Instance, **values: str) -> tuple[int, dict[str, str], str]:
    """Say yes: status, the notice, and what takes the dialog's place."""
    ids = [str(instance.pk) for instance in instances]
    answer = browser.post(f"/instances/actions/{action}/", {"id": ids, **values}, headers=HTMX)
    events = json.loads(answer.headers.get("HX-Trigger", "{}"))
    return answer.status_code, events.get("toast", {}), answer.content.decode()


@pytest.mark.parametrize(
    ("action", "state", "question"),
    [
        ("start", PowerState.STOPPED, "인스턴스를 실행하시겠습니까?"),
        ("stop", RUNNING, "인스턴스를 종료하시겠습니까?"),
        ("reboot", RUNNING, "인스턴스를 재부팅하시겠습니까?"),
    ],
)
def test_dialogs_ask_in_the_guides_words(
    action: str, state: str, question: str, manager: Client, project: Project
) -> None:
    instance = InstanceFactory.create(project=project, power_state=state)
    dialog = manager.get(address(action, instance), headers={**HTMX, "accept-language": "ko"}).content.decode()
    assert f'<h2 id="dialog-title">{question}</h2>' in dialog


@pytest.mark.parametrize(("action", "state"), [("start", PowerState.STOPPED), ("stop", RUNNING), ("reboot", RUNNING)])
def test_a_yes_queues_the_job_and_the_notice_links_to_it(
    action: str, state: str, manager: Client, project: Project
) -> None:
    instance = InstanceFactory.create(project=project, power_state=state)
    status, notice, _body = send(manager, action, instance)
    job = Job.objects.get()
    assert (status, job.kind, job.target_id) == (204, f"instance.{action}", instance.pk)
    assert (notice["href"], notice["live"]) == (f"/jobs/{job.pk}/", f"job:{job.pk}")


def test_stop_can_be_forced(manager: Client, project: Project) -> None:
    send(manager, "stop", InstanceFactory.create(project=project, power_state=RUNNING), how="force")
    assert Job.objects.get().params["force"] is True


def test_what_is_refused_says_why_and_links_to_the_job_in_the_way(manager: Client, project: Project) -> None:
    instance = InstanceFactory.create(project=project, power_state=RUNNING)
    job = hold(instance)
    status, notice, _body = send(manager, "stop", instance)
    assert (status, notice["tone"], notice["href"]) == (409, "bad", f"/jobs/{job.pk}/")
    assert Job.objects.count() == 1


def test_a_viewer_is_refused(viewer: Client, project: Project) -> None:
    status, notice, _body = send(viewer, "start", InstanceFactory.create(project=project))
    assert (status, notice["text"]) == (403, "Your role does not allow this.")


def test_start_without_room_says_what_is_short(manager: Client, project: Project) -> None:
    small = HostFactory.create(memory_mib=2048, name="small")
    status, notice, _body = send(manager, "start", InstanceFactory.create(project=project, host=small))
    assert (status, notice["text"]) == (
        409,
        "No host has room: small (memory: 2048 MiB needed, 1024 MiB free).",
    )


def test_several_are_tried_each_and_each_has_its_answer(manager: Client, project: Project) -> None:
    up = InstanceFactory.create(project=project, power_state=RUNNING, name="up")
    off = InstanceFactory.create(project=project, name="off")
    scaled = InstanceFactory.create(project=project, power_state=RUNNING, name="scaled", origin=Origin.AUTOSCALING)
    status, _notice, body = send(manager, "stop", up, off, scaled)
    assert (status, Job.objects.get().target_id) == (200, up.pk)
    assert "Only possible when running. It is now: Stopped." in body
    assert "It is managed by Auto scaling group" in body


def test_several_that_all_can_are_accepted_with_one_notice(manager: Client, project: Project) -> None:
    two = InstanceFactory.create_batch(2, project=project, power_state=RUNNING)
    status, notice, _body = send(manager, "stop", *two)
    assert (status, notice["text"], Job.objects.count()) == (204, "Stop: 2 requests accepted", 2)


def test_delete_lists_the_disk_that_is_lost(manager: Client, project: Project) -> None:
    disk = BootDiskFactory.create(instance=InstanceFactory.create(project=project))
    assert disk.volume.name in manager.get(address("delete", disk.instance), headers=HTMX).content.decode()


def test_delete_needs_the_name_typed(manager: Client, project: Project) -> None:
    instance = InstanceFactory.create(project=project, name="precious")
    status, _notice, body = send(manager, "delete", instance, confirm_name="precios")
    assert (status, Job.objects.count(), "What was typed is not the same." in body) == (200, 0, True)
    assert send(manager, "delete", instance, confirm_name="precious")[0] == 204
    assert Job.objects.get().kind == "instance.delete"


def test_delete_of_several_needs_their_number_typed(manager: Client, project: Project) -> None:
    two = InstanceFactory.create_batch(2, project=project)
    assert send(manager, "delete", *two, confirm_name="3")[0] == 200
    assert Job.objects.count() == 0
    assert send(manager, "delete", *two, confirm_name="2")[0] == 204


@pytest.mark.parametrize("method", ["get", "post"])
def test_another_projects_instance_is_not_found(method: str, manager: Client, project: Project) -> None:
    foreign = InstanceFactory.create()
    ours = InstanceFactory.create(project=project)
    query = {"id": [str(ours.pk), str(foreign.pk)]}
    assert getattr(manager, method)("/instances/actions/start/", query, headers=HTMX).status_code == 404
    assert Job.objects.count() == 0


@pytest.mark.parametrize("query", ["", "id=x", "id=%00", f"id={uuid.UUID(int=0xA0)}"])
def test_nonsense_ids_are_not_found(query: str, manager: Client) -> None:
    assert manager.get(f"/instances/actions/start/?{query}").status_code == 404


def test_an_unknown_action_is_not_found(manager: Client, project: Project) -> None:
    assert manager.get(address("explode", InstanceFactory.create(project=project))).status_code == 404


def test_without_scripts_the_dialog_and_its_result_are_pages(manager: Client, project: Project) -> None:
    instance = InstanceFactory.create(project=project)
    assert "<html" in manager.get(address("start", instance)).content.decode()
    answer = manager.post("/instances/actions/start/", {"id": str(instance.pk)}).content.decode()
    assert f"/jobs/{Job.objects.get().pk}/" in answer
