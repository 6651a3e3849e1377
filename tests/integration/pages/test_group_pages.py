"""Security groups: the list, the rule editor with everything that can be mistyped, and who came first."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudia.accounts.models import Project
from networking.group_forms import COLUMNS, PRESETS, RuleEditor
from networking.models import SecurityGroup
from networking.services.groups import default_group, group_set_rules
from networking.services.rules import RuleWish
from tests.factories import InstanceFactory, InterfaceFactory, MembershipFactory, RuleFactory, SecurityGroupFactory
from tests.integration.pages.conftest import HTMX

Typed = tuple[str, str, str, str, str]  # protocol, ports, kind, value, description


@pytest.fixture
def group(project: Project) -> SecurityGroup:
    """A group with one rule: SSH from 10.0.0.0/8."""
    group = SecurityGroupFactory.create(project=project, name="sg-db")
    set_rules(group, [RuleWish(direction="in", protocol="tcp", port_min=22, cidr="10.0.0.0/8")])
    return group


def set_rules(group: SecurityGroup, rules: list[RuleWish]) -> None:
    """Somebody else's doing."""
    from cloudia.accounts.actor import Actor

    group_set_rules(actor=Actor(MembershipFactory.create(project=group.project).user), group=group, rules=rules)


def typed(group: SecurityGroup, inbound: Iterable[Typed] = (), outbound: Iterable[Typed] = ()) -> dict[str, Any]:
    """What a browser sends for these rows, on a page made now."""
    sent: dict[str, Any] = {"base": RuleEditor.of(group).base_json}
    for way, rows in (("in", inbound), ("out", outbound)):
        for column, values in zip(COLUMNS, zip(*rows, strict=True), strict=False):
            sent[f"{way}-{column}"] = list(values)
    return sent


def save(browser: Client, group: SecurityGroup, data: dict[str, Any]) -> Any:
    """Press the button."""
    return browser.post(f"/security-groups/{group.pk}/rules/", data)


def rules(group: SecurityGroup) -> set[str]:
    """What it has now."""
    return {
        " ".join(filter(None, [rule.direction, rule.protocol, rule.ports, str(rule.peer), rule.description]))
        for rule in group.rules.select_related("remote_group")
    }


# ---- the list -----------------------------------------------------------------------------------------------------


def test_groups_of_the_project_are_listed_with_what_they_hold(manager: Client, group: SecurityGroup) -> None:
    SecurityGroupFactory.create(name="foreign")
    instance = InstanceFactory.create(project=group.project)
    InterfaceFactory.create(instance=instance, groups=[group])
    page = manager.get("/security-groups/")
    (row,) = page.context["rows"]
    assert (row.group.name, row.group.rule_count, row.group.interface_count) == ("sg-db", 1, 1)
    assert "foreign" not in page.content.decode()
    assert instance.name in json.loads(row.actions)["delete"]["reason"]


@pytest.mark.parametrize(("query", "names"), [("", "ab"), ("sort=-name", "ba"), ("search=B", "b"), ("search=x", "")])
def test_the_list_is_searched_and_sorted(manager: Client, project: Project, query: str, names: str) -> None:
    for name in "ab":
        SecurityGroupFactory.create(project=project, name=name)
    assert "".join(row.group.name for row in manager.get(f"/security-groups/?{query}").context["rows"]) == names


@pytest.mark.parametrize("count", [1, 30])
def test_the_number_of_queries_of_the_list_does_not_depend_on_the_rows(
    manager: Client, project: Project, count: int
) -> None:
    SecurityGroupFactory.create_batch(count, project=project)
    manager.get("/security-groups/")
    with CaptureQueriesContext(connection) as queries:
        assert len(manager.get("/security-groups/").context["rows"]) == count
    assert len(queries) == 12


def test_a_group_is_created_by_the_dialog(manager: Client, project: Project) -> None:
    assert b"Create security group" in manager.get("/security-groups/new/", headers=HTMX).content
    answer = manager.post("/security-groups/new/", {"name": "sg-web", "description": ""}, headers=HTMX)
    assert (answer.status_code, json.loads(answer["HX-Trigger"])["toast"]["text"]) == (204, "Created: sg-web")
    assert rules(SecurityGroup.objects.get(project=project)) == {"out any 0.0.0.0/0", "out any ::/0"}


def test_a_taken_name_is_said_at_the_field_and_kept(manager: Client, group: SecurityGroup) -> None:
    answer = manager.post("/security-groups/new/", {"name": "sg-db", "description": "x"}, headers=HTMX)
    assert answer.status_code == 422
    assert answer.context["form"].errors["name"] == ["There is one of this name already."]
    assert 'value="sg-db"' in answer.content.decode()


