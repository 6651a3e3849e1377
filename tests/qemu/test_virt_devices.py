"""Disks that come and go, as the definition, the running guest's XML and the guest itself have them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from cloudia.core.errors import OperationFailed
from cloudia.virt import DiskSpec, DomainSpec, Hypervisor, PowerState, SeedSpec
from cloudia.virt.designer import disk_element, disk_serial
from cloudia.virt.xml.domain import Domain
from tests.qemu.guests import BOOT_S, GIB, gateway_to, tiny_pool, tiny_spec
from tests.qemu.lab import LabHost


@pytest.fixture
def host(lab_host: LabHost) -> Iterator[Hypervisor]:
    with gateway_to(lab_host) as host:
        yield host


@pytest.fixture
def pool(host: Hypervisor, lab_host: LabHost, tiny_image: Path) -> Iterator[str]:
    with tiny_pool(host, lab_host, tiny_image) as pool:
        yield pool


@pytest.fixture
def spec(host: Hypervisor, pool: str) -> Iterator[DomainSpec]:
    with tiny_spec(host, pool) as spec:
        yield spec


@pytest.fixture
def data(host: Hypervisor, pool: str) -> DiskSpec:
    """A data disk that nobody has yet."""
    volume = uuid4()
    host.volumes.ensure_empty(pool, str(volume), GIB)
    return DiskSpec(pool, str(volume), serial=str(volume), position=1)


def serials(xml: str) -> set[str]:
    """Of the disks in a definition."""
    return {disk.serial or "" for disk in Domain.parse(xml).disks}


def sectors(lab_host: LabHost, name: str, serial: str) -> int | None:
    """What the guest sees of the disk with that serial, in sectors of 512 bytes; None if it has none."""
    script = f'for d in /sys/block/vd*; do [ "$(cat $d/serial)" = "{disk_serial(serial)}" ] && cat $d/size; done; true'
    answer = lab_host.guest(name, script).strip()
    return int(answer) if answer else None


def test_disk_of_a_stopped_domain_comes_and_goes_in_its_definition(
    host: Hypervisor, spec: DomainSpec, data: DiskSpec
) -> None:
    host.domains.define(spec)
    for _twice in range(2):
        host.domains.attach_disk(spec.uuid, data)
    assert [disk.target for disk in host.domains.disks(spec.uuid)] == ["vda", "vdb"]
    for _twice in range(2):
        host.domains.detach_disk(spec.uuid, data.serial)
    assert [disk.target for disk in host.domains.disks(spec.uuid)] == ["vda"]


def test_running_guest_sees_its_disk_come_grow_and_go(
    host: Hypervisor, lab_host: LabHost, spec: DomainSpec, data: DiskSpec
) -> None:
    host.domains.define(spec)
    host.domains.start(spec.uuid)
    lab_host.wait_for_serial(spec.name, "TINY-READY", BOOT_S)
    host.domains.attach_disk(spec.uuid, data)
    assert sectors(lab_host, spec.name, data.serial) == GIB // 512
    host.domains.resize_disk(spec.uuid, data.serial, 2 * GIB)
    host.domains.resize_disk(spec.uuid, data.serial, 2 * GIB)
    assert sectors(lab_host, spec.name, data.serial) == 2 * GIB // 512
    assert [disk.capacity_bytes for disk in host.domains.disks(spec.uuid)][1] == 2 * GIB
    with pytest.raises(OperationFailed) as error:
        host.domains.resize_disk(spec.uuid, data.serial, GIB)
    assert error.value.code == "volume_shrink"
    host.domains.detach_disk(spec.uuid, data.serial, timeout_s=60)
    assert sectors(lab_host, spec.name, data.serial) is None
    assert disk_serial(data.serial) not in serials(host.domains.xml(spec.uuid))


def test_guest_that_does_not_let_go_keeps_its_disk_in_its_definition_too(
    host: Hypervisor, spec: DomainSpec, data: DiskSpec
) -> None:
    host.domains.define(replace(spec, disks=(*spec.disks, data)))
    host.domains.start(spec.uuid)  # nobody answers while the firmware is at it
    with pytest.raises(OperationFailed) as error:
        host.domains.detach_disk(spec.uuid, data.serial, timeout_s=0.5)
    assert error.value.code == "guest_keeps_device"
    host.domains.destroy(spec.uuid)
    assert host.domains.wait_for(spec.uuid, {PowerState.STOPPED}, 10)
    assert len(host.domains.disks(spec.uuid)) == 2


def test_disk_plugged_in_before_the_guest_is_up_is_there_when_it_is(
    host: Hypervisor, lab_host: LabHost, spec: DomainSpec, data: DiskSpec
) -> None:
    host.domains.define(spec)
    host.domains.start(spec.uuid)
    host.domains.attach_disk(spec.uuid, data)  # nobody answers while the firmware is at it
    lab_host.wait_for_serial(spec.name, "TINY-READY", BOOT_S)
    assert sectors(lab_host, spec.name, data.serial) == GIB // 512


def definition(lab_host: LabHost, spec: DomainSpec) -> str:
    return lab_host.lab.run("exec", lab_host.name, "virsh", "-q", "dumpxml", "--inactive", spec.name)


def test_disk_that_the_guest_cannot_have_is_not_left_in_its_definition(
    host: Hypervisor, lab_host: LabHost, spec: DomainSpec, data: DiskSpec
) -> None:
    host.domains.define(spec)
    host.domains.start(spec.uuid)
    before = serials(definition(lab_host, spec))
    host.volumes.delete(data.pool, data.volume)
    with pytest.raises(OperationFailed):
        host.domains.attach_disk(spec.uuid, data)
    assert serials(definition(lab_host, spec)) == before


@pytest.mark.parametrize("where", ["--config", "--live"])
def test_what_a_killed_attach_or_detach_left_in_one_place_is_completed(
    host: Hypervisor, lab_host: LabHost, spec: DomainSpec, data: DiskSpec, where: str
) -> None:
    host.domains.define(spec)
    host.domains.start(spec.uuid)
    xml = lab_host.local_dir / f"{data.volume}.xml"
    xml.write_text(str(disk_element(data)))
    lab_host.lab.run("exec", lab_host.name, "virsh", "-q", "attach-device", spec.name, str(xml), where)
    host.domains.attach_disk(spec.uuid, data)
    for found in (host.domains.xml(spec.uuid), definition(lab_host, spec)):
        assert disk_serial(data.serial) in serials(found)


def test_detach_after_a_killed_one_gives_the_definition_the_disk_back_as_well(
    host: Hypervisor, lab_host: LabHost, spec: DomainSpec, data: DiskSpec
) -> None:
    host.domains.define(replace(spec, disks=(*spec.disks, data)))
    before = serials(definition(lab_host, spec))
    host.domains.start(spec.uuid)
    lab_host.lab.run("exec", lab_host.name, "virsh", "-q", "detach-disk", spec.name, "vdb", "--config")
    with pytest.raises(OperationFailed) as error:
        host.domains.detach_disk(spec.uuid, data.serial, timeout_s=0.5)
    assert error.value.code == "guest_keeps_device"
    assert serials(definition(lab_host, spec)) == before


def test_guest_has_the_seed_in_a_drive(host: Hypervisor, lab_host: LabHost, spec: DomainSpec, pool: str) -> None:
    host.volumes.ensure_empty(pool, "seed", 1 << 20, "raw")
    host.volumes.write(pool, "seed", 0, b"CLOUDIA-SEED")
    host.domains.define(replace(spec, seed=SeedSpec(pool, "seed")))
    host.domains.start(spec.uuid)
    lab_host.wait_for_serial(spec.name, "TINY-READY", BOOT_S)
    assert "CLOUDIA-SEED" in lab_host.guest(spec.name, "head -c 12 /dev/sr0")


def test_directory_is_made_where_it_is_missing_and_a_link_to_one_is_none(host: Hypervisor, lab_host: LabHost) -> None:
    name = f"share-{uuid4().hex[:8]}"
    shared = lab_host.local_dir / name
    with pytest.raises(OperationFailed) as error:
        host.pools.ensure_directory(str(shared), name, make=False)
    assert error.value.code == "not_a_directory"
    for _twice in range(2):
        host.pools.ensure_directory(str(shared), name)
    assert shared.is_dir()
    (lab_host.local_dir / f"{name}-link").symlink_to("/etc")
    for make in (False, True):
        with pytest.raises(OperationFailed) as error:
            host.pools.ensure_directory(f"{shared}-link", name, make=make)
        assert error.value.code == "symlink"
    assert host.pools.info(f"{name}-look") is None


def test_whoever_has_a_file_is_named_however_the_definition_spells_it(
    host: Hypervisor, lab_host: LabHost, spec: DomainSpec, data: DiskSpec
) -> None:
    boot = spec.disks[0].volume
    assert host.domains.users_of(boot) == []
    host.domains.define(spec)
    volume = host.volumes.info(data.pool, data.volume)
    assert volume is not None
    words = ["attach-disk", spec.name, volume.path, "vdy", "--config"]
    subprocess.run(["virsh", "-q", "-c", lab_host.uri, *words], check=True, stdin=subprocess.DEVNULL)
    assert host.domains.users_of(boot) == host.domains.users_of(data.volume) == [spec.name]
    assert host.domains.users_of(data.volume[:-1]) == []
