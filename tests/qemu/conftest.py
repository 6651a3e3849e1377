"""Real hosts and real guests: every test in this folder may start QEMU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from deploy import guest_image
from tests.qemu.lab import Lab, LabHost, hosts_of, running_lab

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here, so that no test forgets it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("qemu")


@pytest.fixture(scope="session")
def tiny_image() -> Path:
    """The tiny guest (qcow2): says TINY-READY on its serial port, honours ACPI. Never write to it."""
    return guest_image.ensure(ROOT / "var" / "images")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A lab of two hosts with OVN."""
    with running_lab(2) as lab:
        yield lab


@pytest.fixture(autouse=True)
def lab_network(request: pytest.FixtureRequest, settings: LazySettings) -> None:
    """Whoever asks for a host of the lab tells the lab's OVN about networks."""
    if "lab" in request.fixturenames:
        lab: Lab = request.getfixturevalue("lab")
        settings.OVN_NORTHBOUND, settings.OVN_SOUTHBOUND = lab.northbound, lab.southbound


@pytest.fixture(scope="session")
def lab_hosts(lab: Lab) -> list[LabHost]:
    """All hosts of the lab."""
    return hosts_of(lab)


@pytest.fixture
def lab_host(lab_hosts: list[LabHost]) -> LabHost:
    """Any host of the lab."""
    return lab_hosts[0]
