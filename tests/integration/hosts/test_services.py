"""What operators may ask of hosts, and what pages are told of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from cloudia.accounts.actor import Actor, shell_actor
from cloudia.accounts.models import AuditEntry
from cloudia.core.errors import HostUnreachable, InputError
from cloudia.core.policy import ActionDenied
from cloudia.hosts import observed
from cloudia.hosts.enums import HostState
from cloudia.hosts.models import Host
from cloudia.hosts.selectors import hosts_overview
from cloudia.hosts.services import host_activate, host_maintenance, host_register
from cloudia.virt import GpuInfo, HostDescription
from instances.enums import PowerState
from tests.factories import HostFactory, InstanceFactory, MembershipFactory

pytestmark = pytest.mark.django_db


def test_registered_host_is_active_and_its_password_is_sealed() -> None:
    host = host_register(actor=shell_actor(), name=" kvm ", uri="qemu+tcp://kvm/system", password="swordfish")
    host.refresh_from_db()
    assert (host.name, host.state, host.display_state.code) == ("kvm", HostState.ACTIVE, "not_seen")
    assert "swordfish" not in host.sealed_password
    assert host.endpoint.password == "swordfish"
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_name, entry.username) == ("host.register", "kvm", "manage.py")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "taken"}, "name"),
        ({"uri": "qemu:///taken"}, "uri"),
        ({"uri": "http://kvm/"}, "uri"),
        ({"uri": "qemu://root:secret@kvm/system"}, "uri"),
        ({"uri": "qemu:///x\0"}, "uri"),
        ({"accelerator": "magic"}, "accelerator_choice"),
    ],
)
def test_host_that_makes_no_sense_is_refused(changes: dict[str, Any], field: str) -> None:
    HostFactory.create(name="taken", uri="qemu:///taken")
    with pytest.raises(InputError) as caught:
        host_register(actor=shell_actor(), **{"name": "kvm", "uri": "qemu:///system", **changes})
    assert set(caught.value.fields) == {field}
    assert Host.objects.count() == 1


def test_member_of_a_project_may_do_nothing_with_hosts() -> None:
    actor, host = Actor(MembershipFactory.create().user), HostFactory.create()
    asked: list[Callable[[], Host]] = [
        lambda: host_register(actor=actor, name="kvm", uri="qemu:///system"),
        lambda: host_maintenance(actor=actor, host=host),
        lambda: host_activate(actor=actor, host=host),
    ]
    for ask in asked:
        with pytest.raises(ActionDenied) as caught:
            ask()
        assert caught.value.denial.code == "permission_denied"


def test_maintenance_and_back() -> None:
    host = host_maintenance(actor=shell_actor(), host=HostFactory.create())
    assert (host.state, host.display_state.code) == (HostState.MAINTENANCE, "maintenance")
    with pytest.raises(ActionDenied) as caught:
        host_maintenance(actor=shell_actor(), host=host)
    assert caught.value.denial.code == "bad_state"
    host = host_activate(actor=shell_actor(), host=host)
    assert (host.state, host.display_state.code) == (HostState.ACTIVE, "active")


def test_unreachable_host_says_why_whatever_its_state() -> None:
    host = HostFactory.create(state=HostState.MAINTENANCE)
    observed.record_unreachable(host.pk, HostUnreachable("no route"))
    host.refresh_from_db()
    assert (host.display_state.code, host.display_state.note) == ("unreachable", "no route")
    assert host.problem_texts == {"ko": "no route", "en": "no route"}
    observed.record_reachable(host.pk)
    host.refresh_from_db()
    assert (host.display_state.code, host.problem_texts) == ("maintenance", {})


def row_version(host: Host) -> str:
    """Changes with every write, also one that changes nothing: PostgreSQL's manual, 5.5."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ctid::text FROM hosts_host WHERE id = %s", [host.pk])
        return str(cursor.fetchone()[0])


def test_unreachable_is_written_once() -> None:
    host = HostFactory.create(reachable=False, problem_texts={"ko": "no route", "en": "no route"})
    before = row_version(host)
    observed.record_unreachable(host.pk, HostUnreachable("no route"))
    assert row_version(host) == before


def test_overview_counts_what_guests_claim() -> None:
    host = HostFactory.create(name="a", cpus=4, memory_mib=9216)
    InstanceFactory.create(host=host, vcpus=4, memory_mib=2048, power_state=PowerState.RUNNING)
    InstanceFactory.create(host=host, vcpus=8, memory_mib=4096)  # stopped
    empty = HostFactory.create(name="b", cpus=0, memory_mib=0)
    busy, idle = hosts_overview()
    assert (busy.host, busy.used.guests, busy.free_vcpus, busy.free_memory_mib) == (host, 1, 12, 6144)
    assert (busy.vcpu_percent, busy.memory_percent) == (25, 25)
    assert (idle.host, idle.free_vcpus, idle.vcpu_percent, idle.memory_percent) == (empty, 0, 100, 100)


@pytest.mark.parametrize("count", [1, 3, 30])
def test_overview_takes_four_queries(count: int, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _number in range(count):
        InstanceFactory.create(power_state=PowerState.RUNNING)
    with django_assert_num_queries(4):  # hosts, their GPUs, and what guests have of each
        assert len([str(row.host.display_state.label) for row in hosts_overview()]) == count


A100 = GpuInfo("0000:65:00.0", "NVIDIA", "0x10de", "A100", "0x20b5", 15, 1, ("0000:65:00.0",))


def described(*gpus: GpuInfo) -> HostDescription:
    return HostDescription(
        "kvm", UUID(int=1), "9.0.0", "7.2.0", 8, 4096, "EPYC", "x86_64", frozenset(), frozenset(), gpus
    )


def test_gpus_are_recorded_as_they_come_change_and_go() -> None:
    host = HostFactory.create()
    seen: list[list[tuple[str, bool, int | None]]] = []
    moved = replace(A100, iommu_group=None)
    for found in ((A100,), (moved,), (), (A100,)):
        observed.record_description(host.pk, described(*found))
        seen.append([(gpu.address, gpu.usable, gpu.iommu_group) for gpu in host.gpus.all()])
    address = A100.address
    assert seen == [[(address, True, 15)], [(address, False, None)], [(address, False, None)], [(address, True, 15)]]


def test_gpus_that_did_not_change_are_not_written() -> None:
    host = HostFactory.create()
    observed.record_description(host.pk, described(A100))
    with CaptureQueriesContext(connection) as queries:
        observed.record_description(host.pk, described(A100))
    assert not [query["sql"] for query in queries if not query["sql"].startswith("SELECT")]