def test_a_group_is_renamed_and_deleted(manager: Client, group: SecurityGroup) -> None:
    manager.post(f"/security-groups/{group.pk}/edit/", {"name": "sg-sql", "description": "d"}, headers=HTMX)
    group.refresh_from_db()
    assert (group.name, group.description) == ("sg-sql", "d")
    assert b"Delete this security group?" in manager.get(f"/security-groups/{group.pk}/delete/", headers=HTMX).content
    assert manager.post(f"/security-groups/{group.pk}/delete/", headers=HTMX).status_code == 204
    assert not SecurityGroup.objects.exists()


def test_the_default_group_stays(manager: Client, project: Project) -> None:
    group = default_group(project)
    answer = manager.post(f"/security-groups/{group.pk}/delete/", headers=HTMX)
    assert answer.status_code == 409
    assert "can't be deleted" in json.loads(answer["HX-Trigger"])["toast"]["text"]
    assert SecurityGroup.objects.get() == group


# ---- the editor ---------------------------------------------------------------------------------------------------


def test_rules_are_saved_together(manager: Client, group: SecurityGroup) -> None:
    web = SecurityGroupFactory.create(project=group.project, name="sg-web")
    inbound: list[Typed] = [
        ("tcp", "5432", "group", "sg-web", "웹 서버 접속"),
        ("tcp", " 8000 - 8080 ", "cidr", "10.0.0.0/8", ""),
        ("tcp", "", "cidr", "", ""),  # left blank
        ("icmp", "", "cidr", "2001:db8::/32", ""),
    ]
    answer = save(manager, group, typed(group, inbound, [("any", "", "cidr", "0.0.0.0/0", "")]))
    assert (answer.status_code, answer["Location"]) == (302, f"/security-groups/{group.pk}/")
    assert rules(group) == {
        f"in tcp 5432 {web} 웹 서버 접속",
        "in tcp 8000-8080 10.0.0.0/8",
        "in icmp 2001:db8::/32",
        "out any 0.0.0.0/0",
    }


def test_no_rows_are_no_rules(manager: Client, group: SecurityGroup) -> None:
    save(manager, group, typed(group))
    assert rules(group) == set()


@pytest.mark.parametrize(
    ("row", "field", "problem"),
    [
        (("tcp", "90-80", "cidr", "10.0.0.0/8", ""), "ports", "The last port can't be below the first."),
        (("tcp", "65536", "cidr", "10.0.0.0/8", ""), "ports", "Enter a number from 1 to 65535."),
        (("tcp", "0", "cidr", "10.0.0.0/8", ""), "ports", "Enter a number from 1 to 65535."),
        (("tcp", "http", "cidr", "10.0.0.0/8", ""), "ports", "Enter a port like 80, or a range like 8000-8080."),
        (("tcp", "9" * 5000, "cidr", "10.0.0.0/8", ""), "ports", "Enter a port like 80, or a range like 8000-8080."),
        (("tcp", "-80", "cidr", "10.0.0.0/8", ""), "ports", "Enter a port like 80, or a range like 8000-8080."),
        (("icmp", "80", "cidr", "10.0.0.0/8", ""), "ports", "Only TCP and UDP have ports."),
        (("sctp", "", "cidr", "10.0.0.0/8", ""), "protocol", "Choose one of: tcp, udp, icmp, any."),
        (("tcp", "80", "cidr", "10.0.0.0/33", ""), "value", "Enter a network, like 10.0.0.0/24."),
        (("tcp", "80", "cidr", "everybody\0", ""), "value", "Enter a network, like 10.0.0.0/24."),
        (("tcp", "80", "cidr", "10.0.0.1/24", ""), "value", "Did you mean 10.0.0.0/24?"),
        (("tcp", "80", "cidr", "2001:db8::1/32", ""), "value", "Did you mean 2001:db8::/32?"),
        (("tcp", "80", "cidr", "", ""), "value", "Enter a network, or choose a security group."),
        (("any", "", "cidr", "", ""), "value", "Enter a network, or choose a security group."),
        (("tcp", "80", "group", "", ""), "value", "Enter a network, or choose a security group."),
        (("tcp", "80", "group", "foreign", ""), "value", "This project has no security group of this name."),
        (("tcp", "80", "group", "10.0.0.0/8", ""), "value", "This project has no security group of this name."),
        (("tcp", "80", "cidr", "10.0.0.0/8", "x" * 256), "description", "At most 255 characters."),
        (("tcp", "80", "cidr", "10.0.0.0/8", "a\nb"), "description", "one line without control characters"),
        (("tcp", "80-80", "cidr", "192.168.0.0/16", "again"), "value", "This rule is there twice."),
    ],
)
def test_a_mistake_is_said_at_its_row_and_field_and_nothing_is_lost(
    manager: Client, group: SecurityGroup, row: Typed, field: str, problem: str
) -> None:
    SecurityGroupFactory.create(name="foreign")
    before = rules(group)
    good: Typed = ("tcp", "80", "cidr", "192.168.0.0/16", "good")
    answer = save(manager, group, typed(group, [good, row]))
    first, second = answer.context["editor"].rows
    assert (answer.status_code, rules(group), first.problems) == (422, before, {})
    assert list(second.problems) == [field]
    assert problem in second.problems[field]
    assert second.said[1:] == [text.strip() for text in row]
    assert f'id="in-2-{field}"' in answer.content.decode()


