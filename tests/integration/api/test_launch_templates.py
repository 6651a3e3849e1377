"""Launch templates through the API: what is kept, what is not, and what a new instance takes from one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudia.accounts.enums import Role
from cloudia.accounts.models import AuditEntry, Project
from instances.launch_templates import LaunchTemplate
from instances.models import Instance
from storage.models import Image
from tests.factories import (
    AffinityGroupFactory,
    FileSystemFactory,
    HostFactory,
    ImageFactory,
    InstanceTypeFactory,
    LaunchTemplateFactory,
    SecurityGroupFactory,
    StorageDomainFactory,
    SubnetFactory,
    VolumeFactory,
)
from tests.integration.api.conftest import BASE, Body
from tests.integration.api.test_networks import wrong

pytestmark = pytest.mark.django_db
TEMPLATES, INSTANCES = f"{BASE}/launch-templates/", f"{BASE}/instances/"
SCRIPT = {"name": "setup.sh", "stage": "boot", "content": "#!/bin/sh\ntrue\n"}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIcrHZCWRmlLf3F1FpF8dPVTrRqFvR1XLxRrqrCmJFfs somebody"


@pytest.fixture
def content(project: Project) -> Body:
    """A request that can be carried out, with something of everything that is kept."""
    domain = StorageDomainFactory.create(hosts=[HostFactory.create()])
    subnet = SubnetFactory.create(project=project)
    nic = {"subnet": str(subnet.pk), "security_groups": [str(SecurityGroupFactory.create(project=project).pk)]}
    share = FileSystemFactory.create(project=project, subnet=subnet)
    return {
        "description": "the shop",
        "image": str(ImageFactory.create(storage_domain=domain).pk),
        "vcpus": 2,
        "memory_mib": 2048,
        "threads_per_core": 1,
        "cores": 2,
        "max_vcpus": 4,
        "boot_disk_gib": 10,
        "affinity_group": str(AffinityGroupFactory.create(project=project).pk),
        "interfaces": [nic],
        "volumes": [{"name": "data", "size_gib": 5}],
        "filesystems": [{"filesystem": str(share.pk), "mount_path": "/srv"}],
        "cloud_init": {"username": "kim", "ssh_keys": [KEY], "scripts": [SCRIPT]},
        "start": False,
    }


@pytest.fixture
def template(project: Project) -> LaunchTemplate:
    row: LaunchTemplate = LaunchTemplateFactory.create(project=project, name="web")
    return row


def test_template_keeps_the_request_without_secrets_and_what_is_one_instances_own(
    manager: APIClient, project: Project, content: Body
) -> None:
    volume = VolumeFactory.create(project=project, storage_domain=Image.objects.get(pk=content["image"]).storage_domain)
    sent = json.loads(json.dumps(content))
    sent["cloud_init"]["password"] = "correct horse"
    sent["interfaces"][0]["ip_address"] = "10.0.0.77"
    sent["volumes"].insert(0, str(volume.pk))

    answer = manager.post(TEMPLATES, {"name": "web", "project": str(project.pk), "content": sent})

    assert answer.status_code == 201, answer.json()
    assert answer.json()["content"] == content == LaunchTemplate.objects.get().content
    assert "correct horse" not in json.dumps(answer.json())
    assert not Instance.objects.exists()


def test_what_a_template_keeps_makes_the_same_instance(manager: APIClient, project: Project, content: Body) -> None:
    made = manager.post(TEMPLATES, {"name": "web", "project": str(project.pk), "content": content}).json()

    answer = manager.post(INSTANCES, {"name": "web-1", "launch_template": made["id"]})

    assert answer.status_code == 202, answer.json()
    instance = Instance.objects.get()
    assert (instance.name, instance.description, instance.project) == ("web-1", "the shop", project)
    assert (instance.vcpus, instance.max_vcpus, instance.memory_mib) == (2, 4, 2048)
    assert [disk.volume.size_gib for disk in instance.disks.all()] == [10, 5]
    assert (instance.guest.username, instance.guest.ssh_keys) == ("kim", KEY)
    assert [script.name for script in instance.scripts.all()] == ["setup.sh"]
    assert [mount.mount_path for mount in instance.mounts.all()] == ["/srv"]
    assert instance.desired_state == "stopped"
    shown = manager.get(f"{INSTANCES}{instance.pk}/").json()
    assert shown["launch_template"] == {"id": made["id"], "name": "web"}


def test_what_is_sent_overrides_the_template(manager: APIClient, template: LaunchTemplate, project: Project) -> None:
    template.content["cloud_init"] = {"username": "kim", "ssh_keys": [KEY], "scripts": []}
    template.save()
    other = {"subnet": str(SubnetFactory.create(project=project).pk)}
    body = {"name": "x", "launch_template": str(template.pk), "memory_mib": 1024, "interfaces": [other]}

    answer = manager.post(INSTANCES, {**body, "vcpus": 1, "cloud_init": {"password": "correct horse"}})

    assert answer.status_code == 202, answer.json()
    instance = Instance.objects.get()
    assert (instance.vcpus, instance.memory_mib, str(instance.nics[0].subnet_id)) == (1, 1024, other["subnet"])
    assert (instance.guest.username, instance.guest.ssh_keys) == ("kim", KEY)
    assert instance.guest.password_hash.startswith("$6$")


def test_cores_are_kept_with_their_number_of_vcpus(manager: APIClient, template: LaunchTemplate) -> None:
    template.content |= {"vcpus": 4, "threads_per_core": 2, "cores": 2}
    template.save()
    body = {"name": "x", "launch_template": str(template.pk)}
    for more in ({}, {"vcpus": 3}, {"vcpus": 4, "threads_per_core": 1, "cores": 4}):
        answer = manager.post(INSTANCES, {**body, **more})
        assert answer.status_code == 202, answer.json()
    by_age = Instance.objects.order_by("created_at").values_list("vcpus", "threads_per_core", "cores_per_socket")
    assert list(by_age) == [(4, 2, 2), (3, 1, None), (4, 1, 4)]


def test_one_way_of_saying_the_size_rules_out_the_other(manager: APIClient, template: LaunchTemplate) -> None:
    kind = InstanceTypeFactory.create(vcpus=1, memory_mib=512)
    body = {"name": "x", "launch_template": str(template.pk)}

    assert manager.post(INSTANCES, {**body, "instance_type": str(kind.pk)}).status_code == 202
    template.content = {**template.content, "instance_type": str(kind.pk)}
    for name in ("vcpus", "memory_mib"):
        del template.content[name]
    template.save()
    assert manager.post(INSTANCES, {**body, "vcpus": 3, "memory_mib": 256}).status_code == 202
    assert manager.post(INSTANCES, body).status_code == 202
    by_age = Instance.objects.order_by("created_at").values_list("vcpus", "memory_mib", "instance_type")
    assert list(by_age) == [(1, 512, kind.pk), (3, 256, None), (1, 512, kind.pk)]


def test_what_the_template_names_and_is_gone_is_an_error_at_its_field(
    manager: APIClient, template: LaunchTemplate, project: Project
) -> None:
    body = {"name": "x", "launch_template": str(template.pk)}
    image = Image.objects.get(pk=template.content["image"])
    image.deprecated = True
    image.save()
    assert wrong(manager.post(INSTANCES, body)) == {"image": ["not_usable"]}
    image.delete()
    project.subnets.get().delete()
    expected = {"image": ["does_not_exist"], "interfaces.0.subnet": ["does_not_exist"]}
    assert wrong(manager.post(INSTANCES, body)) == expected


def test_a_template_is_of_use_in_its_project_alone(operator: APIClient, template: LaunchTemplate) -> None:
    other = SubnetFactory.create()
    body = {"name": "x", "launch_template": str(template.pk), "project": str(other.project_id)}
    answer = operator.post(INSTANCES, {**body, "interfaces": [{"subnet": str(other.pk), "security_groups": []}]})
    assert wrong(answer) == {"launch_template": ["not_usable"]}


@pytest.mark.parametrize(
    ("field", "value", "codes"),
    [
        ("name", "", {"name": ["blank"]}),
        ("name", "taken", {"name": ["taken"]}),
        ("name", "two\nlines", {"name": ["invalid"]}),
        ("description", "x" * 256, {"description": ["max_length"]}),
        ("content", {}, {"content.image": ["required"], "content.interfaces": ["required"]}),
        ("content", {"name": "x"}, {"content.name": ["unknown_field"]}),
        ("content", {"project": "x"}, {"content.project": ["unknown_field"]}),
        ("content", {"launch_template": "x"}, {"content.launch_template": ["unknown_field"]}),
        ("content", "x", {"content": ["invalid"]}),
        ("content", {"boot_disk_gib": 1}, {"content.boot_disk_gib": ["out_of_range"]}),
        ("content", {"cloud_init": {"username": "root"}}, {"content.cloud_init.username": ["reserved"]}),
    ],
)
def test_what_can_not_be_kept_is_said_at_its_field(
    manager: APIClient, project: Project, content: Body, field: str, value: Any, codes: dict[str, list[str]]
) -> None:
    LaunchTemplateFactory.create(project=project, name="taken")
    LaunchTemplateFactory.create(name="elsewhere")
    body = {"name": "elsewhere", "project": str(project.pk), "content": content}
    whole = field != "content" or not isinstance(value, dict) or not value
    answer = manager.post(TEMPLATES, {**body, field: value if whole else {**content, **value}})
    assert wrong(answer) == codes
    assert LaunchTemplate.objects.count() == 2


def test_a_template_is_renamed_and_deleted_and_its_instances_stay(manager: APIClient, template: LaunchTemplate) -> None:
    manager.post(INSTANCES, {"name": "x", "launch_template": str(template.pk)})
    path = f"{TEMPLATES}{template.pk}/"

    changed = manager.patch(path, {"name": "shop", "description": "d"}).json()
    assert (changed["name"], changed["description"]) == ("shop", "d")
    assert wrong(manager.patch(path, {"content": {}})) == {"content": ["unknown_field"]}
    assert manager.delete(path).status_code == 204
    assert Instance.objects.get().launch_template is None
    done = AuditEntry.objects.filter(action__startswith="launch_template", outcome="done").order_by("id")
    assert [entry.action for entry in done] == ["launch_template.edit", "launch_template.delete"]


def test_a_viewer_reads_and_changes_nothing(member: Any, template: LaunchTemplate, content: Body) -> None:
    viewer, path = member(Role.VIEWER), f"{TEMPLATES}{template.pk}/"
    body = {"name": "x", "project": str(template.project_id), "content": content}
    answers = [viewer.post(TEMPLATES, body), viewer.patch(path, {"name": "x"}), viewer.delete(path)]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "permission_denied")}
    assert viewer.get(path).json()["actions"]["launch"]["allowed"] is False
    assert [row["id"] for row in viewer.get(TEMPLATES, {"search": "WEB"}).json()["results"]] == [str(template.pk)]
