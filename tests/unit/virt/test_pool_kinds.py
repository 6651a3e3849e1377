"""Pools of every kind, as libvirt's schema and an operator who reads the XML want them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from cloudia.virt import PoolKind, PoolSpec
from cloudia.virt.pools import describe
from cloudia.virt.xml.storage import Secret
from tests.unit.virt.schemas import assert_valid

ID = UUID("0198c5a0-7f3c-7a91-8000-000000000002")
SPECS = {
    PoolKind.DIR: PoolSpec("cloudia-1", ID, path="/srv/pool"),
    PoolKind.NETFS: PoolSpec("cloudia-1", ID, PoolKind.NETFS, path="/mnt/pool", host="nfs.example", source="/export/a"),
    PoolKind.LOGICAL: PoolSpec("cloudia-1", ID, PoolKind.LOGICAL, source="vg0"),
    PoolKind.RBD: PoolSpec(
        "cloudia-1", ID, PoolKind.RBD, host="mon1,mon2:6789", source="vms", username="cloudia", secret="QUFBQQ=="
    ),
}


@pytest.mark.parametrize("kind", PoolKind)
def test_pool_obeys_libvirt_schema(kind: PoolKind) -> None:
    assert_valid(str(describe(SPECS[kind])), "storagepool")


def test_secret_obeys_libvirt_schema_and_is_not_in_the_pool() -> None:
    secret = Secret(ephemeral=False, private=True, uuid=str(ID), usage_type="ceph")
    secret.usage_name = "cloudia-1"
    assert_valid(str(secret), "secret")
    assert "QUFBQQ" not in f"{describe(SPECS[PoolKind.RBD])} {SPECS[PoolKind.RBD]!r}"


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("mon1,mon2:6789", [("mon1", None), ("mon2", 6789)]),
        (" mon1 , mon2 ", [("mon1", None), ("mon2", None)]),
        ("fd00::1:2,[fd00::1]:6789", [("fd00::1:2", None), ("fd00::1", 6789)]),
    ],
)
def test_monitors_are_named_each_with_its_port(text: str, hosts: list[tuple[str, int | None]]) -> None:
    pool = describe(replace(SPECS[PoolKind.RBD], host=text))
    assert [(host.name, host.port) for host in pool.hosts] == hosts
    assert_valid(str(pool), "storagepool")


@pytest.mark.parametrize("path", ["/srv/pool", "/srv/pool/", "/srv//pool"])
def test_path_is_tidied_as_libvirt_does(path: str) -> None:
    assert describe(PoolSpec("cloudia-1", ID, path=path)).path == "/srv/pool"


def test_volume_group_is_where_lvm_has_it() -> None:
    pool = describe(SPECS[PoolKind.LOGICAL])
    assert (pool.source_name, pool.path, pool.source_format) == ("vg0", "/dev/vg0", "lvm2")
