"""Subnets: ranges, gateways, resolvers and reserved addresses, refused with a reason where they can't be."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cloudia.core.errors import InputError
from cloudia.core.policy import Holder
from networking.models import VPC, Subnet
from networking.services.subnets import free_range, range_warning, subnet_create, subnet_delete, subnet_edit
from tests.factories import InterfaceFactory, SubnetFactory, VPCFactory
from tests.integration.networking.tenant import Tenant, denial, faults, message, written

pytestmark = pytest.mark.django_db

MANY = [f"10.0.{number // 200}.{number % 200}" for number in range(257)]


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


@pytest.fixture
def vpc(tenant: Tenant) -> VPC:
    return VPCFactory.create(project=tenant.project)


def create(tenant: Tenant, vpc: VPC, cidr: str = "10.0.0.0/24", name: str = "front", **values: Any) -> Subnet:
    return subnet_create(actor=tenant.actor, vpc=vpc, name=name, cidr=cidr, **values)


def test_subnet_has_the_first_address_as_gateway_and_the_installations_resolvers(
    tenant: Tenant, vpc: VPC, settings: LazySettings
) -> None:
    settings.NETWORK_DNS = ["192.0.2.53"]
    subnet = create(tenant, vpc)
    subnet.refresh_from_db()
    assert (subnet.network, subnet.gateway, subnet.dns) == (IPv4Network("10.0.0.0/24"), "10.0.0.1", ["192.0.2.53"])
    assert (subnet.project, subnet.capacity) == (tenant.project, 253)
    assert written() == [("subnet.create", "done", "")]


def test_subnet_is_made_as_asked_for(tenant: Tenant, vpc: VPC) -> None:
    subnet = create(
        tenant,
        vpc,
        " 10.1.0.0/29 ",
        gateway="10.1.0.6",
        dns=["10.1.0.2"],
        reserved=["10.1.0.3", " 10.1.0.2", "10.1.0.3"],
    )
    assert (subnet.gateway, subnet.dns, subnet.reserved) == ("10.1.0.6", ["10.1.0.2"], ["10.1.0.2", "10.1.0.3"])
    assert subnet.capacity == 3


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"cidr": "10.0.0.7/24"}, {("cidr", "host_bits")}),
        ({"cidr": "here"}, {("cidr", "invalid_cidr")}),
        ({"cidr": ""}, {("cidr", "invalid_cidr")}),
        ({"cidr": "10.0.0.0/33"}, {("cidr", "invalid_cidr")}),
        ({"cidr": "fd00::/64"}, {("cidr", "ipv6")}),
        ({"cidr": "10.0.0.0/30"}, {("cidr", "bad_size")}),
        ({"cidr": "10.0.0.0/31"}, {("cidr", "bad_size")}),
        ({"cidr": "10.0.0.1/32"}, {("cidr", "bad_size")}),
        ({"cidr": "10.0.0.1"}, {("cidr", "bad_size")}),
        ({"cidr": "8.0.0.0/7"}, {("cidr", "bad_size")}),
        ({"cidr": "0.0.0.0/0"}, {("cidr", "bad_size")}),
        ({"cidr": "0.0.0.0/24"}, {("cidr", "not_usable")}),
        ({"cidr": "127.0.0.0/24"}, {("cidr", "not_usable")}),
        ({"cidr": "169.254.0.0/16"}, {("cidr", "not_usable")}),
        ({"cidr": "224.1.0.0/16"}, {("cidr", "not_usable")}),
        ({"cidr": "255.255.255.0/24"}, {("cidr", "not_usable")}),
        ({"gateway": "10.0.1.1"}, {("gateway", "outside")}),
        ({"gateway": "10.0.0.0"}, {("gateway", "outside")}),
        ({"gateway": "10.0.0.255"}, {("gateway", "outside")}),
        ({"gateway": "fd00::1"}, {("gateway", "ipv6")}),
        ({"gateway": "router"}, {("gateway", "invalid")}),
        ({"dns": ["1.1.1.1", "dns", "2001:db8::1"]}, {("dns.1", "invalid"), ("dns.2", "ipv6")}),
        ({"dns": ["1.1.1.1"] * 9}, {("dns", "too_many")}),
        ({"reserved": ["10.0.0.5", "10.9.0.5"]}, {("reserved.1", "outside")}),
        ({"reserved": MANY, "cidr": "10.0.0.0/16"}, {("reserved", "too_many")}),
        ({"name": "", "cidr": "x"}, {("name", "required"), ("cidr", "invalid_cidr")}),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused_where_it_stands(
    tenant: Tenant, vpc: VPC, values: dict[str, Any], wrong: set[Any]
) -> None:
    assert faults(lambda: create(tenant, vpc, **values)) == wrong
    assert not Subnet.objects.exists()


def test_set_host_bits_are_answered_with_what_was_meant(tenant: Tenant, vpc: VPC) -> None:
    with override("en"):
        said = message(lambda: create(tenant, vpc, "10.0.0.7/24"))
    assert said == "The address has bits beyond its prefix. Did you mean 10.0.0.0/24?"


@pytest.mark.parametrize("cidr", ["10.0.0.0/24", "10.0.0.128/25", "10.0.0.0/16", "10.0.0.8/29"])
def test_overlap_within_a_vpc_is_refused_naming_the_other(tenant: Tenant, vpc: VPC, cidr: str) -> None:
    create(tenant, vpc)
    with override("en"):
        said = message(lambda: create(tenant, vpc, cidr, name="back"))
    assert said == "It overlaps with subnet “front” (10.0.0.0/24)."
    assert faults(lambda: create(tenant, vpc, cidr, name="back")) == {("cidr", "overlap")}
    create(tenant, VPCFactory.create(project=tenant.project), cidr, name="back")


def test_database_itself_keeps_subnets_of_a_vpc_apart(vpc: VPC) -> None:
    first = SubnetFactory.create(vpc=vpc, project=vpc.project, cidr="10.0.0.0/24")
    with pytest.raises(IntegrityError, match="subnets_of_a_vpc_are_apart"), transaction.atomic():
        SubnetFactory.create(vpc=vpc, project=vpc.project, cidr="10.0.0.64/26")
    SubnetFactory.create(vpc=vpc, project=vpc.project, cidr="10.0.1.0/24")
    assert first.vpc.subnets.count() == 2


def test_name_is_taken_within_a_vpc_only(tenant: Tenant, vpc: VPC) -> None:
    create(tenant, vpc, name="front")
    assert faults(lambda: create(tenant, vpc, "10.1.0.0/24", name="front")) == {("name", "taken")}
    create(tenant, VPCFactory.create(project=tenant.project), name="front")


def test_name_resolvers_and_reserved_addresses_change_and_the_range_does_not(tenant: Tenant, vpc: VPC) -> None:
    subnet = create(tenant, vpc)
    subnet_edit(actor=tenant.actor, subnet=subnet, name="back", dns=[], reserved=["10.0.0.9"], cidr="10.9.0.0/24")
    subnet.refresh_from_db()
    assert (subnet.name, subnet.dns, subnet.reserved, str(subnet.cidr)) == ("back", [], ["10.0.0.9"], "10.0.0.0/24")
    wrong = faults(lambda: subnet_edit(actor=tenant.actor, subnet=subnet, name=" ", reserved=["10.1.0.9"]))
    assert wrong == {("name", "required"), ("reserved.0", "outside")}


def test_address_of_an_interface_is_not_reserved(tenant: Tenant, vpc: VPC) -> None:
    subnet = create(tenant, vpc)
    nic = InterfaceFactory.create(instance__project=tenant.project, subnet=subnet).interface
    wrong = faults(lambda: subnet_edit(actor=tenant.actor, subnet=subnet, reserved=["10.0.0.9", nic.address]))
    assert wrong == {("reserved", "taken")}


def test_subnet_in_use_is_not_deleted_and_the_instance_is_named(tenant: Tenant, vpc: VPC) -> None:
    subnet = create(tenant, vpc)
    link = InterfaceFactory.create(instance__project=tenant.project, instance__name="db", subnet=subnet)
    with override("en"):
        refused = denial(lambda: subnet_delete(actor=tenant.actor, subnet=subnet))
    assert (refused.code, refused.message) == ("in_use", "“db” uses it.")
    assert refused.holder == Holder("instance", str(link.instance_id), "db")
    link.delete()
    link.interface.delete()
    subnet_delete(actor=tenant.actor, subnet=subnet)
    assert not Subnet.objects.exists()


@pytest.mark.parametrize(
    ("cidr", "warned"),
    [
        ("10.0.0.0/24", False),
        ("172.16.0.0/16", False),
        ("192.168.1.0/24", False),
        ("100.64.0.0/24", False),
        ("8.8.8.0/24", True),
        ("172.32.0.0/16", True),
    ],
)
def test_public_range_is_warned_about_and_allowed(tenant: Tenant, vpc: VPC, cidr: str, *, warned: bool) -> None:
    assert bool(range_warning(ip_network(cidr))) is warned
    assert str(create(tenant, vpc, cidr).cidr) == cidr


@pytest.mark.parametrize(
    ("used", "offered"),
    [
        ([], "10.0.0.0/24"),
        (["10.0.0.0/24"], "10.0.1.0/24"),
        (["10.0.0.0/29"], "10.0.1.0/24"),
        (["10.0.1.0/24"], "10.0.0.0/24"),
        (["10.0.0.0/8"], "172.16.0.0/24"),
        (["203.0.0.0/24", "10.0.0.0/9"], "10.128.0.0/24"),
    ],
)
def test_range_offered_is_private_and_free(vpc: VPC, used: list[str], offered: str) -> None:
    for cidr in used:
        SubnetFactory.create(vpc=vpc, project=vpc.project, cidr=cidr)
    assert str(free_range(vpc)) == offered


class AnyRange(TestCase):
    """Whatever somebody types: an answer, never an accident."""

    @given(st.one_of(st.text(max_size=20), st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}", fullmatch=True)))
    def test_any_text_is_a_range_or_refused(self, text: str) -> None:
        tenant = Tenant()
        vpc = VPCFactory.create(project=tenant.project)
        try:
            subnet = create(tenant, vpc, text)
        except InputError:
            assert {field for field, _code in faults(lambda: create(tenant, vpc, text))} == {"cidr"}
        else:
            assert 8 <= subnet.network.prefixlen <= 29
