"""Documents for pools and volumes."""

from __future__ import annotations

from uuid import UUID

import pytest

from cloudia.virt.xml.storage import Pool, Volume
from tests.unit.virt.schemas import assert_valid

# libvirt takes every name without a slash or a line break.
HOSTILE = ["plain", "'><x>\"", "“이름” & <b>", "🐢"]


@pytest.mark.parametrize("name", HOSTILE)
def test_directory_pool_obeys_libvirt_schema(name: str) -> None:
    assert_valid(str(Pool(type="dir", name=name, uuid=str(UUID(int=1)), path="/srv/a b")), "storagepool")


@pytest.mark.parametrize("name", HOSTILE)
def test_linked_volume_obeys_libvirt_schema(name: str) -> None:
    volume = Volume(name=name, capacity=1 << 30, allocation=0, format="qcow2")
    volume.backing_path, volume.backing_format = "/srv/a b/image", "qcow2"
    assert_valid(str(volume), "storagevol")
