"""Security groups, their rules, and traces through the API."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cloudia.accounts.enums import Role
from cloudia.accounts.models import Project, Quota
from cloudia.jobs.models import Job
from networking.models import SecurityGroup, SecurityGroupRule, Trace
from networking.services.groups import default_group
from tests.factories import InterfaceFactory, RuleFactory, SecurityGroupFactory, SubnetFactory, TraceFactory
from tests.integration.api.conftest import BASE, Body
from tests.integration.api.test_networks import found, wrong

pytestmark = pytest.mark.django_db
HTTP: Body = {"direction": "in", "protocol": "tcp", "port_min": 80, "cidr": "0.0.0.0/0"}


@pytest.fixture
def group(project: Project) -> SecurityGroup:
    """A group without rules."""
    return SecurityGroupFactory.create(project=project, name="web")


@pytest.fixture
def rules(group: SecurityGroup) -> str:
    """Where its rules are."""
    return f"{BASE}/security-groups/{group.pk}/rules/"


def test_group_is_made_with_a_way_out_edited_and_deleted(manager: APIClient, project: Project) -> None:
    made = manager.post(f"{BASE}/security-groups/", {"name": "web", "project": str(project.pk)})
    assert made.status_code == 201, made.json()
    path = f"{BASE}/security-groups/{made.json()['id']}/"

    assert manager.get(path).json() == made.json()
    assert (made.json()["rule_count"], made.json()["interface_count"], made.json()["is_default"]) == (2, 0, False)
    listed = manager.get(f"{path}rules/").json()["results"]
    assert {(rule["direction"], rule["protocol"], rule["cidr"]) for rule in listed} == {
        ("out", "any", "0.0.0.0/0"), ("out", "any", "::/0"),
    }  # fmt: skip
    assert manager.patch(path, {"name": "www", "description": "d"}).json()["name"] == "www"
    assert manager.delete(path).status_code == 204


def test_group_in_use_is_not_deleted_and_says_by_what(manager: APIClient, project: Project) -> None:
    used, meant, mentioning = (SecurityGroupFactory.create(project=project, name=name) for name in "abc")
    link = InterfaceFactory.create(instance__project=project, groups=[used])
    RuleFactory.create(group=mentioning, cidr=None, remote_group=meant)
    default = default_group(project)

    answers = [manager.delete(f"{BASE}/security-groups/{row.pk}/") for row in (used, meant, default)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (409, "in_use"), (409, "in_use"), (409, "default_group"),
    ]  # fmt: skip
    assert answers[0].json()["holder"] == {
        "type": "instance", "id": str(link.instance_id), "name": link.instance.name,
    }  # fmt: skip
    assert answers[1].json()["holder"] == {"type": "securitygroup", "id": str(mentioning.pk), "name": "c"}


def test_rule_is_added_read_and_removed(manager: APIClient, rules: str, group: SecurityGroup) -> None:
    made = manager.post(rules, {**HTTP, "port_max": 90, "description": "shop"})
    assert made.status_code == 201, made.json()
    path = f"{rules}{made.json()['id']}/"

    assert manager.get(path).json() == made.json()
    assert manager.get(rules).json()["results"] == [made.json()]
    assert {name: value for name, value in made.json().items() if name not in {"id", "created_at"}} == {
        **HTTP, "port_max": 90, "group": None, "description": "shop",
    }  # fmt: skip
    assert manager.delete(path).status_code == 204
    assert manager.get(path).status_code == 404
    assert not group.rules.exists()


def test_rule_names_a_group_or_one_port_or_an_ipv6_network(
    manager: APIClient, rules: str, group: SecurityGroup
) -> None:
    made = [
        manager.post(rules, {"direction": "in", "protocol": "any", "group": str(group.pk)}).json(),
        manager.post(rules, HTTP).json(),
        manager.post(rules, {"direction": "out", "protocol": "icmp", "cidr": "fd00::/8"}).json(),
    ]

    assert made[0]["group"] == {"id": str(group.pk), "name": "web"}
    assert (made[0]["cidr"], made[0]["port_min"], made[1]["port_max"], made[2]["cidr"]) == (None, None, 80, "fd00::/8")


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"port_min": 90, "port_max": 80}, {"port_max": ["reversed"]}),
        ({"port_min": 0}, {"port_min": ["min_value"]}),
        ({"port_min": 1, "port_max": 65_536}, {"port_max": ["max_value"]}),
        ({"port_min": "80"}, {"port_min": ["invalid"]}),
        ({"port_min": None, "port_max": 80}, {"port_min": ["required"]}),
        ({"protocol": "icmp"}, {"port_min": ["no_ports"]}),
        ({"protocol": "any"}, {"port_min": ["no_ports"]}),
        ({"protocol": "sctp"}, {"protocol": ["invalid_choice"]}),
        ({"protocol": ["tcp"]}, {"protocol": ["invalid_choice"]}),
        ({"direction": "sideways"}, {"direction": ["invalid_choice"]}),
        ({"cidr": "10.0.0.5/24"}, {"cidr": ["host_bits"]}),
        ({"cidr": "everywhere"}, {"cidr": ["invalid_cidr"]}),
        ({"cidr": None}, {"cidr": ["required"]}),
        ({"cidr": 10}, {"cidr": ["invalid"]}),
        ({"group": "x"}, {"group": ["invalid"]}),
        ({"description": "x" * 256}, {"description": ["max_length"]}),
        ({"priority": 1}, {"priority": ["unknown_field"]}),
    ],
)
def test_bad_fields_of_a_rule_are_named(
    manager: APIClient, rules: str, values: Body, fields: dict[str, list[str]]
) -> None:
    assert wrong(manager.post(rules, {**HTTP, **values})) == fields
    assert not SecurityGroupRule.objects.exists()


def test_rule_names_one_peer_of_its_own_project_and_is_there_once(
    manager: APIClient, operator: APIClient, rules: str, group: SecurityGroup
) -> None:
    foreign = SecurityGroupFactory.create()
    by_group = {**HTTP, "cidr": None}

    assert wrong(manager.post(rules, {**HTTP, "group": str(group.pk)})) == {"cidr": ["required"]}
    assert wrong(operator.post(rules, {**by_group, "group": str(foreign.pk)})) == {"group": ["other_project"]}
    assert manager.post(rules, HTTP).status_code == 201
    assert wrong(manager.post(rules, {**HTTP, "port_max": 80})) == {"": ["duplicate"]}


def test_rule_of_another_group_is_not_found_below_this_one(manager: APIClient, project: Project, rules: str) -> None:
    other = RuleFactory.create(group=SecurityGroupFactory.create(project=project))

    answers = [manager.get(f"{rules}{pk}/") for pk in (other.pk, "x")] + [manager.delete(f"{rules}{other.pk}/")]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert SecurityGroupRule.objects.filter(pk=other.pk).exists()


def test_rules_need_a_manager_and_room(manager: APIClient, member: Any, project: Project, rules: str) -> None:
    refused = member(Role.VIEWER).post(rules, HTTP)
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    Quota.objects.create(project=project, resource="security_group_rules", limit=0)

    full = manager.post(rules, HTTP)

    assert (full.status_code, full.json()["code"]) == (409, "quota_exceeded")


def test_edit_of_a_group_whose_rules_changed_meanwhile_is_refused(
    manager: APIClient, rules: str, group: SecurityGroup
) -> None:
    path = f"{BASE}/security-groups/{group.pk}/"
    etag = manager.get(path).headers["ETag"]
    manager.post(rules, HTTP)

    assert manager.patch(path, {"name": "x"}, HTTP_IF_MATCH=etag).status_code == 412


def test_same_key_adds_one_rule(manager: APIClient, rules: str) -> None:
    answers = [manager.post(rules, HTTP, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert SecurityGroupRule.objects.count() == 1


def test_groups_are_found_by_name_and_description(manager: APIClient, project: Project, group: SecurityGroup) -> None:
    SecurityGroupFactory.create(project=project, name="db", description="for the shop")

    assert found(manager, "security-groups/?search=WEB", "name") == ["web"]
    assert found(manager, "security-groups/?search=shop", "name") == ["db"]
    assert found(manager, "security-groups/?ordering=-name", "name") == ["web", "db"]


# ---- traces


def test_trace_is_asked_for_and_has_its_answer_later(manager: APIClient, project: Project) -> None:
    subnet = SubnetFactory.create(project=project)
    group = SecurityGroupFactory.create(project=project, name="web")
    source, target = (
        InterfaceFactory.create(instance__project=project, instance__name=name, subnet=subnet, groups=groups).interface
        for name, groups in (("a", []), ("b", [group]))
    )

    asked = manager.post(
        f"{BASE}/traces/",
        {"source": str(source.pk), "destination": str(target.pk), "protocol": "tcp", "port": 5432},
    )

    assert asked.status_code == 202, asked.json()
    assert asked.headers["Location"] == f"/api/v1/jobs/{Job.objects.get().pk}/"
    path = f"{BASE}/traces/{asked.json()['target']['id']}/"
    waiting = manager.get(path).json()
    assert (waiting["answer"], waiting["address"], waiting["port"]) == (None, target.address, 5432)
    assert (waiting["source"]["owner"]["name"], waiting["destination"]["owner"]["name"]) == ("a", "b")

    Trace.objects.update(answer={"delivered_to": "", "dropped_at": "ls_out_acl", "acls": {"in": "drop-in"}, "text": ""})
    answer = manager.get(path).json()["answer"]
    assert (answer["arrives"], answer["headline"]) == (False, "Blocked by web.")
    assert answer["opening"] == {
        "group": {"id": str(group.pk), "name": "web"},
        "direction": "in",
        "protocol": "tcp",
        "port_min": 5432,
        "cidr": f"{source.address}/32",
    }
    assert [hop["result"] for hop in answer["hops"]] == ["ok", "ok", "bad", "idle"]


def test_opening_of_an_answer_is_a_rule_as_rules_take_it(manager: APIClient, project: Project) -> None:
    group = SecurityGroupFactory.create(project=project)
    source = InterfaceFactory.create(instance__project=project, groups=[group]).interface
    trace = TraceFactory.create(
        source=source, protocol="icmp", port=None, answer={"delivered_to": "", "acls": {"out": "drop-out"}, "text": ""}
    )

    opening = manager.get(f"{BASE}/traces/{trace.pk}/").json()["answer"]["opening"]
    where = opening.pop("group")["id"]

    assert manager.post(f"{BASE}/security-groups/{where}/rules/", opening).status_code == 201


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, {"address": ["required"]}),
        ({"address": "nowhere"}, {"address": ["invalid"]}),
        ({"address": "fd00::1"}, {"address": ["ipv6"]}),
        ({"address": "10.0.0.9", "port": None}, {"port": ["null"]}),
        ({"address": "10.0.0.9", "port": 0}, {"port": ["min_value"]}),
        ({"address": "10.0.0.9", "protocol": "icmp"}, {"port": ["no_ports"]}),
        ({"address": "10.0.0.9", "protocol": "any"}, {"protocol": ["invalid_choice"]}),
        ({"destination": "x"}, {"destination": ["invalid"]}),
    ],
)
def test_bad_fields_of_a_trace_are_named(
    manager: APIClient, project: Project, values: Body, fields: dict[str, list[str]]
) -> None:
    source = InterfaceFactory.create(instance__project=project).interface
    body = {"source": str(source.pk), "protocol": "tcp", "port": 80, **values}

    assert wrong(manager.post(f"{BASE}/traces/", body)) == fields
    assert not Job.objects.exists()


def test_destination_of_a_trace_is_another_interface_of_the_vpc(manager: APIClient, project: Project) -> None:
    source, elsewhere = (InterfaceFactory.create(instance__project=project).interface for _ in range(2))
    body = {"source": str(source.pk), "protocol": "tcp", "port": 80}

    other = manager.post(f"{BASE}/traces/", {**body, "destination": str(elsewhere.pk)})
    itself = manager.post(f"{BASE}/traces/", {**body, "destination": str(source.pk)})
    both = manager.post(f"{BASE}/traces/", {**body, "destination": str(source.pk), "address": "10.0.0.9"})
    portless = manager.post(f"{BASE}/traces/", {"source": str(source.pk), "protocol": "udp", "address": "10.0.0.9"})

    assert wrong(other) == {"destination": ["other_vpc"]}
    assert wrong(itself) == {"destination": ["itself"]}
    assert wrong(both) == {"address": ["conflict"]}
    assert wrong(portless) == {"port": ["required"]}


def test_viewer_may_ask_why(member: Any, project: Project) -> None:
    source = InterfaceFactory.create(instance__project=project).interface
    body = {"source": str(source.pk), "address": "10.0.0.9", "protocol": "icmp"}

    assert member(Role.VIEWER).post(f"{BASE}/traces/", body).status_code == 202
