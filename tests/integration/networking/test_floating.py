"""Floating IPs: allocated, associated, moved, disassociated, released; and why not."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils.translation import override

from cloudia.core.policy import Holder
from networking.models import ExternalNetwork, FloatingIP, NetworkInterface
from networking.services.floating import (
    floating_allocate,
    floating_associate,
    floating_disassociate,
    floating_edit,
    floating_release,
)
from networking.services.interfaces import interfaces_delete
from tests.factories import (
    ExternalNetworkFactory,
    FloatingIPFactory,
    InterfaceFactory,
    ProjectFactory,
    SubnetFactory,
    VPCFactory,
)
from tests.integration.networking.tenant import Tenant, at_once, denial, faults, message, outcome, written

pytestmark = pytest.mark.django_db


class Site(Tenant):
    """A project whose VPC is connected to an external network."""

    def __init__(self) -> None:
        super().__init__()
        self.network = ExternalNetworkFactory.create(name="public")
        self.vpc = VPCFactory.create(
            project=self.project, external_network=self.network, gateway_address="198.51.100.2", name="shop"
        )
        self.subnet = SubnetFactory.create(vpc=self.vpc, project=self.project)

    def nic(self, name: str = "web") -> NetworkInterface:
        link = InterfaceFactory.create(instance__project=self.project, instance__name=name, subnet=self.subnet)
        return link.interface

    def allocate(self, **values: Any) -> FloatingIP:
        return floating_allocate(actor=self.actor, project=self.project, **values)

    def associate(self, floating: FloatingIP, nic: NetworkInterface) -> FloatingIP:
        return floating_associate(actor=self.actor, floating_ip=floating, interface=nic)


@pytest.fixture
def site() -> Site:
    return Site()


def test_lowest_free_address_of_the_default_network_is_allocated(site: Site) -> None:
    FloatingIPFactory.create(external_network=site.network, address="198.51.100.3")
    floating = site.allocate(description=" shop ")
    assert (floating.address, floating.external_network, floating.description, floating.interface) == (
        "198.51.100.4", site.network, "shop", None,
    )  # fmt: skip
    assert written() == [("floating_ip.allocate", "done", "")]


def test_another_network_may_be_chosen_and_must_be_where_none_is_the_default(site: Site) -> None:
    other = ExternalNetworkFactory.create(is_default=False)
    assert site.allocate(external_network=other).external_network == other
    ExternalNetwork.objects.update(is_default=False)
    assert faults(site.allocate) == {("external_network", "required")}
    with override("en"):
        assert message(site.allocate) == "Choose an external network: none is the default."


def test_exhausted_network_is_said_and_a_released_address_is_given_again(site: Site) -> None:
    ExternalNetwork.objects.update(first_address="198.51.100.1", last_address="198.51.100.4")
    first, second = site.allocate(), site.allocate()
    assert faults(site.allocate) == {("external_network", "exhausted")}
    floating_release(actor=site.actor, floating_ip=first)
    assert site.allocate().address == first.address == "198.51.100.3"
    assert second.address == "198.51.100.4"


def test_database_itself_gives_no_address_twice(site: Site) -> None:
    floating = site.allocate()
    with pytest.raises(IntegrityError, match="floating_address_once"), transaction.atomic():
        FloatingIPFactory.create(external_network=site.network, address=floating.address)


def test_description_is_one_line(site: Site) -> None:
    floating = site.allocate()
    edited = floating_edit(actor=site.actor, floating_ip=floating, description=" new ")
    assert edited.description == "new"
    edit = partial(floating_edit, actor=site.actor, floating_ip=floating)
    for wrong, code in (("x" * 256, "too_long"), ("a\nb", "invalid")):
        for service in (site.allocate, edit):
            assert faults(partial(service, description=wrong)) == {("description", code)}


def test_floating_ip_leads_moves_and_is_taken_away(site: Site) -> None:
    floating, web, db = site.allocate(), site.nic("web"), site.nic("db")
    assert site.associate(floating, web).interface == web
    assert site.associate(floating, web).interface == web, "again is harmless"
    assert site.associate(floating, db).interface == db
    assert web.floating_ip is None
    floating_disassociate(actor=site.actor, floating_ip=floating)
    floating.refresh_from_db()
    assert floating.interface is None
    assert [action for action, _outcome, _code in written()] == [
        "floating_ip.allocate", *["floating_ip.associate"] * 3, "floating_ip.disassociate",
    ]  # fmt: skip


def test_interface_has_one_floating_ip_at_most(site: Site) -> None:
    web, first, second = site.nic(), site.allocate(), site.allocate()
    site.associate(first, web)
    with override("en"):
        said = message(lambda: site.associate(second, web))
    assert said == f"The interface has floating IP {first.address} already."
    assert faults(lambda: site.associate(second, web)) == {("interface", "taken")}
    with pytest.raises(IntegrityError, match="one_floating_ip_per_interface"), transaction.atomic():
        FloatingIP.objects.filter(pk=second.pk).update(interface=web)


def test_interface_of_another_project_is_refused(site: Site) -> None:
    foreign = InterfaceFactory.create().interface
    assert faults(lambda: site.associate(site.allocate(), foreign)) == {("interface", "other_project")}


def test_interface_without_a_way_out_to_that_network_is_refused(site: Site) -> None:
    floating = site.allocate()
    isolated = SubnetFactory.create(project=site.project, vpc__name="alone")
    nic = InterfaceFactory.create(instance__project=site.project, subnet=isolated).interface
    with override("en"):
        said = message(lambda: site.associate(floating, nic))
    assert said == "VPC “alone” is not connected to external network “public”."
    other = site.allocate(external_network=ExternalNetworkFactory.create(is_default=False))
    assert faults(lambda: site.associate(other, site.nic())) == {("interface", "not_connected")}


def test_interface_deleted_meanwhile_is_said_to_be_gone(site: Site) -> None:
    floating, nic = site.allocate(), site.nic()
    stale = NetworkInterface.objects.get(pk=nic.pk)
    nic.attachment.delete()
    nic.delete()
    assert faults(lambda: site.associate(floating, stale)) == {("interface", "gone")}


def test_release_is_refused_while_it_leads_somewhere_and_says_where(site: Site) -> None:
    floating, web = site.allocate(), site.nic("web")
    site.associate(floating, web)
    with override("en"):
        refused = denial(lambda: floating_release(actor=site.actor, floating_ip=floating))
    assert (refused.code, refused.message) == ("in_use", "It leads to “web”. Disassociate it first.")
    assert refused.holder == Holder("instance", str(web.owner_id), "web")
    floating_disassociate(actor=site.actor, floating_ip=floating)
    floating_release(actor=site.actor, floating_ip=floating)
    assert not FloatingIP.objects.exists()


def test_floating_ip_that_leads_nowhere_is_not_disassociated(site: Site) -> None:
    floating = site.allocate()
    assert denial(lambda: floating_disassociate(actor=site.actor, floating_ip=floating)).code == "not_associated"


@pytest.mark.parametrize("service", [floating_disassociate, floating_release])
def test_floating_ip_released_meanwhile_is_said_to_be_gone(site: Site, service: Any) -> None:
    floating = site.allocate()
    stale = FloatingIP.objects.get()
    floating.delete()
    assert denial(lambda: service(actor=site.actor, floating_ip=stale)).code == "gone"


@pytest.mark.django_db(transaction=True)
def test_addresses_allocated_and_vpcs_connected_at_once_are_all_different() -> None:
    site = Site()
    projects = [ProjectFactory.create() for _ in range(3)]
    site.actor.user.is_operator = True
    given = at_once(lambda number: floating_allocate(actor=site.actor, project=projects[number % 3]).address, range(24))
    assert len(set(given)) == 24
    assert "198.51.100.2" not in given, "the VPC has it"


@pytest.mark.django_db(transaction=True)
def test_floating_ips_associated_with_one_interface_at_once_lead_there_one_at_a_time() -> None:
    site = Site()
    nic, floatings = site.nic(), [site.allocate() for _ in range(6)]

    answers = at_once(lambda floating: outcome(lambda: site.associate(floating, nic)), floatings)
    assert Counter(answers) == {"done": 1, "taken": 5}


@pytest.mark.django_db(transaction=True)
def test_interface_that_goes_while_a_floating_ip_comes_leaves_the_address_free() -> None:
    site = Site()
    pairs = [(site.nic(), site.allocate()) for _ in range(8)]
    for nic, _floating in pairs:
        nic.attachment.delete()

    def race(number: int) -> str:
        nic, floating = pairs[number // 2]
        if number % 2:
            with transaction.atomic():
                interfaces_delete([nic])
            return "done"
        return outcome(lambda: site.associate(floating, nic))

    assert set(at_once(race, range(16))) <= {"done", "gone"}
    assert not NetworkInterface.objects.exists()
    assert not FloatingIP.objects.filter(interface__isnull=False).exists()
