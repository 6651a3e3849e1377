"""Network interfaces of an instance: added, changed, removed; and what becomes of them when it goes."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from cloudia.accounts.models import AuditEntry
from cloudia.core.errors import InputError
from cloudia.core.policy import Holder
from cloudia.jobs.models import Job
from instances import operations
from instances.edit_services import instance_edit
from instances.edits import EditWish
from instances.enums import PowerState
from instances.interface_services import interface_add, interface_edit, interface_remove
from instances.models import Instance, InstanceInterface
from instances.services import instance_delete
from networking.models import FloatingIP, NetworkInterface, SecurityGroup, Subnet
from networking.services.interfaces import MAX_INTERFACES, InterfaceWish
from tests.factories import (
    BootDiskFactory,
    ExternalNetworkFactory,
    FloatingIPFactory,
    InterfaceFactory,
    SecurityGroupFactory,
    SubnetFactory,
)
from tests.integration.networking.tenant import Tenant, denial, faults, written

pytestmark = pytest.mark.django_db


class Site(Tenant):
    """A stopped instance with one interface, 10.0.0.2, in the first of two subnets."""

    def __init__(self) -> None:
        super().__init__()
        self.near: Subnet = SubnetFactory.create(project=self.project)
        self.far: Subnet = SubnetFactory.create(vpc=self.near.vpc, project=self.project, cidr="10.1.0.0/24")
        self.group: SecurityGroup = SecurityGroupFactory.create(project=self.project)
        self.first: InstanceInterface = InterfaceFactory.create(
            instance__project=self.project, instance__name="web", subnet=self.near
        )
        self.instance: Instance = self.first.instance

    def add(self, **values: Any) -> InstanceInterface:
        wish = InterfaceWish(**{"subnet": self.far, **values})
        link, _job = interface_add(actor=self.actor, instance=self.instance, wish=wish)
        return link

    def edit(self, link: InstanceInterface, **values: Any) -> tuple[str, list[SecurityGroup]]:
        """Address and groups after the change."""
        wish = InterfaceWish(**{"subnet": link.interface.subnet, **values})
        interface_edit(actor=self.actor, link=link, wish=wish)
        row = NetworkInterface.objects.get(pk=link.interface_id)
        return row.address, list(row.security_groups.all())

    def put(self, state: PowerState) -> None:
        Instance.objects.update(power_state=state)


@pytest.fixture
def site() -> Site:
    return Site()


def test_interface_is_added_after_the_others_in_the_same_vpc(site: Site) -> None:
    link = site.add(security_groups=(site.group,))
    assert (link.position, link.is_primary, link.interface.address) == (1, False, "10.1.0.2")
    assert link.interface.owner == Holder("instance", str(site.instance.pk), "web")
    assert list(link.interface.security_groups.all()) == [site.group]
    assert site.add(subnet=site.near, address="10.0.0.9").position == 2
    assert written() == [("interface.add", "done", "")] * 2


def test_wish_that_can_not_be_is_refused_where_it_stands(site: Site) -> None:
    elsewhere = SubnetFactory.create(project=site.project)
    assert faults(lambda: site.add(subnet=elsewhere)) == {("subnet", "other_vpc")}
    assert faults(lambda: site.add(subnet=SubnetFactory.create())) == {
        ("subnet", "other_project"),
        ("subnet", "other_vpc"),
    }
    foreign = (SecurityGroupFactory.create(),)
    assert faults(lambda: site.add(security_groups=foreign)) == {("security_groups", "other_project")}
    assert faults(lambda: site.add(subnet=site.near, address="10.0.0.2")) == {("ip_address", "taken")}
    assert faults(lambda: site.edit(site.first, address="10.0.0.1")) == {("ip_address", "reserved")}
    assert faults(lambda: site.edit(site.first, subnet=elsewhere)) == {("subnet", "other_vpc")}
    assert NetworkInterface.objects.count() == 1


def test_instance_has_a_limited_number_of_interfaces(site: Site) -> None:
    for _ in range(MAX_INTERFACES - 1):
        site.add()
    with pytest.raises(InputError) as refused:
        site.add()
    assert refused.value.code == "too_many"
    assert site.instance.interfaces.count() == MAX_INTERFACES


def test_groups_change_while_it_runs_and_the_address_does_not(site: Site) -> None:
    site.put(PowerState.RUNNING)
    assert site.edit(site.first, security_groups=(site.group,)) == ("10.0.0.2", [site.group])
    assert site.edit(site.first, address="10.0.0.2") == ("10.0.0.2", [])
    for move in ({"address": "10.0.0.3"}, {"subnet": site.far}):
        with override("en"):
            refused = denial(lambda move=move: site.edit(site.first, **move))  # type: ignore[misc]  # bound now
        assert (refused.code, refused.message) == ("bad_state", "Only possible when stopped. It is now: Running.")
    assert NetworkInterface.objects.get().address == "10.0.0.2"


def test_guest_that_runs_gets_and_loses_interfaces_in_a_job(site: Site) -> None:
    site.put(PowerState.RUNNING)
    wish = InterfaceWish(subnet=site.far)
    link, job = interface_add(actor=site.actor, instance=site.instance, wish=wish)
    assert job
    assert (job.kind, job.params) == ("instance.update", {"attach_nics": [str(link.interface_id)]})
    assert denial(lambda: interface_remove(actor=site.actor, link=link)).code == "busy"
    Job.objects.all().delete()
    job = interface_remove(actor=site.actor, link=link)
    assert job
    assert job.params == {"detach_nics": [str(link.interface_id)]}
    assert site.instance.interfaces.count() == 2  # its address is taken until the guest has let go of it


def test_stopped_instance_moves_to_another_address_and_subnet(site: Site) -> None:
    assert site.edit(site.first, address="10.0.0.50") == ("10.0.0.50", [])
    mac = site.first.interface.mac
    assert site.edit(site.first, subnet=site.far, security_groups=(site.group,)) == ("10.1.0.2", [site.group])
    assert NetworkInterface.objects.get().mac == mac
    assert written() == [("interface.edit", "done", "")] * 2
    assert set(AuditEntry.objects.values_list("project", flat=True)) == {site.project.pk}


def test_first_interface_stays_and_others_give_their_address_back(site: Site) -> None:
    with override("en"):
        refused = denial(lambda: interface_remove(actor=site.actor, link=site.first))
    assert (refused.code, refused.message) == ("primary_interface", "The first network interface can't be removed.")
    second = site.add()
    interface_remove(actor=site.actor, link=second)
    assert list(NetworkInterface.objects.all()) == [site.first.interface]
    assert site.add().interface.address == second.interface.address


def test_interface_that_a_floating_ip_leads_to_is_not_removed(site: Site) -> None:
    second = site.add()
    floating = FloatingIPFactory.create(project=site.project, interface=second.interface, address="198.51.100.9")
    with override("en"):
        refused = denial(lambda: interface_remove(actor=site.actor, link=second))
    assert (refused.code, refused.message) == (
        "in_use", "Floating IP 198.51.100.9 leads to it. Disassociate it first.",
    )  # fmt: skip
    assert refused.holder == Holder("floatingip", str(floating.pk), "198.51.100.9")


def test_interface_removed_meanwhile_is_said_to_be_gone(site: Site) -> None:
    second = site.add()
    stale = InstanceInterface.objects.select_related("interface").get(pk=second.pk)
    interface_remove(actor=site.actor, link=second)
    assert denial(lambda: interface_remove(actor=site.actor, link=stale)).code == "gone"
    assert denial(lambda: site.edit(stale)).code == "gone"


def test_neighbours_learn_the_new_name_of_an_instance(site: Site) -> None:
    site.add()
    other = InterfaceFactory.create(instance__project=site.project, instance__name="db", subnet=site.near)
    instance_edit(actor=site.actor, instance=site.instance, wish=EditWish(name="www"))
    names = dict(NetworkInterface.objects.values_list("address", "owner_name"))
    assert names == {"10.0.0.2": "www", "10.1.0.2": "www", other.interface.address: "db"}


def test_deleted_instance_gives_its_addresses_back_and_leaves_floating_ips_to_the_project(site: Site) -> None:
    network = ExternalNetworkFactory.create()
    floating = FloatingIPFactory.create(
        project=site.project, external_network=network, interface=site.first.interface, address="198.51.100.9"
    )
    site.add()
    BootDiskFactory.create(instance=site.instance)
    job = instance_delete(actor=site.actor, instance=site.instance)
    assert NetworkInterface.objects.count() == 2, "until the job has done its work"
    operations.DeleteInstance(job).succeeded()
    assert not Instance.objects.exists()
    assert not NetworkInterface.objects.exists()
    kept = FloatingIP.objects.get()
    assert (kept, kept.project, kept.interface) == (floating, site.project, None)
    assert InterfaceFactory.create(instance__project=site.project, subnet=site.near).interface.address == "10.0.0.2"
