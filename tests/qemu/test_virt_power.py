"""The gateway against a real hypervisor and a real guest: what the guest does is what counts."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from cloudia.core.errors import OperationFailed
from cloudia.virt import Accelerator, DomainEvent, DomainSpec, EventKind, Hypervisor, PowerState
from cloudia.virt.xml.domain import Channel, Domain
from tests.qemu.guests import BOOT_S, eventually, gateway_to, tiny_pool, tiny_spec
from tests.qemu.lab import LabHost


@pytest.fixture
def host(lab_host: LabHost) -> Iterator[Hypervisor]:
    with gateway_to(lab_host) as host:
        yield host


@pytest.fixture
def pool(host: Hypervisor, lab_host: LabHost, tiny_image: Path) -> Iterator[str]:
    """A pool that holds the tiny image."""
    with tiny_pool(host, lab_host, tiny_image) as pool:
        yield pool


@pytest.fixture
def spec(host: Hypervisor, pool: str) -> Iterator[DomainSpec]:
    """A guest with a disk of its own; removed afterwards."""
    with tiny_spec(host, pool) as spec:
        yield spec


@pytest.fixture
def started(host: Hypervisor, spec: DomainSpec) -> DomainSpec:
    """A guest that is on, and not up yet."""
    host.domains.define(spec)
    host.domains.start(spec.uuid)
    return spec


@pytest.fixture
def guest(lab_host: LabHost, started: DomainSpec) -> DomainSpec:
    """A guest that is up."""
    lab_host.wait_for_serial(started.name, "TINY-READY", BOOT_S)
    return started


def state(host: Hypervisor, uuid: UUID) -> PowerState:
    report = host.domains.report(uuid)
    assert report is not None
    return report.state


def boots(lab_host: LabHost, spec: DomainSpec) -> int:
    return lab_host.serial_log(spec.name).count("TINY-READY")


def test_host_describes_itself_honestly(host: Hypervisor, lab_host: LabHost) -> None:
    description = host.describe()
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    assert description.hostname == lab_host.name
    assert description.memory_mib == int(memory["MemTotal"].split()[0]) // 1024
    assert Accelerator.TCG in description.accelerators
    cpu_flags = set(Path("/proc/cpuinfo").read_text().split())
    assert (Accelerator.KVM in description.accelerators) == bool(cpu_flags & {"vmx", "svm"})
    assert description.libvirt_version.count(".") == description.qemu_version.count(".") == 2


def test_defined_domain_is_reported_as_ours_and_stopped(host: Hypervisor, spec: DomainSpec) -> None:
    assert host.domains.report(spec.uuid) is None
    host.domains.define(spec)
    report = host.domains.report(spec.uuid)
    assert report is not None
    assert (report.name, report.state, report.vcpus, report.memory_mib) == (spec.name, PowerState.STOPPED, 1, 160)
    assert (report.ours, report.instance_id, report.project_id) == (True, spec.instance_id, "project-1")
    assert report in host.domains.reports()


def test_define_again_changes_the_definition(host: Hypervisor, spec: DomainSpec) -> None:
    host.domains.define(spec)
    host.domains.define(replace(spec, memory_mib=256))
    report = host.domains.report(spec.uuid)
    assert report is not None
    assert report.memory_mib == 256


def test_name_of_another_domain_is_refused(host: Hypervisor, spec: DomainSpec) -> None:
    host.domains.define(spec)
    with pytest.raises(OperationFailed) as refused:
        host.domains.define(replace(spec, uuid=uuid4()))
    assert refused.value.code == "domain_exists"


def test_guest_runs_with_the_hardware_that_was_designed(host: Hypervisor, lab_host: LabHost, guest: DomainSpec) -> None:
    domain = Domain.parse(host.domains.xml(guest.uuid))
    assert (domain.type, domain.current_vcpus, domain.vcpus, domain.max_memory_mib) == ("qemu", 1, 2, 1024)
    assert [(graphics.listen, graphics.password) for graphics in domain.graphics] == [("127.0.0.1", None)]
    assert [disk.serial for disk in domain.disks] == [guest.disks[0].serial.replace("-", "")[:20]]
    assert eventually(lambda: any(c.state == "connected" for c in channels(host, guest)), 30)


def channels(host: Hypervisor, guest: DomainSpec) -> list[Channel]:
    return list(Domain.parse(host.domains.xml(guest.uuid)).channels)


def test_power_on_ask_to_shut_down_and_on_again(host: Hypervisor, lab_host: LabHost, guest: DomainSpec) -> None:
    host.domains.start(guest.uuid)  # again: nothing happens
    assert boots(lab_host, guest) == 1
    host.domains.request_shutdown(guest.uuid)
    assert host.domains.wait_for(guest.uuid, {PowerState.STOPPED}, 30)
    host.domains.request_shutdown(guest.uuid)  # again: nothing happens
    host.domains.destroy(guest.uuid)
    assert state(host, guest.uuid) is PowerState.STOPPED
    host.domains.start(guest.uuid)
    assert state(host, guest.uuid) is PowerState.RUNNING


def test_wait_ends_without_the_state_at_the_limit(host: Hypervisor, started: DomainSpec) -> None:
    begin = time.monotonic()
    assert not host.domains.wait_for(started.uuid, {PowerState.STOPPED}, 0.5)
    assert 0.5 <= time.monotonic() - begin < 2


def test_polite_reboot_restarts_the_guest(host: Hypervisor, lab_host: LabHost, guest: DomainSpec) -> None:
    assert host.domains.reboot_and_wait(guest.uuid, 60)
    assert eventually(lambda: boots(lab_host, guest) == 2, BOOT_S)


def test_hard_reboot_restarts_the_guest(host: Hypervisor, lab_host: LabHost, guest: DomainSpec) -> None:
    assert host.domains.reboot_and_wait(guest.uuid, 10, hard=True)
    assert eventually(lambda: boots(lab_host, guest) == 2, BOOT_S)


def test_reboot_of_a_guest_that_is_off_has_not_happened(host: Hypervisor, spec: DomainSpec) -> None:
    host.domains.define(spec)
    begin = time.monotonic()
    assert not host.domains.reboot_and_wait(spec.uuid, 30)
    assert time.monotonic() - begin < 5


def test_reboot_that_the_guest_ignores_has_not_happened(host: Hypervisor, spec: DomainSpec) -> None:
    host.domains.define(replace(spec, disks=()))  # nothing to boot from: the firmware ignores the button
    host.domains.start(spec.uuid)
    assert not host.domains.reboot_and_wait(spec.uuid, 3)
    assert state(host, spec.uuid) is PowerState.RUNNING


def test_destroyed_and_undefined_guest_is_gone_and_may_be_again(host: Hypervisor, started: DomainSpec) -> None:
    for _again in range(2):
        host.domains.destroy(started.uuid)
        host.domains.undefine(started.uuid)
    assert host.domains.report(started.uuid) is None
    assert started.uuid not in {report.uuid for report in host.domains.reports()}
    with pytest.raises(OperationFailed) as missing:
        host.domains.start(started.uuid)
    assert missing.value.code == "domain_missing"


def test_guest_whose_qemu_is_killed_has_crashed(host: Hypervisor, lab_host: LabHost, started: DomainSpec) -> None:
    pid = lab_host.lab.run("exec", lab_host.name, "cat", f"/run/libvirt/qemu/{started.name}.pid")
    lab_host.lab.run("exec", lab_host.name, "kill", "-9", pid.strip())
    assert host.domains.wait_for(started.uuid, {PowerState.CRASHED}, 10)
    host.domains.start(started.uuid)
    assert state(host, started.uuid) is PowerState.RUNNING


def test_events_arrive_until_the_subscription_is_closed(host: Hypervisor, spec: DomainSpec) -> None:
    heard: queue.Queue[DomainEvent] = queue.Queue()
    subscription = host.subscribe(heard.put)
    host.domains.define(spec)
    host.domains.start(spec.uuid)
    host.domains.destroy(spec.uuid)
    wanted = {EventKind.DEFINED, EventKind.STARTED, EventKind.STOPPED}
    while wanted:
        event = heard.get(timeout=5)
        if event.uuid == spec.uuid:
            assert event.name == spec.name
            wanted.discard(event.kind)
    subscription.close()
    subscription.close()
    host.domains.start(spec.uuid)
    time.sleep(0.5)
    assert heard.empty()


def test_callback_that_fails_does_not_stop_the_events(host: Hypervisor, spec: DomainSpec) -> None:
    calls: list[EventKind] = []
    twice = threading.Event()

    def bad(event: DomainEvent) -> None:
        calls.append(event.kind)
        if len(calls) > 1:
            twice.set()
        raise RuntimeError("listener's own mistake")

    subscription = host.subscribe(bad)
    host.domains.define(spec)
    host.domains.start(spec.uuid)
    assert twice.wait(5)
    subscription.close()
