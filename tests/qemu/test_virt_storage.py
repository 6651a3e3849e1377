"""Pools and volumes on a real libvirt."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from cloudia.core.errors import OperationFailed
from cloudia.virt import Endpoint, Hypervisor, PoolKind, PoolSpec
from cloudia.virt.transfer import copy
from tests.qemu.lab import LabHost

MIB = 1 << 20


@pytest.fixture
def host(lab_host: LabHost) -> Iterator[Hypervisor]:
    hypervisor = Hypervisor(Endpoint(lab_host.uri))
    yield hypervisor
    hypervisor.close()


@pytest.fixture
def directory(lab_host: LabHost) -> Path:
    return lab_host.local_dir / f"pool-{uuid4().hex[:8]}"


@pytest.fixture
def pool(host: Hypervisor, directory: Path) -> Iterator[str]:
    host.pools.ensure(PoolSpec(directory.name, uuid4(), path=str(directory)))
    yield directory.name
    host.pools.remove(directory.name)


def refused(error: pytest.ExceptionInfo[OperationFailed]) -> str:
    return error.value.code


def test_pool_is_made_once_and_found_again(host: Hypervisor, pool: str, directory: Path) -> None:
    first = host.pools.info(pool)
    again = host.pools.ensure(PoolSpec(pool, uuid4(), path=f"{directory}/"))
    assert first is not None
    assert directory.is_dir()
    assert (again.uuid, again.path, again.active) == (first.uuid, str(directory), True)
    assert again.capacity_bytes >= again.available_bytes > 0


def test_pool_with_another_directory_is_refused(host: Hypervisor, pool: str) -> None:
    with pytest.raises(OperationFailed) as error:
        host.pools.ensure(PoolSpec(pool, uuid4(), path="/elsewhere"))
    assert refused(error) == "pool_exists"


def test_directory_of_another_pool_is_refused_with_the_way_out(host: Hypervisor, pool: str, directory: Path) -> None:
    with pytest.raises(OperationFailed) as error:
        host.pools.ensure(PoolSpec(f"{pool}-other", uuid4(), path=str(directory)))
    assert refused(error) == "directory_taken"
    assert f"virsh pool-undefine {pool}" in str(error.value)


@pytest.mark.parametrize(("kind", "package"), [(PoolKind.RBD, "libvirt-daemon-driver-storage-rbd")], ids=["rbd"])
def test_kind_that_the_host_cannot_have_names_what_is_missing(host: Hypervisor, kind: PoolKind, package: str) -> None:
    with pytest.raises(OperationFailed) as error:
        host.pools.ensure(PoolSpec("pool-x", uuid4(), kind, host="mon1", source="vms"))
    assert refused(error) == "pool_kind_missing"
    assert package in str(error.value)


def test_host_says_which_kinds_it_can_have(host: Hypervisor) -> None:
    assert host.pools.supported() == {PoolKind.DIR, PoolKind.NETFS, PoolKind.LOGICAL}


def test_pool_of_another_kind_is_refused(host: Hypervisor, pool: str, directory: Path) -> None:
    with pytest.raises(OperationFailed) as error:
        host.pools.ensure(PoolSpec(pool, uuid4(), PoolKind.NETFS, str(directory), "nfs.example", "/export"))
    assert refused(error) == "pool_exists"


def test_secret_that_is_no_key_is_refused_before_anything_is_made(host: Hypervisor) -> None:
    with pytest.raises(OperationFailed) as error:
        host.pools.ensure(PoolSpec("pool-x", uuid4(), PoolKind.RBD, host="m", source="vms", username="u", secret="no"))
    assert refused(error) == "bad_secret"
    assert host.pools.info("pool-x") is None


def test_removed_pool_is_gone_and_its_files_stay(host: Hypervisor, pool: str, directory: Path) -> None:
    host.volumes.ensure_empty(pool, "v", MIB)
    host.pools.remove(pool)
    host.pools.remove(pool)
    assert host.pools.info(pool) is None
    assert (directory / "v").exists()
    with pytest.raises(OperationFailed) as error:
        host.volumes.list(pool)
    assert refused(error) == "pool_missing"


def test_empty_volume_is_made_once_and_grows_but_never_shrinks(host: Hypervisor, pool: str) -> None:
    assert host.volumes.info(pool, "v") is None
    assert host.volumes.ensure_empty(pool, "v", 10 * MIB).capacity_bytes == 10 * MIB
    assert host.volumes.ensure_empty(pool, "v", 20 * MIB).capacity_bytes == 20 * MIB
    assert host.volumes.ensure_empty(pool, "v", 5 * MIB).capacity_bytes == 20 * MIB
    volume = host.volumes.info(pool, "v")
    assert volume is not None
    assert (volume.format, volume.backing_path) == ("qcow2", None)
    assert volume.allocation_bytes < MIB


def test_linked_clone_refers_to_the_original(host: Hypervisor, pool: str, directory: Path) -> None:
    host.volumes.ensure_empty(pool, "original", 10 * MIB)
    for _again in range(2):
        clone = host.volumes.ensure_linked_clone(pool, "clone", "original", 30 * MIB)
    assert (clone.capacity_bytes, clone.backing_path) == (30 * MIB, str(directory / "original"))
    assert sorted(volume.name for volume in host.volumes.list(pool)) == ["clone", "original"]


def test_original_that_another_host_converted_is_looked_at_again(host: Hypervisor, pool: str, directory: Path) -> None:
    """This host saw the file while it was raw: a clone made so would show its guest the file, not the disk in it."""
    host.volumes.ensure_empty(pool, "original", MIB, "raw")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", directory / "original", "1M"], check=True)
    host.volumes.ensure_linked_clone(pool, "clone", "original", MIB)
    said = subprocess.run(["qemu-img", "info", "-U", directory / "clone"], check=True, capture_output=True, text=True)
    assert "backing file format: qcow2" in said.stdout


def test_linked_clone_of_another_format_is_refused(host: Hypervisor, pool: str) -> None:
    host.volumes.ensure_empty(pool, "original", MIB, "raw")
    with pytest.raises(OperationFailed) as error:
        host.volumes.ensure_linked_clone(pool, "clone", "original", MIB)
    assert refused(error) == "wrong_format"
    assert host.volumes.info(pool, "clone") is None


def test_linked_clone_smaller_than_the_original_is_refused(host: Hypervisor, pool: str) -> None:
    host.volumes.ensure_empty(pool, "original", 10 * MIB)
    with pytest.raises(OperationFailed) as error:
        host.volumes.ensure_linked_clone(pool, "clone", "original", MIB)
    assert refused(error) == "volume_too_small"
    assert host.volumes.info(pool, "clone") is None


def test_linked_clone_of_nothing_is_refused(host: Hypervisor, pool: str) -> None:
    with pytest.raises(OperationFailed) as error:
        host.volumes.ensure_linked_clone(pool, "clone", "nothing", MIB)
    assert refused(error) == "volume_missing"


def test_volume_of_another_kind_is_not_taken_for_ours(host: Hypervisor, pool: str) -> None:
    host.volumes.ensure_empty(pool, "original", MIB)
    host.volumes.ensure_empty(pool, "v", MIB)
    with pytest.raises(OperationFailed) as error:
        host.volumes.ensure_linked_clone(pool, "v", "original", MIB)
    assert refused(error) == "volume_exists"


def test_file_that_another_host_made_is_found(host: Hypervisor, pool: str, directory: Path) -> None:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", directory / "v", "1M"], check=True)
    volume = host.volumes.info(pool, "v")
    assert volume is not None
    assert volume.format == "qcow2"


def test_upload_arrives_byte_by_byte(host: Hypervisor, pool: str, directory: Path) -> None:
    data = os.urandom(3 * MIB + 17)
    told: list[int] = []
    host.volumes.upload(pool, "v", io.BytesIO(data), len(data), len(data), format="raw", progress=told.append)
    assert (directory / "v").read_bytes() == data
    assert told == sorted(told)
    assert told[-1] == len(data)


def test_upload_replaces_what_was_there(host: Hypervisor, pool: str, directory: Path) -> None:
    for data in (b"a" * 4096, b"b" * 1024):
        host.volumes.upload(pool, "v", io.BytesIO(data), len(data), len(data), format="raw")
    assert (directory / "v").read_bytes() == b"b" * 1024


def test_upload_that_ends_early_leaves_nothing(host: Hypervisor, pool: str, directory: Path) -> None:
    with pytest.raises(OperationFailed) as error:
        host.volumes.upload(pool, "v", io.BytesIO(b"short"), 4096, 4096, format="raw")
    assert refused(error) == "upload_incomplete"
    assert not (directory / "v").exists()


def test_upload_that_is_given_up_leaves_nothing(host: Hypervisor, pool: str, directory: Path) -> None:
    def give_up(_sent: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        host.volumes.upload(pool, "v", io.BytesIO(b"x" * 3 * MIB), 3 * MIB, 3 * MIB, format="raw", progress=give_up)
    assert not (directory / "v").exists()
    assert host.volumes.info(pool, "v") is None


def test_upload_larger_than_the_room_is_refused(host: Hypervisor, pool: str) -> None:
    with pytest.raises(OperationFailed) as error:
        host.volumes.upload(pool, "v", io.BytesIO(b""), 1 << 60, 1 << 60)
    assert refused(error) == "no_space"
    assert host.volumes.info(pool, "v") is None


def test_full_storage_says_so(host: Hypervisor, lab_host: LabHost, pool: str, directory: Path) -> None:
    run = lab_host.lab.run
    run("exec", lab_host.name, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(directory))
    try:
        with pytest.raises(OperationFailed) as error:
            host.volumes.ensure_empty(pool, "v", MIB)
        assert refused(error) == "no_space"
    finally:
        run("exec", lab_host.name, "umount", str(directory))


@pytest.mark.parametrize("name", ["“이름” & <b>'", "a b", "🐢"])
def test_hostile_name_is_only_a_name(host: Hypervisor, pool: str, directory: Path, name: str) -> None:
    host.volumes.ensure_empty(pool, name, MIB)
    assert [path.name for path in directory.iterdir()] == [name]
    host.volumes.delete(pool, name)
    host.volumes.delete(pool, name)
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("name", ["../escape", "a/b"])
def test_name_that_is_a_path_is_refused(host: Hypervisor, pool: str, directory: Path, name: str) -> None:
    with pytest.raises(OperationFailed):
        host.volumes.ensure_empty(pool, name, MIB)
    assert list(directory.iterdir()) == []
    assert not (directory.parent / "escape").exists()


def test_copy_has_everything_of_the_original_and_refers_to_nothing(
    host: Hypervisor, pool: str, directory: Path
) -> None:
    data = os.urandom(MIB)
    host.volumes.upload(pool, "original", io.BytesIO(data), MIB, MIB, format="raw")
    for _again in range(2):
        made = host.volumes.ensure_copy(pool, "copy", "original", 4 * MIB)
    assert (made.capacity_bytes, made.format, made.backing_path) == (4 * MIB, "qcow2", None)
    command = ["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(directory / "copy"), str(directory / "flat")]
    subprocess.run(command, check=True)
    assert (directory / "flat").read_bytes()[:MIB] == data


def test_copy_that_does_not_fit_is_refused_and_leaves_nothing(host: Hypervisor, pool: str) -> None:
    host.volumes.ensure_empty(pool, "original", 10 * MIB)
    with pytest.raises(OperationFailed) as error:
        host.volumes.ensure_copy(pool, "copy", "original", MIB)
    assert refused(error) == "volume_too_small"
    assert host.volumes.info(pool, "copy") is None


def test_volume_is_enlarged_and_never_made_smaller(host: Hypervisor, pool: str) -> None:
    host.volumes.ensure_empty(pool, "v", 10 * MIB)
    for _again in range(2):
        assert host.volumes.resize(pool, "v", 20 * MIB).capacity_bytes == 20 * MIB
    with pytest.raises(OperationFailed) as error:
        host.volumes.resize(pool, "v", 10 * MIB)
    assert refused(error) == "volume_shrink"


def test_transfer_goes_on_where_the_last_finished_one_stopped(host: Hypervisor, pool: str, directory: Path) -> None:
    data = os.urandom(12 * MIB + 5)
    host.volumes.ensure_empty(pool, "v", len(data), "raw")
    with host.volumes.receive(pool, "v", len(data)) as sink:
        sink.send(data[: 5 * MIB])
    with pytest.raises(OperationFailed), host.volumes.receive(pool, "v", 7 * MIB, 5 * MIB) as sink:
        copy(io.BytesIO(data[: 6 * MIB]), 7 * MIB, sink, lambda _sent: None)  # not what belongs there, and too short
    with host.volumes.receive(pool, "v", len(data) - 5 * MIB, 5 * MIB) as sink:
        for start in range(5 * MIB, len(data), MIB):
            sink.send(data[start : start + MIB])
    assert (directory / "v").read_bytes() == data
    assert b"".join(host.volumes.chunks(pool, "v")) == data
    assert b"".join(host.volumes.chunks(pool, "v", 7, MIB)) == data[7 : 7 + MIB]


def test_reader_that_wants_no_more_leaves_the_host_usable(host: Hypervisor, pool: str) -> None:
    host.volumes.ensure_empty(pool, "v", 20 * MIB, "raw")
    pieces = host.volumes.chunks(pool, "v")
    assert len(next(pieces)) >= 4 * MIB
    pieces.close()  # type: ignore[attr-defined]  # a generator's
    host.volumes.write(pool, "v", 3, b"here")
    assert next(host.volumes.chunks(pool, "v", 0, 8)) == b"\0\0\0here\0"
