"""File systems through the API, and those of an instance."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudia.accounts.models import Project
from instances.models import Instance, InstanceMount
from storage.models import FileSystem
from tests.factories import (
    ExternalNetworkFactory,
    FileSystemFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InterfaceFactory,
    MountFactory,
    StorageDomainFactory,
    SubnetFactory,
    VPCFactory,
)
from tests.integration.api.conftest import BASE, Body
from tests.integration.api.test_networks import found, wrong

pytestmark = pytest.mark.django_db


@pytest.fixture
def subnet(project: Project) -> Any:
    """In a VPC with a way out."""
    vpc = VPCFactory.create(project=project, external_network=ExternalNetworkFactory.create())
    return SubnetFactory.create(project=project, vpc=vpc)


@pytest.fixture
def instance(project: Project, subnet: Any) -> Instance:
    """Stopped."""
    made = InstanceFactory.create(project=project)
    InterfaceFactory.create(instance=made, subnet=subnet)
    return made


def create(client: APIClient, project: Project, **values: Any) -> Any:
    body: Body = {"name": "team", "project": str(project.pk), "kind": "nfs", "export": "nfs:/srv"}
    return client.post(f"{BASE}/filesystems/", {**body, **values})


def test_file_system_is_registered_edited_and_deleted(manager: APIClient, project: Project, subnet: Any) -> None:
    made = create(manager, project, subnet=str(subnet.pk), size_gib=100)
    assert made.status_code == 201
    address = f"{BASE}/filesystems/{made.json()['id']}/"
    shown = {name: made.json()[name] for name in ("kind", "export", "path", "size_gib", "places", "job")}
    assert shown == {"kind": "nfs", "export": "nfs:/srv", "path": "", "size_gib": 100, "places": [], "job": None}
    assert made.json()["subnet"]["name"] == subnet.name
    assert manager.patch(address, {"name": "crew"}).json()["name"] == "crew"
    assert wrong(manager.patch(address, {"export": "nfs:/other"})) == {"export": ["unknown_field"]}
    assert manager.delete(address).status_code == 204
    assert not FileSystem.objects.exists()


def test_lists_narrow(manager: APIClient, project: Project, instance: Instance) -> None:
    nfs = FileSystemFactory.create(project=project, name="team")
    virtio = FileSystemFactory.create(project=project, name="scratch", kind="virtiofs", export="", path="/srv/x")
    MountFactory.create(instance=instance, filesystem=nfs)
    FileSystemFactory.create()
    assert found(manager, "filesystems/?ordering=name", "name") == ["scratch", "team"]
    assert found(manager, "filesystems/?kind=virtiofs") == [str(virtio.pk)]
    assert found(manager, f"filesystems/?instance={instance.pk}") == [str(nfs.pk)]
    assert found(manager, "filesystems/?search=TEA") == [str(nfs.pk)]


def test_directories_of_hosts_are_for_operators(manager: APIClient, project: Project) -> None:
    body = {"name": "x", "project": str(project.pk), "kind": "virtiofs", "path": "/srv/x"}
    answer = manager.post(f"{BASE}/filesystems/", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_instance_mounts_moves_and_removes(manager: APIClient, instance: Instance) -> None:
    row = FileSystemFactory.create(project=instance.project, size_gib=7)
    address = f"{BASE}/instances/{instance.pk}/filesystems/"
    made = manager.post(address, {"filesystem": str(row.pk), "mount_path": "/mnt/x"})
    assert made.status_code == 201
    assert manager.get(address).json()["results"] == [made.json()]
    assert made.json()["filesystem"] == {"id": str(row.pk), "name": row.name}
    assert (made.json()["kind"], made.json()["size_gib"], made.json()["mount_path"]) == ("nfs", 7, "/mnt/x")
    assert made.json()["actions"]["remove_filesystem"]["allowed"]
    one = f"{address}{row.pk}/"
    assert manager.patch(one, {"mount_path": "/mnt/y"}).json()["mount_path"] == "/mnt/y"
    assert manager.get(one).json()["mount_path"] == "/mnt/y"
    assert manager.delete(one).status_code == 204
    assert manager.get(one).status_code == manager.get(f"{address}x/").status_code == 404
    assert not InstanceMount.objects.exists()


def test_mount_that_can_not_be_says_why(manager: APIClient, instance: Instance) -> None:
    address = f"{BASE}/instances/{instance.pk}/filesystems/"
    foreign = FileSystemFactory.create()
    assert wrong(manager.post(address, {"filesystem": str(foreign.pk), "mount_path": "/mnt"})) == {
        "filesystem": ["does_not_exist"]
    }
    elsewhere = FileSystemFactory.create(
        project=instance.project, subnet=SubnetFactory.create(project=instance.project)
    )
    assert wrong(manager.post(address, {"filesystem": str(elsewhere.pk), "mount_path": "/etc"})) == {
        "filesystem": ["unreachable_subnet"],
        "mount_path": ["reserved"],
    }


def test_instance_is_made_with_file_systems(manager: APIClient, project: Project, subnet: Any) -> None:
    image = ImageFactory.create(storage_domain=StorageDomainFactory.create(hosts=[HostFactory.create()]))
    row = FileSystemFactory.create(project=project)
    body = {"name": "web-1", "project": str(project.pk), "image": str(image.pk), "vcpus": 1, "memory_mib": 512}
    body |= {"interfaces": [{"subnet": str(subnet.pk)}]}
    mounts = [
        {"filesystem": str(row.pk), "mount_path": "/mnt/x"},
        {"filesystem": str(row.pk), "mount_path": "/mnt/x/y"},
    ]
    assert wrong(manager.post(f"{BASE}/instances/", {**body, "filesystems": mounts})) == {
        "filesystems.1.filesystem": ["duplicate"],
        "filesystems.1.mount_path": ["taken"],
    }
    assert not Instance.objects.exists()
    made = manager.post(f"{BASE}/instances/", {**body, "filesystems": mounts[:1]})
    assert made.status_code == 202, made.json()
    assert InstanceMount.objects.get().mount_path == "/mnt/x"
