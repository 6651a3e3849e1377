"""Transfers into volumes that are cut: the pool is full or gone, libvirtd dies, the sender is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from cloudia.core.errors import HostUnreachable, OperationFailed
from cloudia.virt import Hypervisor, PoolSpec, Sink
from tests.qemu.guests import gateway_to
from tests.qemu.lab import LabHost

MIB = 1 << 20
SIZE = 48 * MIB
SMALL_POOL = 16 * MIB
# Sends half of its input in one transfer, begins another, and waits to be killed.
SENDER = """
import sys, time
from django.conf import settings
settings.configure()
from cloudia.virt import Endpoint, Hypervisor
uri, pool, file = sys.argv[1:]
data = open(file, "rb").read()
half = len(data) // 2
volumes = Hypervisor(Endpoint(uri)).volumes
with volumes.receive(pool, "v", len(data)) as sink:
    sink.send(data[:half])
with volumes.receive(pool, "v", len(data) - half, half) as sink:
    sink.send(data[half : half + half // 2])
    sink.flush()
    print("half", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def host(lab_host: LabHost) -> Iterator[Hypervisor]:
    with gateway_to(lab_host) as host:
        yield host


@pytest.fixture
def directory(lab_host: LabHost) -> Path:
    return lab_host.local_dir / f"pool-{uuid4().hex[:8]}"


@pytest.fixture
def pool(host: Hypervisor, directory: Path) -> Iterator[str]:
    host.pools.ensure(PoolSpec(directory.name, uuid4(), path=str(directory)))
    yield directory.name
    host.pools.remove(directory.name)


@pytest.fixture
def data() -> bytes:
    return os.urandom(SIZE)


def send(sink: Sink, data: bytes) -> None:
    for start in range(0, len(data), MIB):
        sink.send(data[start : start + MIB])
    sink.flush()


def transfer(
    host: Hypervisor, pool: str, data: bytes, offset: int = 0, halfway: Callable[[], object] = lambda: None
) -> None:
    """All from ``offset`` on; something happens halfway."""
    middle = (offset + len(data)) // 2
    with host.volumes.receive(pool, "v", len(data) - offset, offset) as sink:
        send(sink, data[offset:middle])
        halfway()
        send(sink, data[middle:])


def test_pool_that_fills_up_on_the_way_is_full(
    host: Hypervisor, lab_host: LabHost, pool: str, directory: Path, data: bytes
) -> None:
    with lab_host.little_room(directory, SMALL_POOL):
        host.volumes.ensure_empty(pool, "v", SIZE, "raw")
        with pytest.raises(OperationFailed) as error:
            transfer(host, pool, data)
        assert error.value.code == "no_space"
        host.volumes.delete(pool, "v")
        assert host.volumes.list(pool) == []


@pytest.mark.parametrize("format", ["raw", "qcow2"])
@pytest.mark.parametrize("source", ["original", "linked"])
def test_copy_that_the_pool_has_no_room_for_leaves_nothing(
    host: Hypervisor, lab_host: LabHost, pool: str, directory: Path, source: str, format: str
) -> None:
    size = 10 * MIB
    with lab_host.little_room(directory, SMALL_POOL):
        host.volumes.ensure_empty(pool, "original", size, "raw")
        host.volumes.write(pool, "original", 0, os.urandom(size))
        host.volumes.ensure_linked_clone(pool, "linked", "original", size, "raw")
        with pytest.raises(OperationFailed) as error:
            host.volumes.ensure_copy(pool, "copy", source, size, format)
        assert error.value.code == "no_space"
        assert {volume.name for volume in host.volumes.list(pool)} == {"original", "linked"}
        for name in ("linked", "original"):
            host.volumes.delete(pool, name)


def test_pool_that_is_stopped_on_the_way_has_all_of_it(
    host: Hypervisor, lab_host: LabHost, pool: str, directory: Path, data: bytes
) -> None:
    host.volumes.ensure_empty(pool, "v", SIZE, "raw")
    stop = partial(lab_host.lab.run, "exec", lab_host.name, "virsh", "-q", "pool-destroy", pool)
    transfer(host, pool, data, halfway=stop)
    assert (directory / "v").read_bytes() == data


def test_volume_that_is_deleted_on_the_way_is_missed(host: Hypervisor, pool: str, data: bytes) -> None:
    host.volumes.ensure_empty(pool, "v", SIZE, "raw")
    with pytest.raises(OperationFailed) as error:
        transfer(host, pool, data, halfway=partial(host.volumes.delete, pool, "v"))
    assert error.value.code == "volume_missing"
    assert host.volumes.list(pool) == []


def test_transfer_goes_on_after_libvirtd_died(
    host: Hypervisor, lab_host: LabHost, pool: str, directory: Path, data: bytes
) -> None:
    host.volumes.ensure_empty(pool, "v", SIZE, "raw")
    with host.volumes.receive(pool, "v", SIZE) as sink:
        send(sink, data[: SIZE // 3])
    with pytest.raises(HostUnreachable):
        transfer(host, pool, data, SIZE // 3, halfway=lab_host.crash)
    lab_host.restart()
    transfer(host, pool, data, SIZE // 3)
    assert (directory / "v").read_bytes() == data


def test_what_a_killed_sender_has_finished_stays(
    host: Hypervisor, lab_host: LabHost, pool: str, directory: Path, data: bytes, tmp_path: Path
) -> None:
    host.volumes.ensure_empty(pool, "v", SIZE, "raw")
    (tmp_path / "data").write_bytes(data)
    command = [sys.executable, "-c", SENDER, lab_host.uri, pool, str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "half\n"
        sender.send_signal(signal.SIGKILL)
    assert (directory / "v").read_bytes()[: SIZE // 2] == data[: SIZE // 2]
    transfer(host, pool, data, SIZE // 2)
    assert (directory / "v").read_bytes() == data
