"""How many networks a project may have: counted under a lock, said with both numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.utils.translation import override

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.accounts.services import quota_set
from networking.models import VPC, FloatingIP, SecurityGroup, SecurityGroupRule, Subnet
from networking.services.floating import floating_allocate
from networking.services.groups import default_group, group_create, group_set_rules, rule_create
from networking.services.rules import RuleWish
from networking.services.subnets import subnet_create
from networking.services.vpcs import vpc_create
from tests.factories import ExternalNetworkFactory, OperatorFactory, RuleFactory, SecurityGroupFactory, VPCFactory
from tests.integration.networking.tenant import Tenant, at_once, denial, faults, outcome, written

pytestmark = pytest.mark.django_db


def make_vpc(tenant: Tenant, number: int) -> Any:
    return vpc_create(actor=tenant.actor, project=tenant.project, name=f"vpc-{number}")


def make_subnet(tenant: Tenant, number: int) -> Any:
    vpc = VPC.objects.filter(project=tenant.project).first() or VPCFactory.create(project=tenant.project)
    return subnet_create(actor=tenant.actor, vpc=vpc, name=f"subnet-{number}", cidr=f"10.{number}.0.0/24")


def make_floating(tenant: Tenant, _number: int) -> Any:
    return floating_allocate(actor=tenant.actor, project=tenant.project)


def make_group(tenant: Tenant, number: int) -> Any:
    return group_create(actor=tenant.actor, project=tenant.project, name=f"group-{number}")


def make_rule(tenant: Tenant, number: int) -> Any:
    group = tenant.project.security_groups.first() or SecurityGroupFactory.create(project=tenant.project)
    rule = RuleWish(direction="in", protocol="tcp", port_min=number + 1, cidr="0.0.0.0/0")
    return rule_create(actor=tenant.actor, group=group, rule=rule)


MAKERS: dict[str, tuple[Callable[[Tenant, int], Any], type[Any]]] = {
    "vpcs": (make_vpc, VPC),
    "subnets": (make_subnet, Subnet),
    "floating_ips": (make_floating, FloatingIP),
    "security_groups": (make_group, SecurityGroup),
    "security_group_rules": (make_rule, SecurityGroupRule),
}


def test_every_network_resource_is_limited() -> None:
    defaults = {resource.name: resource.default for resource in quotas.resources() if resource.name in MAKERS}
    assert defaults == {
        "vpcs": 10,
        "subnets": 50,
        "floating_ips": 20,
        "security_groups": 50,
        "security_group_rules": 1000,
    }


@pytest.mark.parametrize("resource", MAKERS)
def test_one_too_many_is_refused_with_both_numbers(resource: str) -> None:
    ExternalNetworkFactory.create()
    tenant, (make, model) = Tenant(), MAKERS[resource]
    tenant.limit(resource, 2)
    made = [make(tenant, number) for number in range(2)]
    with override("en"):
        refused = denial(lambda: make(tenant, 2))
        label = next(str(each.label) for each in quotas.resources() if each.name == resource)
    assert refused.code == "quota_exceeded"
    assert refused.message == f"The project may have 2 of “{label}” and has 2."
    assert model.objects.count() == len(made) == 2
    make(Tenant(), 3)  # another project's limit is its own


def test_default_group_is_made_whatever_the_limit() -> None:
    tenant = Tenant()
    tenant.limit("security_groups", 0)
    assert default_group(tenant.project).rules.count() == 3


def test_group_whose_rules_do_not_fit_is_not_made() -> None:
    tenant = Tenant()
    tenant.limit("security_group_rules", 1)
    assert denial(lambda: make_group(tenant, 0)).code == "quota_exceeded"
    assert not SecurityGroup.objects.exists()


def test_rules_that_go_make_room_for_those_that_come() -> None:
    tenant = Tenant()
    group = SecurityGroupFactory.create(project=tenant.project)
    old = [RuleFactory.create(group=group, port_min=number) for number in (1, 2)]
    tenant.limit("security_group_rules", 2)
    new = [RuleWish(direction="in", protocol="tcp", port_min=number, cidr="0.0.0.0/0") for number in (3, 4)]
    group_set_rules(actor=tenant.actor, group=group, rules=new)
    assert [rule.port_min for rule in group.rules.all()] == [3, 4]
    too_many = [*new, RuleWish.of(old[0])]
    assert denial(lambda: group_set_rules(actor=tenant.actor, group=group, rules=too_many)).code == "quota_exceeded"
    assert [rule.port_min for rule in group.rules.all()] == [3, 4]


def test_level_counts_one_project_alone_and_knows_its_own_limit() -> None:
    tenant, other = Tenant(), Tenant()
    for owner, number in ((tenant, 0), (other, 0), (other, 1)):
        make_vpc(owner, number)
    tenant.limit("vpcs", 3)
    assert (quotas.level(tenant.project, "vpcs").used, quotas.level(tenant.project, "vpcs").limit) == (1, 3)
    found = {level.resource.name: (level.used, level.limit) for level in quotas.levels(other.project)}
    assert set(MAKERS) <= set(found)
    assert found["vpcs"] == (2, 10)


def test_resource_is_registered_once() -> None:
    again = quotas.Resource("vpcs", "VPC", 1, lambda _project: 0)
    with pytest.raises(ValueError, match="'vpcs'"):
        quotas.register(again)


def test_quotas_are_set_by_operators_of_the_installation() -> None:
    tenant = Tenant()
    set_to = partial(quota_set, project=tenant.project, resource="vpcs")
    assert denial(lambda: set_to(actor=tenant.actor, limit=99)).code == "permission_denied"
    operator = Actor(OperatorFactory.create())
    for limit, level in ((3, 3), (0, 0), (None, 10), (None, 10)):
        set_to(actor=operator, limit=limit)
        assert quotas.level(tenant.project, "vpcs").limit == level
    wrong = faults(lambda: quota_set(actor=operator, project=tenant.project, resource="yachts", limit=-1))
    assert wrong == {("resource", "invalid_choice"), ("limit", "out_of_range")}
    assert written()[-1] == ("quota.set", "refused", "invalid")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("resource", MAKERS)
def test_requests_at_once_never_go_over_a_limit(resource: str) -> None:
    ExternalNetworkFactory.create()
    tenant, (make, model) = Tenant(), MAKERS[resource]
    if resource == "subnets":
        VPCFactory.create(project=tenant.project)
    if resource == "security_group_rules":
        SecurityGroupFactory.create(project=tenant.project)
    tenant.limit(resource, 5)

    answers = Counter(at_once(lambda number: outcome(lambda: make(tenant, number)), range(20)))
    assert answers == {"done": 5, "quota_exceeded": 15}
    assert model.objects.count() == 5
