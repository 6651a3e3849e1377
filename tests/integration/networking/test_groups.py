"""Security groups: the default one, rules and what is wrong with them, deletes that name who is in the way."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils.translation import override

from cloudia.accounts.actor import shell_actor
from cloudia.accounts.services import project_create
from cloudia.core.policy import ActionDenied, Holder
from networking.models import SecurityGroup, SecurityGroupRule
from networking.services.groups import (
    default_group,
    group_create,
    group_delete,
    group_edit,
    group_set_rules,
    outbound_all,
    rule_create,
    rule_delete,
)
from networking.services.rules import RuleWish
from tests.factories import InterfaceFactory, ProjectFactory, RuleFactory, SecurityGroupFactory
from tests.integration.networking.tenant import Tenant, at_once, denial, faults, message, written

pytestmark = pytest.mark.django_db

OUT = {("out", "any", None, None, "0.0.0.0/0", None), ("out", "any", None, None, "::/0", None)}
Facts = tuple[str, str, int | None, int | None, str | None, SecurityGroup | None]


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


@pytest.fixture
def group(tenant: Tenant) -> SecurityGroup:
    return SecurityGroupFactory.create(project=tenant.project, name="web")


def facts(group: SecurityGroup) -> set[Facts]:
    """The group's rules as plain values."""
    rules = group.rules.all()
    ends = {rule: str(rule.cidr) if rule.cidr else None for rule in rules}
    return {
        (rule.direction, rule.protocol, rule.port_min, rule.port_max, ends[rule], rule.remote_group) for rule in rules
    }


def http(**values: Any) -> RuleWish:
    return RuleWish(**{"direction": "in", "protocol": "tcp", "port_min": 80, "cidr": "0.0.0.0/0", **values})


def test_new_project_has_a_default_group_in_from_itself_and_out_to_everywhere() -> None:
    project = project_create(actor=shell_actor(), name="shop")
    group = project.security_groups.get()
    assert (group.is_default, group.name) == (True, "기본")
    assert facts(group) == OUT | {("in", "any", None, None, None, group)}
    assert default_group(project) == group
    assert project.security_groups.count() == 1


def test_project_of_before_there_were_networks_gets_its_default_group_on_first_use() -> None:
    project = ProjectFactory.create()
    assert not project.security_groups.exists()
    assert default_group(project).is_default
    with pytest.raises(IntegrityError, match="one_default_group"), transaction.atomic():
        SecurityGroupFactory.create(project=project, is_default=True)


def test_new_group_lets_everything_out_and_nothing_in(tenant: Tenant) -> None:
    group = group_create(actor=tenant.actor, project=tenant.project, name=" db ", description=" mine ")
    assert (group.name, group.description, group.is_default) == ("db", "mine", False)
    assert facts(group) == OUT
    assert written() == [("security_group.create", "done", "")]


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"name": " "}, {("name", "required")}),
        ({"name": "web"}, {("name", "taken")}),
        ({"name": "x" * 129}, {("name", "too_long")}),
        ({"name": "a\nb", "description": "a\nb"}, {("name", "invalid"), ("description", "invalid")}),
    ],
)
def test_texts_that_can_not_be_kept_are_refused(
    tenant: Tenant, group: SecurityGroup, values: dict[str, str], wrong: set[Any]
) -> None:
    create = {"name": "db", **values}
    assert faults(lambda: group_create(actor=tenant.actor, project=tenant.project, **create)) == wrong
    other = SecurityGroupFactory.create(project=tenant.project)
    assert faults(lambda: group_edit(actor=tenant.actor, group=other, **values)) == wrong


