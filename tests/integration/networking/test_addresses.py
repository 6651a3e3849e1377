"""Addresses and MACs of interfaces: given out once, refused with the name of who has them, given back."""

from __future__ import annotations

import re
from collections import Counter
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils.translation import override

from cloudia.core.errors import InputError
from cloudia.core.faults import Faults
from networking.models import NetworkInterface, SecurityGroup, Subnet
from networking.services import addresses
from networking.services.interfaces import (
    InterfaceWish,
    Owner,
    check_interfaces,
    interface_change,
    interfaces_create,
    interfaces_delete,
    interfaces_rename,
)
from tests.factories import (
    FloatingIPFactory,
    InterfaceFactory,
    ProjectFactory,
    SecurityGroupFactory,
    SubnetFactory,
    VPCFactory,
)
from tests.integration.networking.tenant import at_once, faults, message

pytestmark = pytest.mark.django_db


def owner(name: str = "web") -> Owner:
    pk = uuid4()
    return Owner(id=pk, name=name, short_id=f"i-{pk.hex[:8]}")


def make(*wishes: InterfaceWish, name: str = "web") -> list[NetworkInterface]:
    return interfaces_create(owner=owner(name), wishes=wishes)


def test_lowest_free_addresses_are_given_without_those_that_are_kept() -> None:
    subnet = SubnetFactory.create(cidr="10.0.0.0/29", reserved=["10.0.0.3"])
    wish = InterfaceWish(subnet=subnet)
    assert [make(wish)[0].address for _ in range(4)] == ["10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"]
    with override("en"):
        said = message(lambda: make(wish))
    assert said == f"Subnet “{subnet}” has no free address: all 4 are in use."
    assert faults(lambda: make(wish)) == {("interfaces.0.subnet", "subnet_full")}


def test_address_given_back_is_given_again() -> None:
    wish = InterfaceWish(subnet=SubnetFactory.create())
    first, second = make(wish), make(wish)
    interfaces_delete(first)
    assert list(NetworkInterface.objects.all()) == second
    assert make(wish)[0].address == first[0].address


def test_wished_address_is_kept_from_automatic_ones_of_the_same_request() -> None:
    subnet = SubnetFactory.create()
    made = make(InterfaceWish(subnet=subnet), InterfaceWish(subnet=subnet, address=" 10.0.0.2 "))
    assert [interface.address for interface in made] == ["10.0.0.3", "10.0.0.2"]


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("10.0.0.1", "reserved", "10.0.0.1 is the subnet's gateway."),
        ("10.0.0.0", "reserved", "10.0.0.0 is reserved."),
        ("10.0.0.255", "reserved", "10.0.0.255 is reserved."),
        ("10.0.0.7", "reserved", "10.0.0.7 is reserved."),
        ("10.0.1.9", "outside", "10.0.1.9 is not in the subnet's range 10.0.0.0/24."),
        ("10.0.0.9", "taken", "10.0.0.9 is used by “db”."),
        ("fd00::9", "ipv6", "Enter an IPv4 address."),
        ("10.0.0", "invalid", "Enter an IP address, like 10.0.0.10."),
        ("10.0.0.010", "invalid", "Enter an IP address, like 10.0.0.10."),
        ("nul\0", "invalid", "Enter an IP address, like 10.0.0.10."),
    ],
)
def test_address_that_can_not_be_had_is_refused_with_the_reason(address: str, code: str, said: str) -> None:
    subnet = SubnetFactory.create(reserved=["10.0.0.7"])
    make(InterfaceWish(subnet=subnet, address="10.0.0.9"), name="db")
    wish = InterfaceWish(subnet=subnet, address=address)
    with override("en"):
        assert message(lambda: make(wish)) == said
    assert faults(lambda: make(InterfaceWish(subnet=subnet), wish)) == {("interfaces.1.ip_address", code)}


def test_two_vpcs_may_use_the_same_addresses() -> None:
    made = [make(InterfaceWish(subnet=SubnetFactory.create(), address="10.0.0.9")) for _ in range(2)]
    assert [interface.address for (interface,) in made] == ["10.0.0.9"] * 2


