"""OVN for the tests that speak to it: one for all of them, emptied before each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from networking.ovn import status
from tests.ovn import Ovn, running_ovn


@pytest.fixture(scope="session")
def ovn_processes() -> Iterator[Ovn]:
    """Databases and northd, for the session."""
    with tempfile.TemporaryDirectory(prefix="ovn-", dir="/tmp") as folder, running_ovn(Path(folder)) as ovn:
        yield ovn


@pytest.fixture
def ovn(ovn_processes: Ovn, settings: LazySettings) -> Ovn:
    """An empty network, and CloudiA's settings leading to it."""
    ovn_processes.empty()
    settings.OVN_NORTHBOUND = ovn_processes.northbound
    settings.OVN_SOUTHBOUND = ovn_processes.southbound
    status._lag.forget_except(())  # the hosts of another test
    return ovn_processes
