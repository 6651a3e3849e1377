"""PATCH of an instance: the wished lists, the plan, the tag; refused like everything else, at the field."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudia.accounts.models import Project
from cloudia.jobs.models import Job
from instances.enums import PowerState
from instances.models import Instance, InstanceInterface
from networking.services.groups import default_group
from storage.models import Volume
from tests.factories import (
    BootDiskFactory,
    DataDiskFactory,
    FileSystemFactory,
    HostFactory,
    InstanceTypeFactory,
    InterfaceFactory,
    SecurityGroupFactory,
    StorageDomainFactory,
    SubnetFactory,
    VolumeFactory,
)
from tests.integration.api.conftest import BASE

pytestmark = pytest.mark.django_db

ONLY_STOPPED = "Only possible when stopped. It is now: Running."


@pytest.fixture
def link(project: Project) -> InstanceInterface:
    """The interface of a stopped instance that may grow, with a boot disk and a data disk."""
    domain = StorageDomainFactory.create(hosts=[host := HostFactory.create()])
    place = {"instance__host": host, "instance__image__storage_domain": domain}
    values = {
        **place,
        "instance__vcpus": 2,
        "instance__max_vcpus": 4,
        "instance__memory_mib": 1024,
        "instance__name": "web",
    }
    made = InterfaceFactory.create(
        instance__project=project, instance__max_memory_mib=4096, subnet__project=project, **values
    )
    BootDiskFactory.create(instance=made.instance)
    disk = DataDiskFactory.create(instance=made.instance)
    Volume.objects.filter(pk=disk.volume_id).update(name="data")
    return made


def path(link: InstanceInterface, query: str = "") -> str:
    return f"{BASE}/instances/{link.instance_id}/{query}"


def run(link: InstanceInterface) -> None:
    Instance.objects.update(power_state=PowerState.RUNNING)


def wrong(answer: Any) -> dict[str, str]:
    """The code at each field."""
    assert answer.status_code == 400, answer.content
    return {name: errors[0]["code"] for name, errors in answer.json()["fields"].items()}


def test_hardware_is_changed_by_a_job(manager: APIClient, link: InstanceInterface) -> None:
    answer = manager.patch(path(link), {"vcpus": 3, "memory_mib": 2048, "name": "www"})
    job = Job.objects.get()

    assert (answer.status_code, answer.json()["kind"]) == (202, "instance.update")
    assert answer.headers["Location"] == f"{BASE}/jobs/{job.pk}/"
    shown = manager.get(path(link)).json()
    assert (shown["name"], shown["vcpus"], shown["memory_mib"], shown["max_vcpus"]) == ("www", 3, 2048, 4)
    assert shown["status"] == "updating"


def test_plan_is_answered_and_nothing_is_changed(manager: APIClient, link: InstanceInterface) -> None:
    run(link)
    answer = manager.patch(path(link, "?dry_run=true"), {"vcpus": 3, "max_vcpus": 8, "volumes": []})

    assert answer.status_code == 200
    names = ("field", "label", "from", "to", "applies", "code", "reason")
    assert [tuple(change[name] for name in names) for change in answer.json()["changes"]] == [
        ("vcpus", "vCPU", 2, 3, "now", "", ""),
        ("max_vcpus", "Maximum vCPUs", 4, 8, "never", "bad_state", ONLY_STOPPED),
        ("volumes", "Detach volume", "data", None, "now", "", ""),
    ]
    assert not Job.objects.exists()
    assert manager.get(path(link)).json()["vcpus"] == 2


def test_what_may_not_be_changed_now_is_said_at_its_field(manager: APIClient, link: InstanceInterface) -> None:
    run(link)
    kind = InstanceTypeFactory.create(vcpus=1, memory_mib=512)
    share = FileSystemFactory.create(project=link.instance.project, subnet=link.interface.subnet)
    changes = {
        "max_memory_mib": 8192,
        "instance_type": str(kind.pk),
        "filesystems": [{"filesystem": str(share.pk), "mount_path": "/mnt/a"}],
    }
    assert wrong(manager.patch(path(link), changes)) == {
        "instance_type": "bad_state",
        "vcpus": "bad_state",
        "memory_mib": "bad_state",
        "max_memory_mib": "bad_state",
        "filesystems.0.filesystem": "bad_state",
    }


def test_first_interface_stays(manager: APIClient, link: InstanceInterface) -> None:
    second = InterfaceFactory.create(instance=link.instance, subnet=link.interface.subnet, position=1)
    entries = [{"id": str(second.interface_id)}]
    assert wrong(manager.patch(path(link), {"interfaces": entries})) == {"interfaces": "primary_interface"}
    assert wrong(manager.patch(path(link), {"interfaces": []})) == {"interfaces": "required"}


def test_lists_are_what_the_instance_shall_have(manager: APIClient, link: InstanceInterface) -> None:
    project = link.instance.project
    spare = VolumeFactory.create(project=project, storage_domain=link.instance.image.storage_domain, name="spare")
    far = SubnetFactory.create(project=project, vpc=link.interface.subnet.vpc, cidr="10.9.0.0/24")
    changes = {
        "interfaces": [{"id": str(link.interface_id)}, {"subnet": str(far.pk), "ip_address": "10.9.0.9"}],
        "volumes": [str(spare.pk), {"name": "logs", "size_gib": 1}],
        "filesystems": [],
    }
    answer = manager.patch(path(link), changes)

    assert answer.status_code == 202, answer.json()
    nics = manager.get(path(link, "interfaces/")).json()["results"]
    assert [(nic["ip_address"], nic["security_groups"][0]["id"]) for nic in nics[1:]] == [
        ("10.9.0.9", str(default_group(project).pk))
    ]
    assert nics[0]["id"] == str(link.interface_id)
    names = {disk["volume"]["name"] for disk in manager.get(path(link, "disks/")).json()["results"]}
    assert {"spare", "logs"} <= names


def test_interface_keeps_what_is_not_said(manager: APIClient, link: InstanceInterface) -> None:
    group = SecurityGroupFactory.create(project=link.instance.project)
    entry = {"id": str(link.interface_id), "security_groups": [str(group.pk)]}

    answer = manager.patch(path(link), {"interfaces": [entry]})

    assert (answer.status_code, answer.json()["ip_addresses"]) == (200, [link.interface.address])
    assert list(link.interface.security_groups.all()) == [group]


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"interfaces": [{}]}, {"interfaces.0.subnet": "required"}),
        ({"interfaces": "x"}, {"interfaces": "not_a_list"}),
        ({"interfaces": [{"id": "x"}]}, {"interfaces.0.id": "invalid"}),
        ({"filesystems": [{"mount_path": "/mnt/a"}]}, {"filesystems.0.filesystem": "required"}),
        ({"volumes": [{"name": "x"}]}, {"volumes.0.size_gib": "required"}),
        ({"vcpus": "2"}, {"vcpus": "invalid"}),
        ({"vcpus": None}, {"vcpus": "null"}),
        ({"max_vcpus": 1}, {"max_vcpus": "below_current"}),
        ({"cores": 2}, {"threads_per_core": "required"}),
        ({"cores": 2, "threads_per_core": 2}, {"cores": "topology"}),
        ({"vpc": "x", "cloud_init": {}}, {"vpc": "fixed", "cloud_init": "fixed"}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_wrong_value_is_said_at_its_field(
    manager: APIClient, link: InstanceInterface, changes: dict[str, Any], codes: dict[str, str]
) -> None:
    assert wrong(manager.patch(path(link), changes)) == codes
    assert wrong(manager.patch(path(link, "?dry_run=true"), changes)) == codes


def test_interface_of_another_instance_is_refused(manager: APIClient, link: InstanceInterface) -> None:
    ours = InterfaceFactory.create(instance__project=link.instance.project, subnet=link.interface.subnet)
    theirs = InterfaceFactory.create()
    entries = [{"id": str(link.interface_id)}, {"id": str(ours.interface_id)}]
    assert wrong(manager.patch(path(link), {"interfaces": entries})) == {"interfaces.1": "gone"}
    assert wrong(manager.patch(path(link), {"interfaces": [{"id": str(theirs.interface_id)}]})) == {
        "interfaces.0.id": "does_not_exist"
    }


def test_size_of_a_type_is_not_said_twice_and_another_size_leaves_the_type(
    manager: APIClient, link: InstanceInterface
) -> None:
    kind = InstanceTypeFactory.create(vcpus=1, memory_mib=512)
    assert wrong(manager.patch(path(link), {"instance_type": str(kind.pk), "vcpus": 2})) == {"vcpus": "conflict"}
    assert manager.patch(path(link), {"instance_type": str(kind.pk)}).status_code == 202
    Instance.objects.update(current_job=None)
    Job.objects.all().delete()
    assert manager.get(path(link)).json()["instance_type"]["id"] == str(kind.pk)
    manager.patch(path(link), {"memory_mib": 1024})
    assert manager.get(path(link)).json()["instance_type"] is None


@pytest.mark.parametrize("part", ["groups", "disk", "size"])
def test_tag_is_of_the_hardware_too(manager: APIClient, link: InstanceInterface, part: str) -> None:
    tag = manager.get(path(link)).headers["ETag"]
    if part == "groups":
        link.interface.security_groups.add(SecurityGroupFactory.create(project=link.instance.project))
    elif part == "disk":
        DataDiskFactory.create(instance=link.instance, position=2)
    else:
        Instance.objects.update(memory_mib=512)
    answer = manager.patch(path(link), {"vcpus": 3}, HTTP_IF_MATCH=tag)
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert manager.patch(path(link, "?dry_run=true"), {"vcpus": 3}, HTTP_IF_MATCH=tag).status_code == 412
