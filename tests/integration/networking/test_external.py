"""External networks, which operators keep."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from cloudia.accounts.actor import Actor, shell_actor
from networking.models import ExternalNetwork
from networking.services.external import external_network_create, external_network_delete, external_network_edit
from tests.factories import ExternalNetworkFactory, FloatingIPFactory, OperatorFactory, VPCFactory
from tests.integration.networking.tenant import Tenant, denial, faults, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Actor:
    return Actor(OperatorFactory.create())


def create(actor: Actor, **values: Any) -> ExternalNetwork:
    return external_network_create(actor=actor, **{"name": "public", "cidr": "198.51.100.0/24", **values})


def test_network_gives_out_all_but_its_gateway_unless_told_otherwise(operator: Actor) -> None:
    network = create(operator)
    network.refresh_from_db()
    assert (network.gateway, network.first_address, network.last_address) == (
        "198.51.100.1", "198.51.100.2", "198.51.100.254",
    )  # fmt: skip
    assert (network.physical_network, network.vlan, network.is_default) == ("public", None, False)
    other = create(
        operator, name=" b ", gateway="198.51.100.254", first_address="198.51.100.100", last_address="198.51.100.199",
        physical_network=" dc ", vlan=7,
    )  # fmt: skip
    assert (other.name, other.gateway, other.first_address, other.last_address, other.physical_network, other.vlan) == (
        "b", "198.51.100.254", "198.51.100.100", "198.51.100.199", "dc", 7,
    )  # fmt: skip
    assert written() == [("external_network.create", "done", "")] * 2


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"cidr": "198.51.100.9/24"}, {("cidr", "host_bits")}),
        ({"cidr": "2001:db8::/64"}, {("cidr", "ipv6")}),
        ({"cidr": "198.51.100.0/30"}, {("cidr", "bad_size")}),
        ({"cidr": "198.51.100.0/31"}, {("cidr", "bad_size")}),
        ({"cidr": "198.51.100.1/32"}, {("cidr", "bad_size")}),
        ({"gateway": "192.0.2.1"}, {("gateway", "outside")}),
        ({"first_address": "192.0.2.1"}, {("first_address", "outside")}),
        ({"last_address": "198.51.100.255"}, {("last_address", "outside")}),
        ({"first_address": "x", "last_address": "::1"}, {("first_address", "invalid"), ("last_address", "ipv6")}),
        ({"first_address": "198.51.100.9", "last_address": "198.51.100.8"}, {("last_address", "reversed")}),
        ({"name": " "}, {("name", "blank")}),
        ({"name": "x" * 65}, {("name", "max_length")}),
        ({"physical_network": ""}, {("physical_network", "blank")}),
        ({"vlan": 0}, {("vlan", "min_value")}),
        ({"vlan": 4095}, {("vlan", "max_value")}),
    ],
)
def test_what_can_not_be_is_refused_where_it_stands(operator: Actor, values: dict[str, Any], wrong: set[Any]) -> None:
    assert faults(lambda: create(operator, **values)) == wrong
    assert not ExternalNetwork.objects.exists()
    if "cidr" in values or "gateway" in values:  # these do not change any more
        return
    network = ExternalNetworkFactory.create()
    assert faults(lambda: external_network_edit(actor=operator, network=network, **values)) == wrong


def test_name_is_taken_once(operator: Actor) -> None:
    create(operator)
    assert faults(lambda: create(operator)) == {("name", "unique")}


def test_newest_default_is_the_default(operator: Actor) -> None:
    first = create(operator, is_default=True)
    second = create(operator, name="b", is_default=True)
    assert list(ExternalNetwork.objects.filter(is_default=True)) == [second]
    external_network_edit(actor=operator, network=first, is_default=True)
    assert list(ExternalNetwork.objects.filter(is_default=True)) == [first]


def test_refused_default_leaves_the_old_one(operator: Actor) -> None:
    first = create(operator, is_default=True)
    assert faults(lambda: create(operator, is_default=True)) == {("name", "unique")}
    assert list(ExternalNetwork.objects.filter(is_default=True)) == [first]


def test_range_and_gateway_stay(operator: Actor) -> None:
    network = create(operator)
    external_network_edit(actor=operator, network=network, cidr="192.0.2.0/24", gateway="192.0.2.1", vlan=9, name=" c ")
    network.refresh_from_db()
    assert (str(network.cidr), network.gateway, network.vlan, network.name) == (
        "198.51.100.0/24", "198.51.100.1", 9, "c",
    )  # fmt: skip


@pytest.mark.parametrize("use", [VPCFactory, FloatingIPFactory])
def test_network_in_use_is_not_deleted_and_its_user_is_named(operator: Actor, use: Any) -> None:
    network = create(operator)
    user = use.create(external_network=network)
    with override("en"):
        refused = denial(lambda: external_network_delete(actor=operator, network=network))
    assert (refused.code, refused.message) == ("in_use", f"“{user}” uses it.")
    user.delete()
    external_network_delete(actor=operator, network=network)
    assert not ExternalNetwork.objects.exists()


def test_managers_of_projects_keep_none() -> None:
    tenant, network = Tenant(), ExternalNetworkFactory.create()
    asks = [
        lambda: create(tenant.actor),
        lambda: external_network_edit(actor=tenant.actor, network=network, name="x"),
        lambda: external_network_delete(actor=tenant.actor, network=network),
    ]
    assert [denial(ask).code for ask in asks] == ["permission_denied"] * 3
    assert ExternalNetwork.objects.visible_to(tenant.actor).get() == network, "to take addresses from"
    assert create(shell_actor(), name="shell").name == "shell"
