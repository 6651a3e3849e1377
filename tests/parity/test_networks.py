"""Every action on networks x situation x role: the service refuses exactly what the policy denies, in its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import User
from cloudia.core.policy import Action, ActionDenied, Denial
from networking import policies
from networking.models import VPC, SecurityGroup
from networking.services.external import external_network_create, external_network_delete, external_network_edit
from networking.services.floating import (
    floating_allocate,
    floating_associate,
    floating_disassociate,
    floating_edit,
    floating_release,
)
from networking.services.groups import (
    default_group,
    group_create,
    group_delete,
    group_edit,
    group_set_rules,
    rule_create,
    rule_delete,
)
from networking.services.rules import RuleWish
from networking.services.subnets import subnet_create, subnet_delete, subnet_edit
from networking.services.traces import trace_create
from networking.services.vpcs import vpc_create, vpc_delete, vpc_edit
from tests.factories import (
    ExternalNetworkFactory,
    FloatingIPFactory,
    InterfaceFactory,
    ProjectFactory,
    RuleFactory,
    SecurityGroupFactory,
    SubnetFactory,
    VPCFactory,
)
from tests.parity.world import INSTALLATION, OUTSIDER, ROLES, SERVICE_OF, World, undone

pytestmark = pytest.mark.django_db

VIEWERS = {"viewer", "operator", "manager", INSTALLATION, *SERVICE_OF}
MANAGERS = {"manager", INSTALLATION, *SERVICE_OF}
OPERATORS = {INSTALLATION}


@dataclass(frozen=True)
class Case:
    """An action, what it is asked of in each situation, and the service that does it."""

    action: Action
    service: Callable[..., Any]
    allowed: set[str]
    rows: dict[str, Any]
    denied: dict[str, str] = field(default_factory=dict)  # situation: code

    def __str__(self) -> str:
        return self.service.__name__


def case(action: Action, service: Any, keyword: str, rows: dict[str, Any], **more: Any) -> Case:
    """``service`` asked of each of ``rows`` as ``keyword``; what it needs besides is in ``more``."""
    allowed, denied = more.pop("allowed", MANAGERS), more.pop("denied", {})

    def ask(*, actor: Actor, row: Any) -> None:
        service(actor=actor, **{keyword: row}, **more)

    ask.__name__ = service.__name__
    return Case(action, ask, allowed, rows, denied)


def cases_of(project: Any) -> Iterator[Case]:
    """Everything there is to ask for."""
    network = ExternalNetworkFactory.create()
    vpc = VPCFactory.create(project=project, external_network=network, gateway_address="198.51.100.2")
    subnet = SubnetFactory.create(vpc=vpc, project=project)
    used = SecurityGroupFactory.create(project=project)
    nics = [
        InterfaceFactory.create(instance__project=project, subnet=subnet, groups=[used]).interface for _ in range(2)
    ]
    yield from _about_ranges(project, vpc, subnet)
    yield from _about_groups(project, used)
    yield from _about_addresses(project, network, nics)
    yield from _about_external_networks(network)


def _about_ranges(project: Any, vpc: Any, subnet: Any) -> Iterator[Case]:
    empty = VPCFactory.create(project=project)
    quiet = SubnetFactory.create(vpc=vpc, project=project, cidr="10.1.0.0/24")
    yield case(policies.CREATE_VPC, vpc_create, "project", {"": project}, name="new")
    yield case(policies.EDIT_VPC, vpc_edit, "vpc", {"": vpc}, name="new")
    yield case(policies.DELETE_VPC, vpc_delete, "vpc", {"used": vpc, "empty": empty}, denied={"used": "in_use"})
    yield case(policies.CREATE_SUBNET, subnet_create, "vpc", {"": empty}, name="new", cidr="10.0.0.0/24")
    yield case(policies.EDIT_SUBNET, subnet_edit, "subnet", {"": subnet}, name="new")
    rows = {"used": subnet, "quiet": quiet}
    yield case(policies.DELETE_SUBNET, subnet_delete, "subnet", rows, denied={"used": "in_use"})


def _about_groups(project: Any, used: Any) -> Iterator[Case]:
    named, free = (SecurityGroupFactory.create(project=project) for _ in range(2))
    rule = RuleFactory.create(group=free)
    RuleFactory.create(group=used, cidr=None, remote_group=named)
    wish = RuleWish(direction="in", protocol="icmp", cidr="0.0.0.0/0")
    groups = {"used": used, "named": named, "free": free, "default": default_group(project)}
    undeletable = {"used": "in_use", "named": "in_use", "default": "default_group"}
    yield case(policies.CREATE_GROUP, group_create, "project", {"": project}, name="new")
    yield case(policies.EDIT_GROUP, group_edit, "group", groups, description="new")
    yield case(policies.EDIT_GROUP, group_set_rules, "group", groups, rules=[wish])
    yield case(policies.EDIT_GROUP, rule_create, "group", groups, rule=wish)
    yield case(policies.EDIT_GROUP, rule_delete, "group", {"": free}, rule=rule)
    yield case(policies.DELETE_GROUP, group_delete, "group", groups, denied=undeletable)


def _about_addresses(project: Any, network: Any, nics: list[Any]) -> Iterator[Case]:
    nic, other = nics
    make = partial(FloatingIPFactory.create, project=project, external_network=network)
    both = {"leading": make(interface=nic, address="198.51.100.50"), "idle": make(address="198.51.100.51")}
    yield case(policies.ALLOCATE, floating_allocate, "project", {"": project})
    yield case(policies.ASSOCIATE, floating_edit, "floating_ip", both, description="new")
    yield case(policies.ASSOCIATE, floating_associate, "floating_ip", both, interface=other)
    yield case(policies.DISASSOCIATE, floating_disassociate, "floating_ip", both, denied={"idle": "not_associated"})
    yield case(policies.RELEASE, floating_release, "floating_ip", both, denied={"leading": "in_use"})
    yield case(policies.TRACE, trace_create, "source", {"": nic}, destination=other, protocol="icmp", allowed=VIEWERS)


def _about_external_networks(network: Any) -> Iterator[Case]:
    rows = {"used": network, "unused": ExternalNetworkFactory.create(is_default=False)}
    new = ExternalNetworkFactory.build(name="new")
    by = {"allowed": OPERATORS}
    yield Case(policies.CREATE_EXTERNAL, _create_external, OPERATORS, {"": new})
    yield case(policies.EDIT_EXTERNAL, external_network_edit, "network", {"": network}, **by, vlan=7)
    denied = {"used": "in_use"}
    yield case(policies.DELETE_EXTERNAL, external_network_delete, "network", rows, **by, denied=denied)


def _create_external(*, actor: Actor, row: Any) -> None:
    external_network_create(actor=actor, name=row.name, cidr="198.51.100.0/24")


@pytest.fixture(scope="module")
def site(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[list[Case], dict[str, User]]]:
    """One project with networks in every situation, and its people."""
    with django_db_blocker.unblock(), transaction.atomic():
        world = World(ProjectFactory.create(), {})
        yield list(cases_of(world.project)), {role: world.person(role) for role in ROLES}
        transaction.set_rollback(True)


def refusal(case: Case, actor: Actor, row: Any) -> Denial | None:
    """Why the service refuses, if it does."""
    with undone():
        try:
            case.service(actor=actor, row=row)
        except ActionDenied as error:
            return error.denial
    return None


def test_every_action_on_networks_is_asked(site: tuple[list[Case], dict[str, User]]) -> None:
    declared = {name for name, value in vars(policies).items() if isinstance(value, Action)}
    asked = {case.action for case in site[0]}
    assert {name for name in declared if getattr(policies, name) in asked} == declared


@pytest.mark.parametrize("role", ROLES)
def test_service_does_what_the_policy_says(site: tuple[list[Case], dict[str, User]], role: str) -> None:
    cases, people = site
    for case in cases:
        for situation, row in case.rows.items():
            actor = Actor(people[role])
            denied = refusal(case, actor, row)
            assert denied == case.action.denial(_as_asked(case, row), actor), (case, situation)
            code = case.denied.get(situation) if role in case.allowed else "permission_denied"
            assert (denied and denied.code) == code, (str(case), situation)


def _as_asked(case: Case, row: Any) -> Any:
    """What lists show, made anew: rows remember what was fetched with them."""
    return row if case.action is policies.CREATE_EXTERNAL else type(row)._default_manager.get(pk=row.pk)


def test_answers_that_lists_show_are_the_same(site: tuple[list[Case], dict[str, User]]) -> None:
    cases, people = site
    manager = Actor(people["manager"])
    answers: Counter[str] = Counter()
    for case in cases:
        for row in case.rows.values():
            if not isinstance(row, VPC | SecurityGroup):
                continue
            shown = type(row).objects.visible_to(manager).for_display().get(pk=row.pk)
            assert case.action.denial(shown, manager) == case.action.denial(_as_asked(case, row), manager)
            answers[case.action.name] += 1
    assert answers


def test_strangers_see_none_of_it(site: tuple[list[Case], dict[str, User]]) -> None:
    cases, people = site
    stranger = Actor(people[OUTSIDER])
    for case in cases:
        for row in case.rows.values():
            if hasattr(row, "project_id") and row._meta.app_label == "networking":
                assert not type(row)._default_manager.visible_to(stranger).filter(pk=row.pk).exists()
