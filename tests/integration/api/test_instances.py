"""Instances through the API: what is read, what is asked for, and what can't be."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cloudia.accounts.enums import Origin, Role
from cloudia.accounts.models import AuditEntry, Project, Quota
from cloudia.hosts.models import Host
from cloudia.jobs.models import Job, JobLock
from instances.enums import PowerState
from instances.models import Instance
from storage.models import Image
from tests.factories import (
    BootDiskFactory,
    GpuFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InstanceTypeFactory,
    StorageDomainFactory,
    SubnetFactory,
    VolumeFactory,
    hold,
)
from tests.integration.api.conftest import BASE, Body
from tests.integration.api.test_networks import wrong

pytestmark = pytest.mark.django_db
FIELDS = {
    "id", "short_id", "name", "description", "project", "origin", "owner", "status", "status_label", "power_state",
    "observed_at", "job", "vcpus", "threads_per_core", "cores", "max_vcpus", "memory_mib", "max_memory_mib", "gpu",
    "instance_type", "image", "launch_template", "affinity_group", "vpc", "host", "ip_addresses", "cloud_init",
    "created_at", "actions",
}  # fmt: skip  # the contract


@pytest.fixture
def body(project: Project) -> Body:
    """A request that can be carried out: there is a host with room that has the image."""
    image = ImageFactory.create(storage_domain=StorageDomainFactory.create(hosts=[HostFactory.create()]))
    nic = {"subnet": str(SubnetFactory.create(project=project).pk)}
    size = {"vcpus": 2, "memory_mib": 2048}
    return {"name": "web-1", "project": str(project.pk), "image": str(image.pk), "interfaces": [nic], **size}


def test_instance_is_shown_as_the_contract_says(manager: APIClient, project: Project) -> None:
    kind = InstanceTypeFactory.create(name="small")
    instance = InstanceFactory.create(project=project, power_state=PowerState.RUNNING, instance_type=kind)

    shown = manager.get(f"{BASE}/instances/{instance.pk}/").json()

    assert set(shown) == FIELDS
    assert shown["project"] == {"id": str(project.pk), "name": "alpha"}
    assert shown["instance_type"] == {"id": str(kind.pk), "name": "small"}
    assert (shown["status"], shown["status_label"], shown["job"], shown["owner"]) == ("running", "Running", None, None)
    assert [shown[name] for name in ("vpc", "launch_template", "cloud_init", "ip_addresses")] == [None, None, None, []]
    assert shown["created_at"].endswith("Z")
    assert list(shown["actions"])[:3] == ["start", "stop", "reboot"]
    assert shown["actions"]["stop"] == {"allowed": True, "code": None, "reason": None}
    assert shown["actions"]["start"]["code"] == "bad_state"


def test_running_job_is_shown_with_its_status(manager: APIClient, project: Project) -> None:
    instance = InstanceFactory.create(project=project)
    job = hold(instance, progress=40)

    shown = manager.get(f"{BASE}/instances/{instance.pk}/").json()

    assert shown["status"] == "starting"
    assert shown["job"] == {"id": str(job.pk), "kind": "instance.start", "progress": 40}


def test_owner_of_a_managed_instance_is_shown(manager: APIClient, project: Project) -> None:
    instance = InstanceFactory.create(
        project=project, origin=Origin.KUBERNETES, owner_name="prod", owner_url="https://k8s.example/prod"
    )

    shown = manager.get(f"{BASE}/instances/{instance.pk}/").json()

    assert shown["owner"] == {"kind": "kubernetes", "name": "prod", "url": "https://k8s.example/prod"}
    assert shown["actions"]["start"]["code"] == "managed"


def test_create_records_what_was_asked_and_answers_with_the_job(manager: APIClient, body: Body) -> None:
    answer = manager.post(f"{BASE}/instances/", {**body, "boot_disk_gib": 10, "start": False, "description": "d"})

    assert answer.status_code == 202, answer.json()
    job = Job.objects.get()
    assert answer.headers["Location"] == f"/api/v1/jobs/{job.pk}/"
    assert (answer.json()["id"], answer.json()["kind"]) == (str(job.pk), "instance.create")
    instance = Instance.objects.get(pk=answer.json()["target"]["id"])
    assert (instance.name, instance.description, instance.vcpus, instance.memory_mib) == ("web-1", "d", 2, 2048)
    assert instance.disks.get().volume.size_gib == 10
    assert instance.desired_state == "stopped"


def test_gpu_is_asked_for_shown_and_switched_off(manager: APIClient, body: Body) -> None:
    none = manager.post(f"{BASE}/instances/", {**body, "gpu": True})
    gpu = GpuFactory.create(host=Host.objects.get())
    made = manager.post(f"{BASE}/instances/", {**body, "gpu": True}).json()
    path = f"{BASE}/instances/{made['target']['id']}/"
    assert (none.status_code, none.json()["code"]) == (409, "no_capacity")
    assert (manager.get(path).json()["gpu"], gpu.use.instance_id) == (True, uuid.UUID(made["target"]["id"]))

    JobLock.objects.all().delete()
    Instance.objects.update(current_job=None, power_state=PowerState.STOPPED)
    plan = manager.patch(f"{path}?dry_run=true", {"gpu": False}).json()["changes"]
    assert [(it["field"], it["applies"]) for it in plan] == [("gpu", "next_start")]
    assert manager.patch(path, {"gpu": False}).status_code == 202
    assert manager.get(path).json()["gpu"] is False


def test_create_by_instance_type_takes_its_size(manager: APIClient, body: Body) -> None:
    kind = InstanceTypeFactory.create(vcpus=4, memory_mib=8192)
    wish = {name: value for name, value in body.items() if name not in {"vcpus", "memory_mib"}}

    answer = manager.post(f"{BASE}/instances/", {**wish, "instance_type": str(kind.pk), "max_vcpus": 8})

    assert answer.status_code == 202, answer.json()
    instance = Instance.objects.get()
    assert (instance.vcpus, instance.max_vcpus, instance.memory_mib, instance.instance_type) == (4, 8, 8192, kind)


NOBODY = str(uuid.UUID(int=0xA0))


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", "", "blank"),
        ("name", "x" * 10_000, "max_length"),
        ("name", "a\0b", "null_characters_not_allowed"),
        ("name", "\ud800", "surrogate_characters_not_allowed"),
        ("name", "two\nlines", "invalid"),
        ("name", 7, "invalid"),
        ("name", None, "null"),
        ("description", "x" * 2001, "max_length"),
        ("description", "a\0b", "null_characters_not_allowed"),
        ("vcpus", 0, "min_value"),
        ("vcpus", -1, "min_value"),
        ("vcpus", 10**30, "max_value"),
        ("vcpus", "two", "invalid"),
        ("vcpus", "2", "invalid"),
        ("vcpus", True, "invalid"),
        ("vcpus", 1.5, "invalid"),
        ("memory_mib", 1, "min_value"),
        ("memory_mib", 2**63, "max_value"),
        ("max_vcpus", 1, "below_current"),
        ("max_memory_mib", 1024, "below_current"),
        ("boot_disk_gib", 1, "out_of_range"),
        ("boot_disk_gib", 10**12, "max_value"),
        ("start", "yes", "invalid"),
        ("project", "nonsense", "invalid"),
        ("project", NOBODY, "does_not_exist"),
        ("project", "", "invalid"),
        ("image", NOBODY, "does_not_exist"),
        ("image", [], "incorrect_type"),
        ("instance_type", {"id": NOBODY}, "incorrect_type"),
        ("instance_type", NOBODY, "does_not_exist"),
        ("affinity_group", NOBODY, "does_not_exist"),
        ("affinity_group", 1, "incorrect_type"),
        ("interfaces", [], "min_length"),
        ("interfaces", None, "null"),
        ("interfaces", {}, "not_a_list"),
        ("cloud_init", None, "null"),
        ("cloud_init", [], "invalid"),
        ("gpu", "yes", "invalid"),
        ("snapshot", NOBODY, "not_supported"),
        ("colour", "blue", "unknown_field"),
        ("\ud800", 1, "unknown_field"),
    ],
)
def test_bad_field_of_create_is_named(manager: APIClient, body: Body, field: str, value: Any, code: str) -> None:
    text = json.dumps({**body, field: value})  # in ASCII, so that also half characters reach the server

    answer = manager.post(f"{BASE}/instances/", text, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    shown = field.encode(errors="replace").decode()
    assert [error["code"] for error in answer.json()["fields"][shown]] == [code]
    assert not Job.objects.exists()


def test_all_wrong_fields_are_named_at_once(manager: APIClient) -> None:
    answer = manager.post(f"{BASE}/instances/", {"vcpus": "x", "colour": "blue", "gpu": "x"})

    codes = {name: errors[0]["code"] for name, errors in answer.json()["fields"].items()}
    assert codes == {
        "name": "required", "project": "required", "image": "required", "interfaces": "required", "vcpus": "invalid",
        "gpu": "invalid", "colour": "unknown_field",
    }  # fmt: skip


def test_size_must_be_said_in_one_way(manager: APIClient, body: Body) -> None:
    kind = InstanceTypeFactory.create()
    both = manager.post(f"{BASE}/instances/", {**body, "instance_type": str(kind.pk)}).json()
    sizeless = {name: value for name, value in body.items() if name not in {"vcpus", "memory_mib"}}
    neither = manager.post(f"{BASE}/instances/", sizeless).json()

    assert {name: errors[0]["code"] for name, errors in both["fields"].items()} == {
        "vcpus": "conflict",
        "memory_mib": "conflict",
    }
    assert {name: errors[0]["code"] for name, errors in neither["fields"].items()} == {
        "vcpus": "required",
        "memory_mib": "required",
    }


def test_cores_and_threads_can_be_chosen(manager: APIClient, body: Body) -> None:
    size = {"vcpus": 6, "threads_per_core": 2, "cores": 3, "max_vcpus": 12}
    answer = manager.post(f"{BASE}/instances/", {**body, **size})

    assert answer.status_code == 202, answer.json()
    instance = manager.get(f"{BASE}/instances/{answer.json()['target']['id']}/").json()
    assert {name: instance[name] for name in size} == size


@pytest.mark.parametrize(
    ("size", "problems"),
    [
        ({"threads_per_core": 2}, {"cores": "required"}),
        ({"cores": 4}, {"threads_per_core": "required"}),
        ({"threads_per_core": 3, "cores": 1}, {"threads_per_core": "max_value"}),
        ({"threads_per_core": 0, "cores": 1}, {"threads_per_core": "min_value"}),
        ({"threads_per_core": True, "cores": 1}, {"threads_per_core": "invalid"}),
        ({"threads_per_core": None, "cores": 4}, {"threads_per_core": "null"}),
        ({"threads_per_core": 2, "cores": "4"}, {"cores": "invalid"}),
        ({"threads_per_core": 2, "cores": 0}, {"cores": "min_value"}),
        ({"threads_per_core": 2, "cores": 256}, {"cores": "max_value"}),
        ({"threads_per_core": 2, "cores": 3}, {"cores": "topology"}),
        ({"threads_per_core": 2, "cores": 4, "max_vcpus": 12}, {"max_vcpus": "topology"}),
    ],
)
def test_cores_and_threads_that_make_no_sense_are_refused(
    size: Body, problems: dict[str, str], manager: APIClient, body: Body
) -> None:
    answer = manager.post(f"{BASE}/instances/", {**body, "vcpus": 8, **size})

    assert answer.status_code == 400
    assert {name: errors[0]["code"] for name, errors in answer.json()["fields"].items()} == problems


def test_an_instance_type_leaves_no_choice_of_cores(manager: APIClient, body: Body) -> None:
    sizeless = {name: value for name, value in body.items() if name not in {"vcpus", "memory_mib"}}
    chosen = {"instance_type": str(InstanceTypeFactory.create().pk), "threads_per_core": 1, "cores": 1}
    answer = manager.post(f"{BASE}/instances/", {**sizeless, **chosen}).json()

    assert {name: errors[0]["code"] for name, errors in answer["fields"].items()} == {
        "threads_per_core": "conflict",
        "cores": "conflict",
    }


def test_no_room_is_409_with_each_hosts_reason(manager: APIClient, body: Body) -> None:
    answer = manager.post(f"{BASE}/instances/", {**body, "memory_mib": 1_000_000})

    assert (answer.status_code, answer.json()["code"]) == (409, "no_capacity")
    assert "memory: 1000000 MiB needed" in answer.json()["detail"]


def test_create_in_a_project_where_one_only_looks_is_refused(member: Any, body: Body) -> None:
    answer = member(Role.VIEWER).post(f"{BASE}/instances/", body)

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert AuditEntry.objects.get(action="instance.create").outcome == "refused"


def test_stop_passes_its_options_on(manager: APIClient, project: Project) -> None:
    instance = InstanceFactory.create(project=project, power_state=PowerState.RUNNING)

    answer = manager.post(f"{BASE}/instances/{instance.pk}/stop/", {"force": True, "timeout_s": 5})

    assert answer.status_code == 202
    assert Job.objects.get().params == {"force": True, "timeout_s": 5}


@pytest.mark.parametrize("options", [{"timeout_s": -1}, {"timeout_s": 10**9}, {"force": 1}, {"now": True}, [], "x"])
def test_bad_options_of_stop_are_refused(manager: APIClient, project: Project, options: Any) -> None:
    instance = InstanceFactory.create(project=project, power_state=PowerState.RUNNING)

    answer = manager.post(f"{BASE}/instances/{instance.pk}/stop/", options)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert not Job.objects.exists()


def test_delete_answers_with_a_job(manager: APIClient, project: Project) -> None:
    instance = InstanceFactory.create(project=project)

    answer = manager.delete(f"{BASE}/instances/{instance.pk}/")

    assert (answer.status_code, answer.json()["kind"]) == (202, "instance.delete")


def test_host_that_does_not_answer_is_503(manager: APIClient, project: Project) -> None:
    host = HostFactory.create(reachable=False, last_seen_at=timezone.now())
    instance = InstanceFactory.create(project=project, host=host)

    answer = manager.post(f"{BASE}/instances/{instance.pk}/start/")

    assert (answer.status_code, answer.json()["code"]) == (503, "host_unreachable")
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["holder"]["name"] == host.name


def test_edit_changes_what_is_sent_and_knows_what_is_fixed(manager: APIClient, project: Project) -> None:
    instance = InstanceFactory.create(project=project)

    answer = manager.patch(f"{BASE}/instances/{instance.pk}/", {"name": "new", "description": "text"})
    refused = manager.patch(f"{BASE}/instances/{instance.pk}/", {"gpu": "x", "id": "x", "image": "y"})

    assert (answer.status_code, answer.json()["name"], answer.json()["description"]) == (200, "new", "text")
    assert {name: errors[0]["code"] for name, errors in refused.json()["fields"].items()} == {
        "gpu": "invalid",
        "id": "unknown_field",
        "image": "fixed",
    }


def test_disks_and_jobs_of_an_instance_are_listed(manager: APIClient, project: Project) -> None:
    instance = InstanceFactory.create(project=project)
    disk = BootDiskFactory.create(instance=instance)
    job = hold(instance)
    hold(InstanceFactory.create(project=project))

    [shown] = manager.get(f"{BASE}/instances/{instance.pk}/disks/").json()["results"]
    [done] = manager.get(f"{BASE}/instances/{instance.pk}/jobs/").json()["results"]

    assert shown == {
        "position": 0,
        "device_name": "vda",
        "is_boot": True,
        "volume": {"id": str(disk.volume_id), "name": disk.volume.name},
        "storage_domain": {"id": str(disk.volume.storage_domain_id), "name": disk.volume.storage_domain.name},
        "media": "ssd",
        "size_gib": 8,
    }
    assert done["id"] == str(job.pk)


def test_data_disks_are_volumes_that_are_there_or_new_ones(manager: APIClient, body: Body, project: Project) -> None:
    volume = VolumeFactory.create(project=project, storage_domain=Image.objects.get(pk=body["image"]).storage_domain)
    wished = [{"name": "new", "size_gib": 5}, str(volume.pk)]
    answer = manager.post(f"{BASE}/instances/", {**body, "volumes": wished}, format="json")
    assert answer.status_code == 202, answer.json()
    disks = manager.get(f"{BASE}/instances/{answer.json()['target']['id']}/disks/").json()["results"]
    assert [(disk["device_name"], disk["volume"]["name"]) for disk in disks[1:]] == [
        ("vdb", "new"),
        ("vdc", volume.name),
    ]


def test_data_disks_that_make_no_sense_are_refused_at_their_place(manager: APIClient, body: Body) -> None:
    wished = [5, "nonsense", str(uuid.uuid4()), {"name": "", "size_gib": 1.5}, {"size": 1}, None, []]
    answer = manager.post(f"{BASE}/instances/", {**body, "volumes": wished}, format="json")
    assert answer.status_code == 400
    fields = {path: [problem["code"] for problem in problems] for path, problems in answer.json()["fields"].items()}
    assert fields == {
        "volumes.0": ["incorrect_type"],
        "volumes.1": ["invalid"],
        "volumes.2": ["does_not_exist"],
        "volumes.3.name": ["blank"],
        "volumes.3.size_gib": ["invalid"],
        "volumes.4.name": ["required"],
        "volumes.4.size_gib": ["required"],
        "volumes.4.size": ["unknown_field"],
        "volumes.5": ["null"],
        "volumes.6": ["incorrect_type"],
    }


def test_quotas_of_compute_are_read_and_refused_at_the_field(manager: APIClient, project: Project, body: Body) -> None:
    InstanceFactory.create(project=project, vcpus=1, memory_mib=1536)
    for resource, limit in (("vcpus", 2), ("memory_gib", 2)):
        Quota.objects.create(project=project, resource=resource, limit=limit)
    levels = {row["resource"]: row["used"] for row in manager.get(f"{BASE}/projects/{project.pk}/quotas/").json()}
    assert repr([levels[name] for name in ("instances", "vcpus", "memory_gib")]) == "[1, 1, 1.5]"
    assert wrong(manager.post(f"{BASE}/instances/", body)) == {
        "vcpus": ["quota_exceeded"],
        "memory_mib": ["quota_exceeded"],
    }
    Quota.objects.all().delete()
    Quota.objects.create(project=project, resource="instances", limit=1)
    answer = manager.post(f"{BASE}/instances/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "quota_exceeded")