def test_database_itself_gives_no_address_and_no_mac_twice() -> None:
    first = InterfaceFactory.create().interface
    for same in ({"address": first.address}, {"mac": first.mac, "address": "10.0.0.99"}):
        values = {"subnet": first.subnet, "mac": "52:54:00:00:00:01", **same}
        with pytest.raises(IntegrityError), transaction.atomic():
            NetworkInterface.objects.create(project=first.project, owner_id=uuid4(), **values)


def test_macs_are_qemus_and_unlike(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(*[InterfaceWish(subnet=SubnetFactory.create())] * 8)
    assert len({interface.mac for interface in made}) == 8
    assert all(re.fullmatch(r"52:54:00(:[0-9a-f]{2}){3}", interface.mac) for interface in made)
    random = iter([made[0].mac, made[1].mac, "52:54:00:aa:bb:cc"])
    monkeypatch.setattr(addresses, "_random_mac", lambda: next(random))
    assert addresses.new_mac() == "52:54:00:aa:bb:cc"


def test_what_is_wished_is_checked_before_anything_is_made() -> None:
    subnet = SubnetFactory.create()
    beside = SubnetFactory.create(vpc=subnet.vpc, project=subnet.project, cidr="10.1.0.0/24")
    elsewhere = SubnetFactory.create(project=subnet.project)
    strange = SecurityGroupFactory.create()
    own = SecurityGroupFactory.create(project=subnet.project)
    good = InterfaceWish(subnet=subnet, security_groups=(own,))

    def wrong(*wishes: InterfaceWish, vpc: object = None) -> set[tuple[str, str]]:
        found = Faults()
        check_interfaces(found, wishes, subnet.project, vpc)  # type: ignore[arg-type]  # an id, or none
        return {(field, error.code) for field, errors in found.fields.items() for error in errors}

    assert wrong(good, InterfaceWish(subnet=beside)) == set()
    assert wrong() == {("interfaces", "required")}
    assert wrong(*[good] * 9) == {("interfaces", "too_many")}
    assert wrong(good, InterfaceWish(subnet=elsewhere)) == {("interfaces.1.subnet", "other_vpc")}
    assert wrong(good, vpc=elsewhere.vpc_id) == {("interfaces.0.subnet", "other_vpc")}
    foreign = InterfaceWish(subnet=subnet, security_groups=(own, strange))
    assert wrong(foreign) == {("interfaces.0.security_groups", "other_project")}
    crowd = InterfaceWish(subnet=subnet, security_groups=(own,) * 17)
    assert wrong(crowd) == {("interfaces.0.security_groups", "too_many")}
    stranger = ProjectFactory.create()
    found = Faults()
    check_interfaces(found, [InterfaceWish(subnet=subnet)], stranger)
    assert [error.code for error in found.fields["interfaces.0.subnet"]] == ["other_project"]


def test_subnet_or_group_deleted_meanwhile_is_said() -> None:
    subnet, group = SubnetFactory.create(), SecurityGroupFactory.create()
    stale, gone = Subnet.objects.get(), SecurityGroup.objects.get()
    group.delete()
    assert faults(lambda: make(InterfaceWish(subnet=stale, security_groups=(gone,)))) == {
        ("interfaces.0.security_groups", "gone")
    }
    link = InterfaceFactory.create(subnet=subnet, instance__project=subnet.project)
    wish = InterfaceWish(subnet=subnet, security_groups=(gone,))
    assert faults(lambda: interface_change(interface=link.interface, wish=wish)) == {("security_groups", "gone")}
    other = SubnetFactory.create(cidr="10.1.0.0/24")
    there = Subnet.objects.get(pk=other.pk)
    other.delete()
    assert faults(lambda: make(InterfaceWish(subnet=there))) == {("interfaces.0.subnet", "gone")}


def test_interface_keeps_its_address_until_it_moves_or_another_is_wished() -> None:
    subnet = SubnetFactory.create()
    beside = SubnetFactory.create(vpc=subnet.vpc, project=subnet.project, cidr="10.1.0.0/24")
    group = SecurityGroupFactory.create(project=subnet.project)
    make(InterfaceWish(subnet=beside), name="db")
    (interface,) = make(InterfaceWish(subnet=subnet, address="10.0.0.50"))

    def change(**values: object) -> tuple[str, list[SecurityGroup]]:
        wish = InterfaceWish(**{"subnet": subnet, **values})  # type: ignore[arg-type]  # of its own fields
        row = interface_change(interface=interface, wish=wish)
        row.refresh_from_db()
        return row.address, list(row.security_groups.all())

    assert change(security_groups=(group,)) == ("10.0.0.50", [group])
    assert change(address="10.0.0.50") == ("10.0.0.50", [])
    assert change(address="10.0.0.51") == ("10.0.0.51", [])
    assert change(subnet=beside) == ("10.1.0.3", [])
    assert faults(lambda: change(subnet=beside, address="10.1.0.2")) == {("ip_address", "taken")}


def test_rename_reaches_all_interfaces_of_an_owner_and_no_others() -> None:
    subnet = SubnetFactory.create()
    beside = SubnetFactory.create(vpc=subnet.vpc, project=subnet.project, cidr="10.1.0.0/24")
    made = make(InterfaceWish(subnet=subnet), InterfaceWish(subnet=beside))
    make(InterfaceWish(subnet=subnet), name="db")
    interfaces_rename(owner_id=made[0].owner_id, name="www")
    assert Counter(NetworkInterface.objects.values_list("owner_name", flat=True)) == {"www": 2, "db": 1}


def test_deleting_an_interface_keeps_the_floating_ip_that_led_to_it() -> None:
    interface = InterfaceFactory.create().interface
    floating = FloatingIPFactory.create(project=interface.project, interface=interface)
    interface.attachment.delete()
    interfaces_delete([interface])
    floating.refresh_from_db()
    assert floating.interface is None


@pytest.mark.django_db(transaction=True)
def test_100_requests_at_once_in_a_25_get_100_addresses_and_the_126th_is_refused() -> None:
    subnet = SubnetFactory.create(vpc=VPCFactory.create(), cidr="10.0.0.0/25")
    wish = InterfaceWish(subnet=subnet)

    def request(_number: int) -> str:
        with transaction.atomic():
            return make(wish)[0].address

    given = at_once(request, range(100))
    assert len(set(given)) == 100
    rest = at_once(lambda number: _or_code(request, number), range(30))
    assert Counter(rest)["subnet_full"] == 5, "125 fit"
    assert NetworkInterface.objects.values("address").distinct().count() == 125
    kept = {"10.0.0.0", "10.0.0.1", "10.0.0.127"}
    assert not kept & set(NetworkInterface.objects.values_list("address", flat=True))


def _or_code(request: object, number: int) -> str:
    try:
        return str(request(number))  # type: ignore[operator]  # the function above
    except InputError as error:
        return next(iter(error.fields.values()))[0].code


@pytest.mark.django_db(transaction=True)
def test_same_address_wished_at_once_is_given_once() -> None:
    wish = InterfaceWish(subnet=SubnetFactory.create(), address="10.0.0.77")

    def request(_number: int) -> str:
        with transaction.atomic():
            return make(wish)[0].address

    answers = Counter(at_once(lambda number: _or_code(request, number), range(24)))
    assert answers == {"10.0.0.77": 1, "taken": 23}


@pytest.mark.django_db(transaction=True)
def test_requests_that_name_two_subnets_in_either_order_never_wait_for_each_other() -> None:
    one = SubnetFactory.create()
    two = SubnetFactory.create(vpc=one.vpc, project=one.project, cidr="10.1.0.0/24")
    wishes = (InterfaceWish(subnet=one), InterfaceWish(subnet=two))

    def request(number: int) -> int:
        with transaction.atomic():
            return len(make(*(wishes if number % 2 else wishes[::-1])))

    assert at_once(request, range(24)) == [2] * 24
