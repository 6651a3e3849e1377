"""Storage in memory instead of libvirt's."""

from __future__ import annotations

import pytest

from tests.integration.storage.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The hosts as storage sees them."""
    found = World()
    monkeypatch.setattr("storage.pools.hypervisor", found.hypervisor)
    return found