def test_edit_changes_texts_and_says_when(tenant: Tenant, group: SecurityGroup) -> None:
    RuleFactory.create(group=group)
    before = group.changed_at
    edited = group_edit(actor=tenant.actor, group=group, name="www", description="new")
    assert (edited.name, edited.description, edited.rules.count()) == ("www", "new", 1)
    assert edited.changed_at > before


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"port_min": 90, "port_max": 80}, {("port_max", "reversed")}),
        ({"port_min": 0}, {("port_min", "out_of_range")}),
        ({"port_min": 65536}, {("port_min", "out_of_range")}),
        ({"port_min": -1, "port_max": 70000}, {("port_min", "out_of_range"), ("port_max", "out_of_range")}),
        ({"port_min": None, "port_max": 80}, {("port_min", "required")}),
        ({"protocol": "icmp"}, {("port_min", "no_ports")}),
        ({"protocol": "any", "port_max": 90}, {("port_min", "no_ports"), ("port_max", "no_ports")}),
        ({"protocol": "sctp", "port_min": None}, {("protocol", "invalid_choice")}),
        ({"direction": "up"}, {("direction", "invalid_choice")}),
        ({"cidr": None}, {("cidr", "required")}),
        ({"cidr": ""}, {("cidr", "required")}),
        ({"cidr": "10.0.0.1/24"}, {("cidr", "host_bits")}),
        ({"cidr": "2001:db8::1/64"}, {("cidr", "host_bits")}),
        ({"cidr": "everywhere"}, {("cidr", "invalid_cidr")}),
        ({"description": "x" * 256}, {("description", "too_long")}),
        ({"port_min": 0, "cidr": "x"}, {("port_min", "out_of_range"), ("cidr", "invalid_cidr")}),
    ],
)
def test_rule_that_can_not_be_is_refused_where_it_is_wrong(
    tenant: Tenant, group: SecurityGroup, values: dict[str, Any], wrong: set[tuple[str, str]]
) -> None:
    assert faults(lambda: rule_create(actor=tenant.actor, group=group, rule=http(**values))) == wrong
    numbered = {(f"rules.1.{field}", code) for field, code in wrong}
    rules = [http(), http(**values)]
    assert faults(lambda: group_set_rules(actor=tenant.actor, group=group, rules=rules)) == numbered
    assert not SecurityGroupRule.objects.exists()


def test_rule_names_either_a_network_or_a_group_of_the_same_project(tenant: Tenant, group: SecurityGroup) -> None:
    both = http(group=group)
    assert faults(lambda: rule_create(actor=tenant.actor, group=group, rule=both)) == {("cidr", "required")}
    foreign = http(cidr=None, group=SecurityGroupFactory.create())
    with override("en"):
        said = message(lambda: rule_create(actor=tenant.actor, group=group, rule=foreign))
    assert said == "This security group belongs to another project."
    assert faults(lambda: rule_create(actor=tenant.actor, group=group, rule=foreign)) == {("group", "other_project")}
    with pytest.raises(IntegrityError, match="either_network_or_group"), transaction.atomic():
        RuleFactory.create(group=group, remote_group=group)


@pytest.mark.parametrize(
    ("wish", "kept"),
    [
        (http(), ("in", "tcp", 80, 80, "0.0.0.0/0", None)),
        (http(port_max=90), ("in", "tcp", 80, 90, "0.0.0.0/0", None)),
        (http(port_min=None), ("in", "tcp", None, None, "0.0.0.0/0", None)),
        (http(protocol="udp", cidr="2001:db8::/64"), ("in", "udp", 80, 80, "2001:db8::/64", None)),
        (
            http(direction="out", protocol="icmp", port_min=None, cidr=" 10.0.0.0/8"),
            ("out", "icmp", None, None, "10.0.0.0/8", None),
        ),
    ],
)
def test_rule_is_kept_as_meant_and_only_once(tenant: Tenant, group: SecurityGroup, wish: RuleWish, kept: Facts) -> None:
    before = group.changed_at
    rule_create(actor=tenant.actor, group=group, rule=wish)
    assert facts(group) == {kept}
    group.refresh_from_db()
    assert group.changed_at > before
    assert faults(lambda: rule_create(actor=tenant.actor, group=group, rule=wish)) == {("", "duplicate")}
    rule_delete(actor=tenant.actor, group=group, rule=group.rules.get())
    assert facts(group) == set()