def test_several_mistakes_are_said_at_once(manager: Client, group: SecurityGroup) -> None:
    rows: list[Typed] = [("tcp", "x", "cidr", "y", ""), ("udp", "0", "group", "z", "")]
    answer = save(manager, group, typed(group, rows))
    assert [sorted(row.problems) for row in answer.context["editor"].rows] == [["ports", "value"]] * 2
    assert "Check the 4 values you entered." in answer.content.decode()


def test_two_hundred_rows_are_saved(manager: Client, group: SecurityGroup) -> None:
    rows: list[Typed] = [("tcp", str(number), "cidr", "10.0.0.0/8", "") for number in range(1, 201)]
    assert save(manager, group, typed(group, rows)).status_code == 302
    assert group.rules.count() == 200
    page = manager.get(f"/security-groups/{group.pk}/").content.decode()
    assert page.count('name="in-value"') == 201  # and the row that scripts copy


def test_the_number_of_queries_of_the_editor_does_not_depend_on_the_rules(
    manager: Client, group: SecurityGroup
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            manager.get(f"/security-groups/{group.pk}/")
        return len(queries)

    count()
    before = count()
    for number in range(1, 30):
        other = SecurityGroupFactory.create(project=group.project)
        RuleFactory.create(group=group, port_min=number, cidr=None, remote_group=other)
    assert count() == before


def test_too_many_rules_for_the_quota_are_kept_on_the_page(
    manager: Client, group: SecurityGroup, django_assert_num_queries: Any
) -> None:
    from cloudia.accounts.models import Quota

    Quota.objects.create(project=group.project, resource="security_group_rules", limit=1)
    rows: list[Typed] = [("tcp", "80", "cidr", "10.0.0.0/8", ""), ("tcp", "81", "cidr", "10.0.0.0/8", "")]
    answer = save(manager, group, typed(group, rows))
    assert answer.status_code == 409
    assert "The rules were not saved." in answer.content.decode()
    assert [row.ports for row in answer.context["editor"].rows] == ["80", "81"]
    assert rules(group) == {"in tcp 22 10.0.0.0/8"}


@pytest.mark.parametrize(
    ("row", "warns"),
    [
        (("tcp", "22", "cidr", "0.0.0.0/0", ""), "SSH (22)"),
        (("tcp", "", "cidr", "::/0", ""), "PostgreSQL (5432)"),
        (("tcp", "3000-4000", "cidr", "0.0.0.0/0", ""), "RDP (3389), MySQL (3306)"),
        (("any", "", "cidr", "0.0.0.0/0", ""), "All traffic"),
        (("tcp", "443", "cidr", "0.0.0.0/0", ""), ""),
        (("tcp", "22", "cidr", "10.0.0.0/8", ""), ""),
        (("tcp", "22", "cidr", "nonsense", ""), ""),
        (("icmp", "", "cidr", "0.0.0.0/0", ""), ""),
    ],
)
def test_a_door_open_to_everyone_is_warned_of_and_not_refused(
    manager: Client, group: SecurityGroup, row: Typed, warns: str
) -> None:
    warned = manager.post(f"/security-groups/{group.pk}/warnings/", typed(group, [row])).content.decode()
    assert ("open to everyone" in warned) is bool(warns)
    assert warns in warned
    if row[3] != "nonsense":
        assert save(manager, group, typed(group, [row])).status_code == 302
        assert ("open to everyone" in manager.get(f"/security-groups/{group.pk}/").content.decode()) is bool(warns)


def test_what_others_changed_meanwhile_is_said_and_typing_kept(manager: Client, group: SecurityGroup) -> None:
    mine = typed(group, [("tcp", "443", "cidr", "10.0.0.0/8", "mine")])
    set_rules(group, [RuleWish(direction="in", protocol="udp", port_min=53, cidr="10.0.0.0/8")])
    answer = save(manager, group, mine)
    page = answer.content.decode()
    assert (answer.status_code, rules(group)) == (409, {"in udp 53 10.0.0.0/8"})
    assert 'Added meanwhile: <span class="mono">Inbound · UDP 53 · 10.0.0.0/8</span>' in page
    assert 'Removed meanwhile: <span class="mono">Inbound · TCP 22 · 10.0.0.0/8</span>' in page
    assert [row.description for row in answer.context["editor"].rows] == ["mine"]
    mine["base"] = answer.context["editor"].base_json
    assert save(manager, group, mine).status_code == 302
    assert rules(group) == {"in tcp 443 10.0.0.0/8 mine"}


@pytest.mark.parametrize("base", ["", "null", "{}", "[1]", '[["in"]]', "[[1,2,3,4,5,6,7,8]]", "[[", '"x"'])
def test_a_forged_base_saves_nothing(manager: Client, group: SecurityGroup, base: str) -> None:
    assert save(manager, group, typed(group) | {"base": base}).status_code == 409
    assert rules(group) == {"in tcp 22 10.0.0.0/8"}


def test_rows_come_and_go_without_scripts_and_without_saving(manager: Client, group: SecurityGroup) -> None:
    row: Typed = ("tcp", "x", "cidr", "y", "z")
    for change, ports in (("in", ["x", ""]), ("in:https", ["x", "443"]), ("sideways", ["x"])):
        answer = save(manager, group, typed(group, [row]) | {"add": change})
        assert (answer.status_code, [row.ports for row in answer.context["editor"].rows]) == (200, ports)
    for change, left in (("in:0", 0), ("in:7", 1), ("in:x", 1), ("out:0", 1)):
        answer = save(manager, group, typed(group, [row]) | {"remove": change})
        assert len(answer.context["editor"].rows) == left
    assert rules(group) == {"in tcp 22 10.0.0.0/8"}


def test_every_preset_is_a_rule_once_it_says_for_whom(manager: Client, group: SecurityGroup) -> None:
    rows: list[Typed] = [
        (preset.protocol.value, preset.ports, "cidr", preset.value("in") or "10.0.0.0/8", "") for preset in PRESETS
    ]
    assert save(manager, group, typed(group, rows)).status_code == 302
    assert group.rules.count() == len(PRESETS)
    assert [preset.key for preset in PRESETS if preset.public] == ["http", "https", "ping"]


def test_a_link_brings_a_row_that_is_not_saved(manager: Client, group: SecurityGroup) -> None:
    query = "add=in&protocol=tcp&ports=5432&value=10.20.3.20/32"
    answer = manager.get(f"/security-groups/{group.pk}/?{query}")
    assert answer.context["editor"].rows[-1].said == ["in", "tcp", "5432", "cidr", "10.20.3.20/32", ""]
    assert rules(group) == {"in tcp 22 10.0.0.0/8"}
    assert manager.get(f"/security-groups/{group.pk}/?add=sideways").context["editor"].problems == 0


def test_a_viewer_sees_rules_and_cannot_save_them(viewer: Client, group: SecurityGroup) -> None:
    page = viewer.get(f"/security-groups/{group.pk}/").content.decode()
    assert ('<fieldset class="bare" disabled>' in page, 'id="save-rules"' in page) == (True, False)
    assert save(viewer, group, typed(group)).status_code == 409
    assert rules(group) == {"in tcp 22 10.0.0.0/8"}


def test_who_uses_it_is_listed_with_a_link(manager: Client, group: SecurityGroup) -> None:
    instance = InstanceFactory.create(project=group.project, name="db-1")
    InterfaceFactory.create(instance=instance, groups=[group])
    shown = manager.get(f"/security-groups/{group.pk}/interfaces/").content.decode()
    assert f'href="/instances/{instance.pk}/"' in shown


def test_an_open_page_hears_of_changes(manager: Client, group: SecurityGroup) -> None:
    group.refresh_from_db()
    url = f"/security-groups/{group.pk}/news/"
    assert b"Somebody has just changed" not in manager.get(url, {"at": group.changed_at.isoformat()}).content
    assert b"Somebody has just changed" in manager.get(url, {"at": "2020-01-01T00:00:00+00:00"}).content


@pytest.mark.parametrize("path", ["", "row/", "edit/", "delete/", "rules/", "warnings/", "news/", "interfaces/"])
def test_a_group_of_another_project_does_not_exist(manager: Client, path: str) -> None:
    foreign = SecurityGroupFactory.create()
    for pk in (foreign.pk, uuid.uuid4()):
        assert {manager.get(f"/security-groups/{pk}/{path}").status_code} <= {404, 405}
        assert {manager.post(f"/security-groups/{pk}/{path}").status_code} <= {404, 405}
