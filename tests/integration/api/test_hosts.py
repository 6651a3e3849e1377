"""Hosts through the API: for operators, without their secrets."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from cloudia.hosts.models import Host
from instances.enums import PowerState
from tests.factories import GpuFactory, HostFactory, InstanceFactory
from tests.integration.api.conftest import BASE, Body

pytestmark = pytest.mark.django_db
HOSTS = f"{BASE}/hosts/"
NEW: Body = {"name": "kvm-a", "uri": "qemu+tls://kvm-a/system", "username": "cloudia", "password": " s3cret "}


def test_password_goes_in_and_never_comes_out(operator: APIClient) -> None:
    made = operator.post(HOSTS, NEW)
    host = Host.objects.get()
    kept = host.endpoint.password
    changed = operator.patch(f"{HOSTS}{host.pk}/", {"password": "other"})

    assert (made.status_code, changed.status_code) == (201, 200)
    assert (kept, Host.objects.get().endpoint.password) == (" s3cret ", "other")
    for answer in (made, changed, operator.get(HOSTS)):
        assert "password" not in answer.content.decode()
        assert "s3cret" not in answer.content.decode()


def test_host_is_shown_with_what_guests_use(operator: APIClient) -> None:
    host = HostFactory.create()
    InstanceFactory.create(host=host, power_state=PowerState.RUNNING, vcpus=2, memory_mib=2048)

    shown = operator.get(f"{HOSTS}{host.pk}/").json()

    assert shown["used"] == {"guests": 1, "vcpus": 2, "memory_mib": 2048, "gpus": 0}
    assert (shown["accelerator"], shown["accelerator_in_use"], shown["vcpu_ratio"]) == ("auto", "kvm", 4.0)
    assert (shown["allocatable_vcpus"], shown["allocatable_memory_mib"]) == (64, 65_536 - 1024)


def test_host_is_shown_with_its_gpus(operator: APIClient) -> None:
    gpu = GpuFactory.create(address="0000:65:00.0", iommu_group=None)

    (shown,) = operator.get(f"{HOSTS}{gpu.host_id}/").json()["gpus"]

    assert (shown["address"], shown["product"], shown["iommu_group"]) == ("0000:65:00.0", gpu.product, None)
    assert (shown["usable"], "IOMMU" in shown["problem"]) == (False, True)


def test_host_goes_into_maintenance_and_back(operator: APIClient) -> None:
    path = f"{HOSTS}{HostFactory.create().pk}/"

    assert operator.post(f"{path}maintenance/").json()["state"] == "maintenance"
    refused = operator.post(f"{path}maintenance/")
    assert (refused.status_code, refused.json()["code"]) == (409, "bad_state")
    assert operator.post(f"{path}activate/").json()["state"] == "active"


def test_edit_changes_what_is_given(operator: APIClient) -> None:
    host = HostFactory.create()

    shown = operator.patch(
        f"{HOSTS}{host.pk}/", {"vcpu_ratio": 1.5, "reserved_memory_mib": 0, "accelerator": "tcg"}
    ).json()

    assert (shown["vcpu_ratio"], shown["reserved_memory_mib"], shown["accelerator_in_use"]) == (1.5, 0, "tcg")
    assert shown["name"] == host.name


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uri", "https://kvm-a/"),
        ("uri", "qemu+ssh://root:secret@kvm-a/system"),
        ("uri", "qemu://[/system"),
        ("uri", "a\0"),
        ("name", ""),
        ("name", "x" * 65),
        ("vcpu_ratio", 0),
        ("vcpu_ratio", 1e300),
        ("vcpu_ratio", "4"),
        ("vcpu_ratio", 1.234),
        ("reserved_memory_mib", 2**31),
        ("reserved_memory_mib", -1),
        ("accelerator", "xen"),
        ("state", "maintenance"),
        ("password", "x" * 257),
    ],
)
def test_bad_field_of_a_host_is_named(operator: APIClient, field: str, value: Any) -> None:
    answer = operator.patch(f"{HOSTS}{HostFactory.create().pk}/", {field: value})

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_name_that_is_taken_is_refused(operator: APIClient) -> None:
    HostFactory.create(name="kvm-a")

    fields = operator.post(HOSTS, {**NEW, "uri": "qemu:///system"}).json()["fields"]

    assert {name: errors[0]["code"] for name, errors in fields.items()} == {"name": "unique"}


def test_hosts_are_for_operators(manager: APIClient) -> None:
    host = HostFactory.create()

    answers = [
        manager.get(HOSTS),
        manager.post(HOSTS, NEW),
        manager.get(f"{HOSTS}{host.pk}/"),
        manager.patch(f"{HOSTS}{host.pk}/", {"name": "mine"}),
        manager.post(f"{HOSTS}{host.pk}/maintenance/"),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "permission_denied")}


def test_hosts_are_filtered(operator: APIClient) -> None:
    HostFactory.create(name="kvm-a", reachable=False)
    HostFactory.create(name="kvm-b", hostname="rack-7")

    for query, name in (("reachable=false", "kvm-a"), ("search=RACK", "kvm-b"), ("ordering=-name&limit=1", "kvm-b")):
        assert [row["name"] for row in operator.get(f"{HOSTS}?{query}").json()["results"]] == [name]
    assert operator.get(f"{HOSTS}?state=maintenance").json()["results"] == []
    assert operator.get(f"{HOSTS}?reachable=maybe").status_code == 400


def test_list_costs_the_same_queries_for_1_3_and_30_hosts(operator: APIClient) -> None:
    operator.get(HOSTS)
    counts = []
    for rows in (1, 2, 27):
        for _ in range(rows):
            InstanceFactory.create(power_state=PowerState.RUNNING)
        with CaptureQueriesContext(connection) as queries:
            operator.get(HOSTS)
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]