def test_setting_rules_keeps_equal_ones_and_their_ids(tenant: Tenant, group: SecurityGroup) -> None:
    kept = RuleFactory.create(group=group)
    RuleFactory.create(group=group, port_min=443)
    wishes = [http(description=" shop "), http(port_min=8080), http(port_min=8080), *outbound_all()]
    group_set_rules(actor=tenant.actor, group=group, rules=wishes)
    ports = {rule.port_min: rule for rule in group.rules.filter(protocol="tcp")}
    assert set(ports) == {80, 8080}
    assert (ports[80].pk, ports[80].description) == (kept.pk, "shop")
    assert group.rules.count() == 4
    group_set_rules(actor=tenant.actor, group=group, rules=[])
    assert not group.rules.exists()


def test_rule_of_another_group_is_not_deleted_through_this_one(tenant: Tenant, group: SecurityGroup) -> None:
    foreign = RuleFactory.create()
    rule_delete(actor=tenant.actor, group=group, rule=foreign)
    assert SecurityGroupRule.objects.get() == foreign


def test_default_group_is_never_deleted(tenant: Tenant) -> None:
    group = default_group(tenant.project)
    with override("en"):
        refused = denial(lambda: group_delete(actor=tenant.actor, group=group))
    assert refused.code == "default_group"
    assert refused.message == "Every project has a default security group; it can't be deleted."


def test_group_in_use_is_not_deleted_and_the_instance_is_named(tenant: Tenant, group: SecurityGroup) -> None:
    link = InterfaceFactory.create(instance__project=tenant.project, instance__name="db", groups=[group])
    with override("en"):
        refused = denial(lambda: group_delete(actor=tenant.actor, group=group))
    assert (refused.code, refused.message) == ("in_use", "“db” uses it.")
    assert refused.holder == Holder("instance", str(link.instance_id), "db")


def test_group_that_another_ones_rule_names_is_not_deleted(tenant: Tenant, group: SecurityGroup) -> None:
    RuleFactory.create(group=group, cidr=None, remote_group=group)  # its own rule is no hindrance
    rule = RuleFactory.create(group__project=tenant.project, group__name="db", cidr=None, remote_group=group)
    with override("en"):
        refused = denial(lambda: group_delete(actor=tenant.actor, group=group))
    assert (refused.code, refused.message) == ("in_use", "A rule of security group “db” refers to it.")
    assert refused.holder == Holder("securitygroup", str(rule.group_id), "db")
    rule.delete()
    group_delete(actor=tenant.actor, group=group)
    assert set(SecurityGroup.objects.all()) == {rule.group}


@pytest.mark.parametrize("service", [group_edit, group_delete])
def test_group_deleted_meanwhile_is_said_to_be_gone(tenant: Tenant, group: SecurityGroup, service: Any) -> None:
    stale = SecurityGroup.objects.get()
    group.delete()
    assert denial(lambda: service(actor=tenant.actor, group=stale)).code == "gone"


@pytest.mark.django_db(transaction=True)
def test_groups_that_come_to_name_each_other_at_once_do_not_wait_for_each_other() -> None:
    tenant = Tenant()
    pair = [SecurityGroupFactory.create(project=tenant.project) for _ in range(2)]

    def refer(number: int) -> None:
        mine, other = pair[number % 2], pair[1 - number % 2]
        rule = http(port_min=number + 1, cidr=None, group=other)
        rule_create(actor=tenant.actor, group=mine, rule=rule)

    at_once(refer, range(24))
    assert SecurityGroupRule.objects.count() == 24


@pytest.mark.django_db(transaction=True)
def test_group_is_never_lost_from_under_a_rule() -> None:
    tenant = Tenant()
    mine = SecurityGroupFactory.create(project=tenant.project)
    others = [SecurityGroupFactory.create(project=tenant.project) for _ in range(12)]

    def race(number: int) -> str:
        other = others[number // 2]
        try:
            if number % 2:
                group_delete(actor=tenant.actor, group=other)
                return "deleted"
            rule_create(actor=tenant.actor, group=mine, rule=http(cidr=None, group=other))
        except ActionDenied as error:
            return error.denial.code
        return "referred"

    answers = at_once(race, range(24))
    for refer, delete in zip(answers[::2], answers[1::2], strict=True):
        assert (refer, delete) in {("referred", "in_use"), ("gone", "deleted")}
