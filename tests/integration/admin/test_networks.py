"""What operators do about networks in the admin: external ones, quotas, and looking."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from cloudia.accounts import quotas
from cloudia.accounts.models import Project, Quota
from networking.models import (
    VPC,
    ExternalNetwork,
    FloatingIP,
    HostNetwork,
    NetworkInterface,
    NetworkRepair,
    NetworkState,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
)
from tests.factories import ExternalNetworkFactory, ProjectFactory, RuleFactory, VPCFactory
from tests.integration.admin.test_changes import choose, no_rows, said, written
from tests.integration.admin.test_lists import MAKERS, address

FORM = {"name": "public", "physical_network": "public", "cidr": "198.51.100.0/24"}
READ_ONLY = (VPC, Subnet, SecurityGroup, NetworkInterface, FloatingIP, HostNetwork, NetworkState, NetworkRepair)


def test_external_network_is_made_from_its_range_alone(desk: Client) -> None:
    desk.post(address(ExternalNetwork, "add"), FORM | {"is_default": "on"})
    network = ExternalNetwork.objects.get()
    assert (network.gateway, network.first_address, network.last_address, network.is_default) == (
        "198.51.100.1", "198.51.100.2", "198.51.100.254", True,
    )  # fmt: skip
    assert written() == [("external_network.create", "done", "")]


def test_newest_default_takes_the_older_ones_place(desk: Client) -> None:
    old = ExternalNetworkFactory.create(is_default=True)
    desk.post(address(ExternalNetwork, "add"), FORM | {"is_default": "on"})
    assert ExternalNetwork.objects.get(is_default=True) != old


def test_external_network_changes_but_for_its_range(desk: Client) -> None:
    network = ExternalNetworkFactory.create(is_default=False)
    change = {"name": "dc", "physical_network": "dc", "vlan": "7", "cidr": "192.0.2.0/24", "gateway": "192.0.2.1"}
    desk.post(address(ExternalNetwork, "change", network.pk), change | {"first_address": "198.51.100.100"})
    network.refresh_from_db()
    assert (network.name, network.physical_network, network.vlan) == ("dc", "dc", 7)
    assert (network.first_address, network.last_address) == ("198.51.100.100", "198.51.100.254")
    assert (str(network.cidr), network.gateway) == ("198.51.100.0/24", "198.51.100.1")
    assert written() == [("external_network.edit", "done", "")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"cidr": "198.51.100.9/24"},
        {"cidr": "x"},
        {"cidr": "2001:db8::/64"},
        {"cidr": "198.51.100.0/31"},
        {"gateway": "192.0.2.1"},
        {"first_address": "198.51.100.9", "last_address": "198.51.100.3"},
        {"vlan": "4095"},
        {"name": ""},
    ],
)
def test_network_that_can_not_be_is_refused_with_a_reason(desk: Client, wrong: dict[str, str]) -> None:
    answer = desk.post(address(ExternalNetwork, "add"), FORM | wrong)
    assert not ExternalNetwork.objects.exists()
    at_the_form = answer.status_code == 200 and answer.context["adminform"].form.errors
    assert at_the_form or said(answer)


def test_network_in_use_is_deleted_after_its_user_and_a_second_yes(desk: Client) -> None:
    vpc = VPCFactory.create(external_network=ExternalNetworkFactory.create(), name="shop")
    network = vpc.external_network
    assert network is not None
    (refused,) = said(choose(desk, network, "delete", confirmed="yes"))
    assert "shop" in refused
    vpc.delete()
    assert network.name in choose(desk, network, "delete").content.decode()
    assert ExternalNetwork.objects.exists()
    choose(desk, network, "delete", confirmed="yes")
    assert not ExternalNetwork.objects.exists()
    assert written() == [("external_network.delete", "refused", "in_use"), ("external_network.delete", "done", "")]


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model.__name__)
def test_tenants_networks_and_what_was_seen_are_only_looked_at(desk: Client, model: Any) -> None:
    row = MAKERS[model]()
    before = model.objects.filter(pk=row.pk).values().get()
    answers = [
        desk.post(address(model, "change", row.pk), {"name": "x", "address": "10.0.0.9"}).status_code,
        desk.post(address(model, "add"), {"name": "x"}).status_code,
        desk.post(address(model, "delete", row.pk), {"post": "yes"}).status_code,
    ]
    assert answers == [403, 403, 403]
    assert model.objects.filter(pk=row.pk).values().get() == before


def test_group_shows_its_rules_and_drift_its_changes(desk: Client) -> None:
    rule: SecurityGroupRule = RuleFactory.create(port_min=8080, port_max=8090, description="shop")
    page = desk.get(address(SecurityGroup, "change", rule.group_id)).content.decode()
    assert all(text in page for text in ("8080-8090", "0.0.0.0/0", "TCP", "shop"))
    repair = NetworkRepair.objects.create(changes=["~ Logical_Switch_Port x addresses"], total=1)
    assert "Logical_Switch_Port x addresses" in desk.get(address(NetworkRepair, "change", repair.pk)).content.decode()


def test_problem_is_said_in_the_readers_language(desk: Client) -> None:
    NetworkState.current()
    NetworkState.objects.update(problem_code="network_unreachable", problem_texts={"ko": "답이 없음", "en": "silence"})
    assert "답이 없음" in desk.get(address(NetworkState)).content.decode()


def quota_form(project: Project, *rows: dict[str, str], initial: int = 0) -> dict[str, str]:
    """The project's page, filled in."""
    form = {"name": project.name} | no_rows("memberships")
    form |= {"quotas-TOTAL_FORMS": str(len(rows)), "quotas-INITIAL_FORMS": str(initial)}
    for number, row in enumerate(rows):
        form |= {f"quotas-{number}-{name}": value for name, value in {"project": str(project.pk), **row}.items()}
    return form


