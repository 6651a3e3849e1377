"""Volumes by programs: made, changed, attached, enlarged, listed and deleted."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from cloudia.accounts.models import Project
from instances.models import Instance
from storage.models import StorageDomain, Volume
from tests.factories import BootDiskFactory, DataDiskFactory, HostFactory, StorageDomainFactory, VolumeFactory, hold
from tests.integration.api.conftest import BASE

pytestmark = pytest.mark.django_db
VOLUMES = f"{BASE}/volumes/"


@pytest.fixture
def domain() -> StorageDomain:
    return StorageDomainFactory.create(name="pool", hosts=[HostFactory.create()])


def volume_in(project: Project, **values: Any) -> Volume:
    return VolumeFactory.create(project=project, **values)


def instance_in(project: Project) -> Instance:
    return BootDiskFactory.create(instance__project=project).instance


def disk_in(project: Project) -> Any:
    return DataDiskFactory.create(instance=instance_in(project))


def one(volume: Volume) -> str:
    return f"{VOLUMES}{volume.pk}/"


def test_create_answers_with_the_job_that_makes_it(manager: APIClient, project: Project, domain: StorageDomain) -> None:
    body = {"name": "logs", "project": str(project.pk), "storage_domain": str(domain.pk), "size_gib": 5}
    answer = manager.post(VOLUMES, body)
    assert (answer.status_code, answer.json()["kind"]) == (202, "volume.create")
    assert answer.headers["Location"] == f"{BASE}/jobs/{answer.json()['id']}/"
    made = manager.get(f"{VOLUMES}{answer.json()['target']['id']}/").json()
    assert {name: made[name] for name in ("name", "size_gib", "status", "attachment", "image", "media")} == {
        "name": "logs", "size_gib": 5, "status": "creating", "attachment": None, "image": None, "media": "ssd",
    }  # fmt: skip
    assert made["job"]["id"] == answer.json()["id"]


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"size_gib": "5"}, "size_gib", "invalid"),
        ({"size_gib": 0}, "size_gib", "min_value"),
        ({"size_gib": 10**30}, "size_gib", "max_value"),
        ({"name": "a\u0007"}, "name", "invalid"),
        ({"storage_domain": "nowhere"}, "storage_domain", "invalid"),
        ({"snapshot": "later"}, "snapshot", "not_supported"),
        ({"iops": 5}, "iops", "unknown_field"),
    ],
)
def test_body_that_makes_no_sense_is_refused_at_its_field(
    manager: APIClient, project: Project, domain: StorageDomain, change: dict[str, Any], field: str, code: str
) -> None:
    body = {"name": "logs", "project": str(project.pk), "storage_domain": str(domain.pk), "size_gib": 5, **change}
    answer = manager.post(VOLUMES, body)
    assert answer.status_code == 400
    assert {name: found[0]["code"] for name, found in answer.json()["fields"].items()} == {field: code}
    assert not Volume.objects.exists()


def test_edit_honours_if_match(manager: APIClient, project: Project) -> None:
    volume = volume_in(project)
    tag = manager.get(one(volume)).headers["ETag"]
    answer = manager.patch(one(volume), {"name": "new"}, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["name"]) == (200, "new")
    answer = manager.patch(one(volume), {"name": "newer"}, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")


def test_attached_volume_says_where_and_why_it_stays(manager: APIClient, project: Project) -> None:
    disk = disk_in(project)
    body = manager.get(one(disk.volume)).json()
    assert body["status"] == "in_use"
    assert body["attachment"] == {
        "instance": {"id": str(disk.instance_id), "name": disk.instance.name},
        "position": 1, "device_name": "vdb", "is_boot": False,
    }  # fmt: skip
    assert {name: verdict["code"] for name, verdict in body["actions"].items()} == {
        "edit": None, "attach": "in_use", "detach": None, "resize": None, "delete": "in_use",
    }  # fmt: skip
    answer = manager.delete(one(disk.volume))
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert answer.json()["holder"]["id"] == str(disk.instance_id)


def test_attach_detach_and_resize_are_jobs(manager: APIClient, project: Project) -> None:
    instance = instance_in(project)
    volume = volume_in(project, storage_domain=instance.image.storage_domain)
    answer = manager.post(f"{one(volume)}attach/", {"instance": str(instance.pk)})
    assert (answer.status_code, answer.json()["target"]["id"]) == (202, str(instance.pk))
    answer = manager.post(f"{one(volume)}detach/")
    assert (answer.status_code, answer.json()["code"]) == (409, "busy")
    answer = manager.post(f"{one(volume_in(project))}resize/", {"size_gib": 20})
    assert (answer.status_code, answer.json()["kind"]) == (202, "volume.resize")
    answer = manager.post(f"{one(disk_in(project).volume)}detach/")
    assert (answer.status_code, answer.json()["kind"]) == (202, "volume.detach")


def test_refusals_name_their_field(manager: APIClient, project: Project) -> None:
    elsewhere = volume_in(project)
    answer = manager.post(f"{one(elsewhere)}attach/", {"instance": str(instance_in(project).pk)})
    assert answer.json()["fields"]["instance"][0]["code"] == "other_storage_domain"
    answer = manager.post(f"{one(elsewhere)}resize/", {"size_gib": 5})
    assert answer.json()["fields"]["size_gib"][0]["code"] == "volume_shrink"
    answer = manager.post(f"{one(elsewhere)}detach/", {"force": True})
    assert answer.json()["fields"]["force"][0]["code"] == "unknown_field"


def test_volumes_of_others_do_not_exist(manager: APIClient) -> None:
    volume = VolumeFactory.create()
    assert manager.get(one(volume)).status_code == 404
    assert manager.post(f"{one(volume)}resize/", {"size_gib": 20}).status_code == 404
    assert manager.get(VOLUMES).json()["results"] == []


def test_list_is_narrowed(manager: APIClient, project: Project) -> None:
    disk, free = disk_in(project), volume_in(project, name="free-1", size_gib=3)

    def found(query: str) -> set[str]:
        return {row["id"] for row in manager.get(f"{VOLUMES}?{query}").json()["results"]}

    boot = str(disk.instance.disks.get(is_boot=True).volume_id)
    assert found("attached=false") == {str(free.pk)}
    assert found(f"instance={disk.instance_id}") == {str(disk.volume_id), boot}
    assert found("search=FREE") == {str(free.pk)}
    assert found(f"storage_domain={free.storage_domain_id}") == {str(free.pk)}
    assert found("status=failed") == set()
    ordered = [row["size_gib"] for row in manager.get(f"{VOLUMES}?ordering=size_gib").json()["results"]]
    assert ordered == sorted(ordered)


def test_list_asks_the_database_equally_often_for_1_and_for_20(manager: APIClient, project: Project) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert manager.get(VOLUMES).status_code == 200
        return len(seen)

    hold(disk_in(project).instance)
    queries()  # notes that the token was used
    few = queries()
    for _ in range(9):
        hold(disk_in(project).instance)
        hold(volume_in(project), kind="volume.resize")
    assert queries() == few


@pytest.mark.parametrize(
    ("query", "also"), [("", False), ("?delete_volumes=false", False), ("?delete_volumes=true", True)]
)
def test_instance_takes_its_volumes_along_if_asked(
    manager: APIClient, project: Project, query: str, also: bool
) -> None:
    disk = disk_in(project)
    answer = manager.delete(f"{BASE}/instances/{disk.instance_id}/{query}")
    assert answer.status_code == 202
    disk.volume.refresh_from_db()
    assert (disk.volume.current_job is not None) is also


def test_misspelt_wish_to_delete_volumes_deletes_nothing(manager: APIClient, project: Project) -> None:
    disk = disk_in(project)
    for query in ("delete_volumes=yes", "delete_volume=true"):
        answer = manager.delete(f"{BASE}/instances/{disk.instance_id}/?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    disk.instance.refresh_from_db()
    assert disk.instance.current_job is None
