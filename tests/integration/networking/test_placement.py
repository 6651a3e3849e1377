"""Guests with interfaces run where there is a network."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from cloudia.core.errors import NoCapacity
from cloudia.hosts.placement import Demand, place
from networking.placement import has_network
from tests.factories import HostFactory

pytestmark = pytest.mark.django_db


def test_host_that_is_no_chassis_is_passed_over_however_large() -> None:
    connected, lonely = HostFactory.create(), HostFactory.create(network=None, memory_mib=1_000_000)
    assert has_network(connected) is None
    assert place(Demand(1, 1024), [lonely, connected]) == connected


def test_refusal_says_that_the_network_is_missing() -> None:
    lonely = HostFactory.create(network=None, name="kvm-1")
    with override("en"), pytest.raises(NoCapacity) as refused:
        place(Demand(1, 1024), [lonely])
    with override("en"):
        assert str(refused.value.message) == "No host has room: kvm-1 (is not connected to the network (OVN))."
