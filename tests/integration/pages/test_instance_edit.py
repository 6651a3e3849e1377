"""The page 인스턴스 편집: what a stopped instance and a running one may become, and what stands in the way."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from cloudia.accounts.models import Project, Quota
from cloudia.jobs.models import JobLock
from instances.enums import PowerState
from instances.models import Instance
from networking.models import VPC, SecurityGroup, Subnet
from tests.factories import (
    ExternalNetworkFactory,
    FileSystemFactory,
    GpuFactory,
    InstanceTypeFactory,
    MountFactory,
    SecurityGroupFactory,
    SubnetFactory,
    VolumeFactory,
)
from tests.integration.pages.editing import address, make, nic, plan_of, problems, row, sent, volume_row

WARNING = (
    "While an instance is running, only vCPUs, memory, network interfaces and block devices can be changed, and the "
    "primary network interface can't be deleted."
)


@pytest.mark.parametrize("state", [PowerState.STOPPED, PowerState.RUNNING])
def test_a_form_sent_as_it_is_changes_nothing(manager: Client, project: Project, subnet: Subnet, state: str) -> None:
    instance = make(project, subnet, state)
    MountFactory.create(instance=instance)
    assert plan_of(manager, instance) == []
    assert manager.post(address(instance), sent(manager, instance)).status_code == 302
    instance.refresh_from_db()
    assert (instance.current_job, instance.max_vcpus, instance.interfaces.count()) == (None, 4, 2)
    assert (instance.disks.count(), instance.mounts.count()) == (2, 1)


def test_a_running_one_says_what_can_be_changed(manager: Client, running: Instance) -> None:
    page = unescape(manager.get(address(running)).content.decode())
    assert (WARNING in page, "Live edit" in page, 'name="max_vcpus"' in page) == (True, True, False)
    assert page.count("Can be changed now") == 3


def test_a_stopped_one_has_no_warning_and_its_maxima_as_fields(manager: Client, stopped: Instance) -> None:
    page = unescape(manager.get(address(stopped)).content.decode())
    assert (WARNING in page, "Live edit" in page, 'name="max_vcpus"' in page) == (False, False, True)


LOCKED = ["Maximum vCPUs / memory", "Advanced vCPU settings", "GPU passthrough", "Affinity group", "File systems"]


def test_what_cant_be_changed_says_so(manager: Client, running: Instance, project: Project, subnet: Subnet) -> None:
    found = manager.get(address(running)).context["locked"]
    assert [str(item.label) for item in found] == [*LOCKED, "OS image", "VPC", "Cloud-init"]
    assert all(item.reason for item in found)
    found = manager.get(address(make(project, subnet, PowerState.STOPPED))).context["locked"]
    assert [str(item.label) for item in found] == ["OS image", "VPC", "Cloud-init"]


def test_sliders_go_from_now_to_the_maximum(manager: Client, running: Instance) -> None:
    page = manager.get(address(running)).content.decode()
    assert re.search(r'type="range" data-pair="id_vcpus" min="2" max="4" step="1" value="2"', page)
    assert re.search(r'type="range" data-pair="id_memory_0" min="2" max="4" step="0.125" value="2"', page)
    Instance.objects.filter(pk=running.pk).update(memory_mib=1000, vcpus=4)
    page = manager.get(address(running)).content.decode()
    assert re.search(r'data-pair="id_memory_0" min="1000" max="4096" step="128" value="1000"', page)
    assert 'data-pair="id_vcpus"' not in page
    assert "It is at its maximum." in page


def test_a_running_one_grows_at_once(manager: Client, running: Instance) -> None:
    assert plan_of(manager, running, vcpus="3", memory_0="2.5") == [("vcpus", "now"), ("memory_mib", "now")]
    answer = manager.post(address(running), sent(manager, running, vcpus="3", memory_0="2.5"))
    running.refresh_from_db()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/instances/{running.pk}/")
    assert (running.vcpus, running.memory_mib, running.max_vcpus) == (3, 2560, 4)
    assert running.current_job
    assert running.current_job.kind == "instance.update"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"vcpus": "5"}, "vcpus"),
        ({"vcpus": "1"}, "vcpus"),
        ({"vcpus": ""}, "vcpus"),
        ({"memory_0": "5"}, "memory"),
        ({"memory_0": "1"}, "memory"),
        ({"memory_0": "2.05"}, "memory"),
        ({"name": " "}, "name"),
    ],
    ids=str,
)
def test_what_a_running_one_cant_become_is_said_at_its_field(
    manager: Client, running: Instance, changes: dict[str, str], field: str
) -> None:
    answer = manager.post(address(running), sent(manager, running, description="kept", **changes))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert ">kept</textarea>" in answer.content.decode().replace("\n", "")
    running.refresh_from_db()
    assert (running.vcpus, running.memory_mib, running.name, running.description) == (2, 2048, "web", "")


def test_a_stopped_one_takes_another_type_and_other_maxima(manager: Client, stopped: Instance) -> None:
    kind = InstanceTypeFactory.create(vcpus=4, memory_mib=8192)
    changes = {"mode": "type", "instance_type": str(kind.pk), "max_vcpus": "8", "max_memory_0": "16"}
    plan = plan_of(manager, stopped, **changes)
    assert ("instance_type", "next_start") in plan
    manager.post(address(stopped), sent(manager, stopped, **changes))
    stopped.refresh_from_db()
    assert (stopped.instance_type, stopped.vcpus, stopped.memory_mib) == (kind, 4, 8192)
    assert (stopped.max_vcpus, stopped.max_memory_mib) == (8, 16384)


def test_a_stopped_one_shrinks(manager: Client, stopped: Instance) -> None:
    manager.post(address(stopped), sent(manager, stopped, vcpus="1", memory_0="1", max_vcpus="2"))
    stopped.refresh_from_db()
    assert (stopped.vcpus, stopped.memory_mib, stopped.max_vcpus) == (1, 1024, 2)


def test_a_stopped_one_takes_other_cores(manager: Client, stopped: Instance) -> None:
    cores = {"topology": "custom", "threads_per_core": "2", "cores": "2"}
    fields = [field for field, _applies in plan_of(manager, stopped, **cores)]
    assert fields == ["vcpus", "threads_per_core", "cores"]
    assert manager.post(address(stopped), sent(manager, stopped, **cores)).status_code == 302
    stopped.refresh_from_db()
    assert (stopped.vcpus, stopped.threads_per_core, stopped.cores_per_socket) == (4, 2, 2)


def test_chosen_cores_stay_when_something_else_is_changed(manager: Client, stopped: Instance) -> None:
    Instance.objects.filter(pk=stopped.pk).update(cores_per_socket=2, threads_per_core=1)
    assert plan_of(manager, stopped) == []
    assert plan_of(manager, stopped, memory_0="3") == [("memory_mib", "next_start")]


def test_a_maximum_below_is_said_at_its_field(manager: Client, stopped: Instance) -> None:
    answer = manager.post(address(stopped), sent(manager, stopped, max_vcpus="1"))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["max_vcpus"])


def test_the_type_of_an_instance_stays_offered_to_it(manager: Client, stopped: Instance) -> None:
    kind = InstanceTypeFactory.create(vcpus=2, memory_mib=2048, active=False)
    Instance.objects.filter(pk=stopped.pk).update(instance_type=kind)
    assert sent(manager, stopped)["instance_type"] == [str(kind.pk)]
    assert plan_of(manager, stopped) == []


def test_the_primary_interface_cant_be_removed(manager: Client, running: Instance) -> None:
    page = manager.get(address(running)).content.decode()
    boxes = [f'name="{nic(running, position)}-remove"' in page for position in (0, 1)]
    assert boxes == [False, True]
    assert "The first network interface can&#x27;t be removed." in page
    answer = manager.post(address(running), sent(manager, running, **{f"{nic(running, 0)}-remove": "on"}))
    assert [text for _anchor, text in problems(answer)] == ["The first network interface can't be removed."]
    assert running.interfaces.count() == 2


def test_an_interface_is_removed(manager: Client, stopped: Instance) -> None:
    changes = {f"{nic(stopped, 1)}-remove": "on"}
    assert plan_of(manager, stopped, **changes) == [("interfaces", "next_start")]
    manager.post(address(stopped), sent(manager, stopped, **changes))
    assert [link.position for link in stopped.interfaces.all()] == [0]


def test_an_interface_is_added_in_the_same_vpc_only(manager: Client, running: Instance, subnet: Subnet) -> None:
    foreign = SubnetFactory.create(project=subnet.project, name="foreign")
    assert str(foreign.pk) not in manager.post(address(running), {"add": "interfaces"}).content.decode()
    assert plan_of(manager, running, **row(subnet)) == [("interfaces.2", "now")]
    manager.post(address(running), sent(manager, running, **row(subnet)))
    assert running.interfaces.count() == 3


def test_a_taken_address_is_said_at_the_new_interface(manager: Client, stopped: Instance, subnet: Subnet) -> None:
    changes = row(subnet, assignment="manual", ip_address="10.0.0.2")
    answer = manager.post(address(stopped), sent(manager, stopped, **changes))
    assert [anchor for anchor, _text in problems(answer)] == ["id_interfaces-0-ip_address"]
    assert 'value="10.0.0.2"' in answer.content.decode()


def test_a_new_interface_has_its_error_after_one_was_marked_to_go(
    manager: Client, stopped: Instance, subnet: Subnet
) -> None:
    changes = row(subnet, assignment="manual", ip_address="10.0.0.1") | {f"{nic(stopped, 1)}-remove": "on"}
    answer = manager.post(address(stopped), sent(manager, stopped, **changes))
    assert [anchor for anchor, _text in problems(answer)] == ["id_interfaces-0-ip_address"]


def test_a_stopped_ones_address_is_changed_and_wrong_ones_are_said(manager: Client, stopped: Instance) -> None:
    field = f"{nic(stopped, 0)}-ip_address"
    answer = manager.post(address(stopped), sent(manager, stopped, **{field: "10.9.0.1"}))
    assert [anchor for anchor, _text in problems(answer)] == [f"id_{field}"]
    assert manager.post(address(stopped), sent(manager, stopped, **{field: "10.0.0.77"})).status_code == 302
    assert stopped.interfaces.get(position=0).interface.address == "10.0.0.77"


@pytest.fixture
def group(project: Project) -> SecurityGroup:
    """A security group of the project."""
    return SecurityGroupFactory.create(project=project, name="sg-web")


@pytest.mark.parametrize("state", [PowerState.STOPPED, PowerState.RUNNING])
def test_security_groups_change_at_any_time(
    manager: Client, project: Project, subnet: Subnet, group: SecurityGroup, state: str
) -> None:
    instance = make(project, subnet, state)
    changes = {f"{nic(instance, 0)}-security_groups": [str(group.pk)]}
    assert plan_of(manager, instance, **changes) == [("interfaces.0.security_groups", "now")]
    manager.post(address(instance), sent(manager, instance, **changes))
    assert [list(nic.security_groups.all()) for nic in instance.nics] == [[group], []]


def test_what_a_page_of_a_running_one_has_no_field_for_stays(
    manager: Client, running: Instance, subnet: Subnet
) -> None:
    other = SubnetFactory.create(project=subnet.project, vpc=subnet.vpc, cidr="10.0.1.0/24")
    changes = {f"{nic(running, 1)}-subnet": str(other.pk), "max_vcpus": "9", "mode": "direct"}
    assert plan_of(manager, running, **changes) == []


@pytest.mark.parametrize("state", [PowerState.STOPPED, PowerState.RUNNING])
def test_disks_are_detached_attached_and_made(manager: Client, project: Project, subnet: Subnet, state: str) -> None:
    instance = make(project, subnet, state)
    data = instance.disks.get(is_boot=False).volume
    spare = VolumeFactory.create(project=project, storage_domain=data.storage_domain, name="spare")
    changes = {"detach": [str(data.pk)], "volumes": [str(spare.pk)], **volume_row("fresh")}
    fields = [field for field, _applies in plan_of(manager, instance, **changes)]
    assert fields == ["volumes.0", "volumes.1", "volumes"]
    assert manager.post(address(instance), sent(manager, instance, **changes)).status_code == 302
    instance.refresh_from_db()
    assert instance.current_job
    assert instance.current_job.params["detach_disks"] == [str(data.pk)]
    assert len(instance.current_job.params["attach_disks"]) == 2


def test_the_boot_disk_stays_and_detaching_warns(manager: Client, running: Instance) -> None:
    page = unescape(manager.get(address(running)).content.decode())
    assert "The boot disk can't be detached. It is deleted with its instance." in page
    assert "First unmount it in the operating system (umount)." in page
    boot = running.disks.get(is_boot=True).volume
    answer = manager.post(address(running), sent(manager, running, detach=[str(boot.pk)]))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["detach"])


def test_a_volume_elsewhere_says_why_it_cant_be_attached(manager: Client, running: Instance, project: Project) -> None:
    far = VolumeFactory.create(project=project, name="far")
    page = manager.get(address(running)).content.decode()
    assert "All disks of an instance are in one storage domain" in page
    answer = manager.post(address(running), sent(manager, running, volumes=[str(far.pk)]))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["volumes"])
    assert answer.context["form"].errors["volumes"][0].startswith("far: ")


def test_a_new_volumes_error_is_at_its_row(manager: Client, running: Instance) -> None:
    changes = {"detach": [str(running.disks.get(is_boot=False).volume_id)], **volume_row("fresh", "0")}
    answer = manager.post(address(running), sent(manager, running, **changes))
    assert [anchor for anchor, _text in problems(answer)] == ["id_new_volumes-0-size_gib"]


def test_each_data_disk_leads_to_enlarging_it(manager: Client, running: Instance) -> None:
    page = manager.get(address(running)).content.decode()
    assert f'hx-get="/instances/disks/{running.disks.get(is_boot=False).volume_id}/resize/"' in page


def mounts(instance: Instance) -> dict[str, str]:
    """Mount paths by file system."""
    return {mount.filesystem.name: mount.mount_path for mount in instance.mounts.select_related("filesystem")}


def test_file_systems_of_a_stopped_one_are_changed(manager: Client, stopped: Instance, project: Project) -> None:
    VPC.objects.update(external_network=ExternalNetworkFactory.create())  # NFS is reached through it
    old, new = (FileSystemFactory.create(project=project, name=name) for name in ("old", "new"))
    MountFactory.create(instance=stopped, filesystem=old, mount_path="/mnt/old")
    changes = {"filesystems-TOTAL_FORMS": "2", "filesystems-0-mount_path": "/mnt/moved"}
    changes |= {"filesystems-1-filesystem": str(new.pk), "filesystems-1-mount_path": "/mnt/new"}
    values = sent(manager, stopped, **changes)
    less = manager.post(address(stopped), {**values, "remove": "filesystems.0"}).context["form"].filesystems
    assert [form["mount_path"].value() for form in less] == ["/mnt/new"]
    manager.post(address(stopped), values)
    assert mounts(stopped) == {"old": "/mnt/moved", "new": "/mnt/new"}


def test_a_wrong_mount_path_is_said_at_its_row(manager: Client, stopped: Instance) -> None:
    VPC.objects.update(external_network=ExternalNetworkFactory.create())
    MountFactory.create(instance=stopped, mount_path="/mnt/old")
    answer = manager.post(address(stopped), sent(manager, stopped, **{"filesystems-0-mount_path": "/etc"}))
    assert [anchor for anchor, _text in problems(answer)] == ["id_filesystems-0-mount_path"]


def test_file_systems_of_a_running_one_are_fixed(manager: Client, running: Instance) -> None:
    MountFactory.create(instance=running, mount_path="/mnt/old")
    changes = {"filesystems-TOTAL_FORMS": "0", "filesystems-INITIAL_FORMS": "0"}
    assert "filesystems-TOTAL_FORMS" not in sent(manager, running)
    manager.post(address(running), sent(manager, running, **changes))
    assert list(mounts(running).values()) == ["/mnt/old"]


@pytest.mark.parametrize("name", ["interfaces", "new_volumes", "filesystems"])
def test_rows_are_added_and_removed_without_scripts_and_nothing_is_judged(
    manager: Client, stopped: Instance, project: Project, name: str
) -> None:
    FileSystemFactory.create(project=project)
    answer = manager.post(address(stopped), sent(manager, stopped, vcpus="3", name="", add=name))
    form = answer.context["form"]
    assert (answer.status_code, getattr(form, name).total_form_count(), list(form.problems())) == (200, 1, [])
    assert 'value="3"' in answer.content.decode()
    assert "autofocus" in answer.content.decode()
    counts = {f"{name}-TOTAL_FORMS": "1", f"{name}-INITIAL_FORMS": "0"}
    answer = manager.post(address(stopped), sent(manager, stopped, **counts, remove=f"{name}.0"))
    assert getattr(answer.context["form"], name).total_form_count() == 0


def test_the_changes_can_be_looked_at_without_scripts(manager: Client, running: Instance) -> None:
    answer = manager.post(address(running), sent(manager, running, vcpus="3", show="1"))
    assert (answer.status_code, [change.field for change in answer.context["changes"]]) == (200, ["vcpus"])
    running.refresh_from_db()
    assert running.vcpus == 2


def test_growth_shows_its_quotas(manager: Client, running: Instance, project: Project) -> None:
    Quota.objects.create(project=project, resource="vcpus", limit=3)
    answer = manager.post(f"{address(running)}plan/", sent(manager, running, vcpus="4", **volume_row("v", "7")))
    found = [(item.level.resource.name, item.more, bool(item.reason)) for item in answer.context["quotas"]]
    assert found == [("vcpus", 2, True), ("volume_gib", 7, False), ("volumes", 1, False)]
    answer = manager.post(address(running), sent(manager, running, vcpus="4"))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["vcpus"])


def test_without_room_the_page_says_so_and_keeps_what_was_typed(manager: Client, running: Instance) -> None:
    host = running.host
    assert host
    host.memory_mib = 2048
    host.save()
    answer = manager.post(address(running), sent(manager, running, memory_0="4"))
    assert (answer.status_code, bool(answer.context["problem"])) == (422, True)
    assert 'value="4"' in answer.content.decode()


def test_a_gpu_is_switched_on_and_off_while_it_is_stopped(manager: Client, stopped: Instance) -> None:
    assert plan_of(manager, stopped, gpu=["", "on"]) == [("gpu", "next_start")]
    refused = manager.post(address(stopped), sent(manager, stopped, gpu=["", "on"]))
    assert "GPUs: 1 needed, 0 free" in unescape(refused.content.decode())
    GpuFactory.create(host=stopped.host)
    assert manager.post(address(stopped), sent(manager, stopped, gpu=["", "on"])).status_code == 302
    Instance.objects.update(current_job=None)
    JobLock.objects.all().delete()
    stopped.refresh_from_db()
    assert stopped.gpu
    assert plan_of(manager, stopped) == []
    assert manager.post(address(stopped), sent(manager, stopped, gpu=[""])).status_code == 302
    stopped.refresh_from_db()
    assert not stopped.gpu
