"""The page 인스턴스 편집, when somebody else was there meanwhile, or sends what the page never would."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudia.accounts.enums import Origin
from cloudia.accounts.models import Project
from instances.enums import PowerState
from instances.models import Instance
from networking.models import Subnet
from tests.factories import (
    DataDiskFactory,
    InstanceFactory,
    InterfaceFactory,
    MountFactory,
    VolumeFactory,
    hold,
)
from tests.integration.pages.editing import address, make, sent


def test_a_second_editor_is_told_and_may_decide(manager: Client, running: Instance) -> None:
    mine = sent(manager, running, vcpus="3", description="mine")
    Instance.objects.filter(pk=running.pk).update(name="theirs", memory_mib=3072)
    running.interfaces.get(position=1).delete()
    answer = manager.post(address(running), mine)
    since = {str(item.label): (str(item.then), str(item.now)) for item in answer.context["since"]}
    assert answer.status_code == 422
    assert since == {
        "Name": ("web", "theirs"),
        "Memory size": ("2 GiB", "3 GiB"),
        "Network interface": ("nic-2 · app · 10.0.0.3", ""),
    }
    running.refresh_from_db()
    assert (running.vcpus, running.description) == (2, "")
    answer = manager.post(address(running), {**mine, "seen": answer.context["seen"], "memory_0": "3"})
    running.refresh_from_db()
    assert (answer.status_code, running.vcpus, running.description, running.name) == (302, 3, "mine", "web")


def test_what_others_have_added_is_not_removed_by_a_form_that_never_showed_it(
    manager: Client, stopped: Instance, subnet: Subnet
) -> None:
    mine = sent(manager, stopped, description="mine")
    InterfaceFactory.create(instance=stopped, subnet=subnet)
    DataDiskFactory.create(instance=stopped, position=2)
    answer = manager.post(address(stopped), mine)
    assert answer.status_code == 422
    manager.post(address(stopped), {**mine, "seen": answer.context["seen"]})
    stopped.refresh_from_db()
    assert (stopped.description, stopped.interfaces.count(), stopped.disks.count()) == ("mine", 3, 3)


def test_an_instance_that_was_started_meanwhile_is_not_edited_as_if_it_were_off(
    manager: Client, stopped: Instance
) -> None:
    mine = sent(manager, stopped, vcpus="3", max_vcpus="9")
    Instance.objects.filter(pk=stopped.pk).update(power_state=PowerState.RUNNING)
    answer = manager.post(address(stopped), mine)
    assert [(str(item.then), str(item.now)) for item in answer.context["since"]] == [("Stopped", "Running")]
    assert "Live edit" in answer.content.decode()


def test_an_instance_that_was_stopped_meanwhile_keeps_what_the_page_did_not_show(
    manager: Client, running: Instance
) -> None:
    mine = sent(manager, running, vcpus="3")
    Instance.objects.filter(pk=running.pk).update(power_state=PowerState.STOPPED)
    answer = manager.post(address(running), mine)
    assert [change.field for change in answer.context["changes"]] == ["vcpus"]
    manager.post(address(running), {**mine, "seen": answer.context["seen"]})
    running.refresh_from_db()
    assert (running.vcpus, running.max_vcpus) == (3, 4)


@pytest.mark.parametrize(
    "seen", ["", "null", "[1]", "{", '{"name": {}, "x": 1}', "[" * 5000, f'{{"memory_mib": 1{"0" * 400}}}'], ids=len
)
def test_a_page_that_does_not_say_what_it_has_shown_is_not_saved(manager: Client, running: Instance, seen: str) -> None:
    answer = manager.post(address(running), {**sent(manager, running, vcpus="3"), "seen": seen})
    assert (answer.status_code, bool(answer.context["since"])) == (422, True)
    running.refresh_from_db()
    assert running.vcpus == 2


def test_a_busy_one_keeps_what_was_typed(manager: Client, stopped: Instance) -> None:
    mine = sent(manager, stopped, max_vcpus="7")
    hold(stopped)
    answer = manager.post(address(stopped), mine)
    assert (answer.status_code, 'value="7"' in answer.content.decode()) == (422, True)
    assert "in progress" in str(answer.context["problem"])
    stopped.refresh_from_db()
    assert stopped.max_vcpus == 4
    answer = manager.get(address(stopped))
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/instances/{stopped.pk}/")


@pytest.mark.parametrize("state", [PowerState.STOPPED, PowerState.RUNNING])
def test_the_page_costs_the_same_for_few_and_for_many(
    manager: Client, project: Project, subnet: Subnet, state: str
) -> None:
    instance, costs = make(project, subnet, state), []
    manager.get(address(instance))  # the first of a session costs more
    for position in range(2, 5):
        DataDiskFactory.create(instance=instance, position=position)
        InterfaceFactory.create(instance=instance, subnet=subnet)
        VolumeFactory.create(project=project)
        MountFactory.create(instance=instance)
        with CaptureQueriesContext(connection) as queries:
            manager.get(address(instance))
        costs.append(len(queries))
    assert len(set(costs)) == 1, costs


def test_who_may_not_edit_is_sent_back(viewer: Client, stopped: Instance) -> None:
    assert [viewer.get(address(stopped)).status_code, viewer.post(address(stopped)).status_code] == [302, 302]


def test_an_instance_of_a_scaling_group_is_not_edited(manager: Client, project: Project) -> None:
    instance = InstanceFactory.create(project=project, origin=Origin.AUTOSCALING, owner_name="web-asg")
    answer = manager.get(address(instance), follow=True)
    assert "It is managed by web-asg" in answer.content.decode()


def test_the_plan_of_another_project_is_not_found(manager: Client) -> None:
    assert manager.post(f"{address(InstanceFactory.create())}plan/").status_code == 404


@pytest.mark.parametrize(
    "junk",
    [
        {"interfaces-TOTAL_FORMS": "x"},
        {"filesystems-TOTAL_FORMS": "99999"},
        {"detach": "no-uuid"},
        {"volumes": "no-uuid"},
        {"remove": "interfaces.9"},
        {"remove": "nothing.x"},
        {"add": "nothing"},
        {"memory_0": "1e400"},
        {"vcpus": "9" * 40},
        {"instance_type": "x"},
        {"mode": "x"},
        {"nics": "x"},
        {"name": "a\x00b"},
    ],
    ids=str,
)
@pytest.mark.parametrize("state", [PowerState.STOPPED, PowerState.RUNNING])
def test_nothing_that_is_sent_breaks_the_page(
    manager: Client, project: Project, subnet: Subnet, junk: dict[str, str], state: str
) -> None:
    instance = make(project, subnet, state)
    values = {**sent(manager, instance), **junk}
    assert manager.post(address(instance), values).status_code in {200, 302, 422}
    assert manager.post(f"{address(instance)}plan/", values).status_code == 200