def test_quota_is_set_changed_and_taken_back(desk: Client) -> None:
    project = ProjectFactory.create()
    url = address(Project, "change", project.pk)
    desk.post(url, quota_form(project, {"resource": "vpcs", "limit": "3"}))
    quota = Quota.objects.get()
    assert (quota.resource, quotas.level(project, "vpcs").limit) == ("vpcs", 3)
    same = {"id": str(quota.pk), "resource": "subnets", "limit": "0"}
    desk.post(url, quota_form(project, same, initial=1))
    quota.refresh_from_db()
    assert (quota.resource, quota.limit) == ("vpcs", 0), "what it is about stays"
    desk.post(url, quota_form(project, same | {"DELETE": "on"}, initial=1))
    assert not Quota.objects.exists()
    assert quotas.level(project, "vpcs").limit == 10
    assert [entry for entry in written() if entry[0] == "quota.set"] == [("quota.set", "done", "")] * 3


def test_quota_of_a_new_project_is_set_with_it(desk: Client) -> None:
    project = ProjectFactory.build(name="web")
    form = quota_form(project, {"resource": "floating_ips", "limit": "5", "project": ""})
    desk.post(address(Project, "add"), form)
    assert quotas.level(Project.objects.get(), "floating_ips").limit == 5


@pytest.mark.parametrize("row", [{"resource": "yachts", "limit": "1"}, {"resource": "vpcs", "limit": "-1"}])
def test_quota_of_nothing_or_below_nothing_is_refused(desk: Client, row: dict[str, str]) -> None:
    project = ProjectFactory.create()
    answer = desk.post(address(Project, "change", project.pk), quota_form(project, row))
    assert answer.status_code == 200
    assert not Quota.objects.exists()


def test_quota_beyond_counting_is_refused_by_the_service(desk: Client) -> None:
    project = ProjectFactory.create()
    url = address(Project, "change", project.pk)
    answer = desk.post(url, quota_form(project, {"resource": "vpcs", "limit": str(quotas.MAX_LIMIT + 1)}))
    assert "1000000" in " ".join(said(answer)).replace(",", "")
    assert not Quota.objects.exists()
