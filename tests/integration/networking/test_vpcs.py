"""VPCs: what is made, what is refused and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from cloudia.accounts.actor import shell_actor
from cloudia.core.policy import Holder
from networking.models import VPC
from networking.services.vpcs import vpc_create, vpc_delete, vpc_edit
from tests.factories import (
    ExternalNetworkFactory,
    FloatingIPFactory,
    InterfaceFactory,
    ProjectFactory,
    SubnetFactory,
    VPCFactory,
)
from tests.integration.networking.tenant import Tenant, denial, faults, message, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


def create(tenant: Tenant, name: str = "web", **values: Any) -> VPC:
    return vpc_create(actor=tenant.actor, project=tenant.project, name=name, **values)


def test_vpc_is_connected_to_the_default_network_at_its_lowest_free_address(tenant: Tenant) -> None:
    network = ExternalNetworkFactory.create()
    first, second = create(tenant, " a "), create(tenant, "b", description=" mine ")
    assert (first.name, first.created_by, second.description) == ("a", tenant.actor.user, "mine")
    assert [vpc.external_network for vpc in (first, second)] == [network, network]
    assert [vpc.gateway_address for vpc in (first, second)] == ["198.51.100.2", "198.51.100.3"]
    assert written() == [("vpc.create", "done", "")] * 2


def test_isolated_vpc_and_one_without_a_default_network_have_no_way_out(tenant: Tenant) -> None:
    assert create(tenant, "a").external_network is None
    ExternalNetworkFactory.create()
    isolated = create(tenant, "b", isolated=True)
    assert (isolated.external_network, isolated.gateway_address) == (None, None)


def test_shell_makes_vpcs_that_nobody_created() -> None:
    vpc = vpc_create(actor=shell_actor(), project=ProjectFactory.create(), name="default")
    assert vpc.created_by is None


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"name": ""}, {("name", "required")}),
        ({"name": "   "}, {("name", "required")}),
        ({"name": "x" * 129}, {("name", "too_long")}),
        ({"name": "two\nlines"}, {("name", "invalid")}),
        ({"name": "nul\0"}, {("name", "invalid")}),
        ({"description": "x" * 256}, {("description", "too_long")}),
        ({"name": "", "description": "a\tb"}, {("name", "required"), ("description", "invalid")}),
    ],
)
def test_texts_that_can_not_be_kept_are_refused(tenant: Tenant, values: dict[str, str], wrong: set[Any]) -> None:
    assert faults(lambda: create(tenant, **values)) == wrong
    vpc = VPCFactory.create(project=tenant.project)
    assert faults(lambda: vpc_edit(actor=tenant.actor, vpc=vpc, **values)) == wrong
    assert VPC.objects.count() == 1


def test_name_is_taken_within_a_project_only(tenant: Tenant) -> None:
    VPCFactory.create(name="web")
    kept = create(tenant, "web")
    assert faults(lambda: create(tenant, "web")) == {("name", "taken")}
    assert vpc_edit(actor=tenant.actor, vpc=kept, name="web").name == "web"


def test_full_external_network_gives_no_address(tenant: Tenant) -> None:
    network = ExternalNetworkFactory.create(name="public", first_address="198.51.100.1", last_address="198.51.100.3")
    FloatingIPFactory.create(external_network=network, address="198.51.100.2")
    create(tenant, "a")
    with override("en"):
        said = message(lambda: create(tenant, "b"))
    assert said == "External network “public” has no free address."
    assert faults(lambda: create(tenant, "b")) == {("external_network", "exhausted")}


def test_vpc_is_connected_disconnected_and_moved(tenant: Tenant) -> None:
    one = ExternalNetworkFactory.create()
    two = ExternalNetworkFactory.create(
        is_default=False, cidr="192.0.2.0/24", first_address="192.0.2.9", last_address="192.0.2.9"
    )
    vpc = create(tenant, isolated=True)
    outs = [
        vpc_edit(actor=tenant.actor, vpc=vpc, external_network=network).gateway_address for network in (one, two, None)
    ]
    assert outs == ["198.51.100.2", "192.0.2.9", None]
    assert create(tenant, "next").gateway_address == "198.51.100.2", "the address was given back"


def test_renaming_keeps_the_outer_address(tenant: Tenant) -> None:
    ExternalNetworkFactory.create()
    vpc = create(tenant)
    FloatingIPFactory.create(external_network=vpc.external_network, address="198.51.100.3")
    edited = vpc_edit(actor=tenant.actor, vpc=vpc, name="renamed", description="new")
    vpc.refresh_from_db()
    assert (vpc.name, vpc.description, vpc.gateway_address) == ("renamed", "new", "198.51.100.2")
    assert edited == vpc


def test_vpc_that_a_floating_ip_leads_into_stays_connected(tenant: Tenant) -> None:
    vpc = VPCFactory.create(
        project=tenant.project, external_network=ExternalNetworkFactory.create(), gateway_address="198.51.100.2"
    )
    subnet = SubnetFactory.create(vpc=vpc, project=tenant.project)
    link = InterfaceFactory.create(instance__project=tenant.project, subnet=subnet)
    floating = FloatingIPFactory.create(
        project=tenant.project, external_network=vpc.external_network, interface=link.interface, address="198.51.100.9"
    )
    with override("en"):
        said = message(lambda: vpc_edit(actor=tenant.actor, vpc=vpc, external_network=None))
    assert said == "Floating IP 198.51.100.9 leads into this VPC. Disassociate it first."
    floating.interface = None
    floating.save()
    assert vpc_edit(actor=tenant.actor, vpc=vpc, external_network=None).gateway_address is None


def test_vpc_with_a_subnet_is_not_deleted_and_the_subnet_is_named(tenant: Tenant) -> None:
    subnet = SubnetFactory.create(project=tenant.project, name="front")
    with override("en"):
        refused = denial(lambda: vpc_delete(actor=tenant.actor, vpc=subnet.vpc))
    assert refused.code == "in_use"
    assert refused.holder == Holder("subnet", str(subnet.pk), "front")
    assert refused.message == "Subnet “front” is in it. Delete its subnets first."
    subnet.delete()
    vpc_delete(actor=tenant.actor, vpc=subnet.vpc)
    assert not VPC.objects.exists()
    assert written() == [("vpc.delete", "refused", "in_use"), ("vpc.delete", "done", "")]


@pytest.mark.parametrize("service", [vpc_edit, vpc_delete])
def test_vpc_deleted_meanwhile_is_said_to_be_gone(tenant: Tenant, service: Any) -> None:
    vpc = VPCFactory.create(project=tenant.project)
    stale = VPC.objects.get()
    vpc.delete()
    assert denial(lambda: service(actor=tenant.actor, vpc=stale)).code == "gone"
