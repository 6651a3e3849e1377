"""Storage domains through the API: everybody reads, operators change, and no key comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudia.accounts.enums import Role
from cloudia.accounts.models import AuditEntry
from cloudia.hosts.models import Host
from cloudia.jobs.models import Job
from storage.enums import StrayKind
from storage.models import StorageDomain, StrayFile
from tests.factories import GIB, HostFactory, StorageDomainFactory, VolumeFactory
from tests.integration.api.conftest import BASE

pytestmark = pytest.mark.django_db
DOMAINS = f"{BASE}/storage-domains/"
CEPH: dict[str, Any] = {
    "name": "ceph",
    "kind": "rbd",
    "server": "10.0.0.1, mon2.example:6789",
    "source": "vms",
    "username": "cloudia",
    "secret": "QVFDa2V5a2V5a2V5",
}


def test_member_reads_room_and_nothing_of_the_hosts(member: Callable[[Role], APIClient]) -> None:
    domain = StorageDomainFactory.create(hosts=[HostFactory.create()], over_commit=2)
    VolumeFactory.create(storage_domain=domain, size_gib=100)
    shown = member(Role.VIEWER).get(f"{DOMAINS}{domain.pk}/").json()
    figures = {name: shown[f"{name}_bytes"] // GIB for name in ("capacity", "available", "promised", "limit")}
    assert figures == {"capacity": 1000, "available": 600, "promised": 100, "limit": 2000}
    assert (shown["kind"], shown["shared"], shown["active"]) == ("dir", False, True)
    assert {shown[name] for name in ("path", "server", "source", "username", "scanned_at")} == {None}
    assert shown["attachments"] is None


@pytest.mark.parametrize(
    ("method", "path"),
    [("post", ""), ("patch", "{}/"), ("delete", "{}/"), ("post", "{}/attach/"), ("post", "{}/detach/"),
     ("post", "{}/forget/"), ("post", "{}/scan/"), ("post", "{}/clean/"), ("get", "{}/garbage/")],
)  # fmt: skip
def test_member_changes_nothing(manager: APIClient, method: str, path: str) -> None:
    domain = StorageDomainFactory.create()
    answer = getattr(manager, method)(f"{DOMAINS}{path.format(domain.pk)}", {})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert not Job.objects.exists()


def test_operator_sees_hosts_and_why_one_does_not_work(operator: APIClient) -> None:
    domain, host = StorageDomainFactory.create(), HostFactory.create()
    domain.attachments.create(host=host, problem_texts={"en": "Is it mounted?"})
    shown = operator.get(DOMAINS).json()["results"][0]
    attached = shown["attachments"][0]
    assert (attached["host"]["name"], attached["active"], attached["problem"]) == (host.name, False, "Is it mounted?")
    assert (shown["path"], shown["active"]) == (domain.path, False)
    assert shown["actions"]["delete"]["code"] == "attached"


def test_key_goes_in_and_never_comes_out(operator: APIClient) -> None:
    made = operator.post(DOMAINS, CEPH)
    assert made.status_code == 201
    domain = StorageDomain.objects.get()
    changed = operator.patch(f"{DOMAINS}{domain.pk}/", {"secret": "QVFDb3RoZXJvdGhlcg=="})
    assert (changed.status_code, StorageDomain.objects.get().secret) == (200, "QVFDb3RoZXJvdGhlcg==")
    for answer in (made, changed, operator.get(DOMAINS)):
        assert "QVFD" not in answer.content.decode()
        assert "secret" not in answer.json()
    assert "QVFD" not in str(list(AuditEntry.objects.values()))
    assert CEPH["secret"] not in str(list(StorageDomain.objects.values()))


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"kind": "dir"}, {"path": "required"}),
        ({"kind": "dir", "path": "srv/a"}, {"path": "invalid"}),
        ({"kind": "dir", "path": "/srv/../etc"}, {"path": "invalid"}),
        ({"kind": "dir", "path": "/srv//a"}, {"path": "invalid"}),
        ({"kind": "dir", "path": "/etc/cloudia"}, {"path": "not_usable"}),
        ({"kind": "dir", "path": "/srvcloud"}, {"path": "not_usable"}),
        ({"kind": "dir", "path": "/srv/a", "server": "x"}, {"server": "not_supported"}),
        ({"kind": "nfs", "server": "-x", "source": "a b"}, {"server": "invalid", "source": "invalid"}),
        ({"kind": "nfs", "path": "/srv/a"}, {"path": "not_supported", "server": "required", "source": "required"}),
        ({"kind": "lvm", "source": "../x"}, {"source": "invalid"}),
        ({**CEPH, "server": "a;b"}, {"server": "invalid"}),
        ({**CEPH, "secret": "not base64!"}, {"secret": "invalid"}),
        ({**CEPH, "secret": ""}, {"secret": "required"}),
        ({"kind": "dir", "path": "/srv/a", "over_commit": 0.5}, {"over_commit": "min_value"}),
    ],
)
def test_each_wrong_field_is_named(operator: APIClient, body: dict[str, Any], wrong: dict[str, str]) -> None:
    answer = operator.post(DOMAINS, {"name": "new", **body})
    assert answer.status_code == 400
    assert {name: faults[0]["code"] for name, faults in answer.json()["fields"].items()} == wrong
    assert not StorageDomain.objects.exists()


def test_two_in_one_shared_place_are_refused(operator: APIClient) -> None:
    body = {"name": "a", "kind": "nfs", "server": "nfs", "source": "/a"}
    assert operator.post(DOMAINS, body).status_code == 201
    refused = operator.post(DOMAINS, {**body, "name": "b"}).json()
    assert refused["fields"]["source"][0]["code"] == "taken"


def test_hosts_get_and_lose_it_by_jobs(operator: APIClient) -> None:
    domain, host = StorageDomainFactory.create(), HostFactory.create()
    path = f"{DOMAINS}{domain.pk}/"
    assert operator.post(f"{path}detach/", {"host": str(host.pk)}).json()["fields"]["host"][0]["code"] == "not_usable"
    asked = operator.post(f"{path}attach/", {"host": str(host.pk)})
    assert (asked.status_code, asked.json()["kind"]) == (202, "storage_domain.attach")
    assert operator.post(f"{path}attach/", {"host": str(host.pk)}).json()["code"] == "busy"
    Job.objects.all().delete()
    domain.attachments.create(host=host, active=True)
    asked = operator.post(f"{path}detach/", {"host": str(host.pk)})
    assert (asked.status_code, asked.json()["kind"]) == (202, "storage_domain.detach")
    assert domain.attachments.get().leaving


def test_host_that_is_gone_for_good_is_forgotten(operator: APIClient) -> None:
    host = HostFactory.create()
    domain = StorageDomainFactory.create(hosts=[host])
    path, body = f"{DOMAINS}{domain.pk}/forget/", {"host": str(host.pk)}
    refused = operator.post(path, body)
    assert (refused.status_code, refused.json()["code"]) == (409, "host_answers")
    Host.objects.update(reachable=False)
    assert operator.post(path, body).status_code == 204
    assert not domain.attachments.exists()
    assert operator.post(path, body).json()["fields"]["host"][0]["code"] == "not_usable"


def test_report_is_read_and_chosen_from(operator: APIClient) -> None:
    domain = StorageDomainFactory.create(hosts=[HostFactory.create()])
    stray = StrayFile.objects.create(domain=domain, kind=StrayKind.ORPHAN, name="x", size_bytes=5)
    path = f"{DOMAINS}{domain.pk}/"
    assert [(row["name"], row["deletable"]) for row in operator.get(f"{path}garbage/").json()] == [("x", False)]
    refused = operator.post(f"{path}clean/", {"files": [str(stray.pk)]})
    assert refused.json()["fields"]["files"][0]["code"] == "not_usable"
    unknown = operator.post(f"{path}clean/", {"files": [str(domain.pk)]})
    assert unknown.json()["fields"]["files"][0]["code"] == "does_not_exist"
    assert operator.post(f"{path}scan/").status_code == 202
