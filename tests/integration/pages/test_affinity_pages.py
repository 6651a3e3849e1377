"""선호도 그룹: the list, its dialogs, the tab of an instance, and the choice in the create form."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudia.accounts.models import Project
from cloudia.hosts.models import Host
from instances.affinity_models import AffinityGroup
from instances.enums import PowerState
from instances.models import Instance
from instances.template_forms import Prefill
from tests.factories import AffinityGroupFactory, HostFactory, InstanceFactory, LaunchTemplateFactory, ProjectFactory
from tests.integration.pages.conftest import HTMX
from tests.integration.pages.test_instance_pages import filled

pytestmark = pytest.mark.django_db
LIST = "/affinity-groups/"
FORM = {"name": "web", "policy": "anti-affinity", "hard": "on", "enabled": "on", "description": "for web servers"}


def names(page: str) -> list[str]:
    return re.findall(r'data-name="([^"]*)"', page)


def cell(page: str, label: str) -> str:
    """What the first row says below a heading, without markup."""
    (inside,) = re.findall(rf'data-label="{label}">(.*?)</td>', page, re.DOTALL)[:1]
    return " ".join(unescape(re.sub(r"<[^>]*>", "", inside)).split())


def tab(browser: Client, instance: Instance) -> str:
    return browser.get(f"/instances/{instance.pk}/affinity-group/").content.decode()


def test_list_shows_the_projects_groups_their_members_and_whether_they_are_kept(
    manager: Client, project: Project
) -> None:
    group = AffinityGroupFactory.create(project=project, name="web", hard=False)
    AffinityGroupFactory.create(name="foreign")
    host = HostFactory.create()
    members = [InstanceFactory.create(project=project, affinity_group=group, host=host) for _ in range(2)]
    page = manager.get(LIST).content.decode()
    assert names(page) == ["web"]
    shown = {label: cell(page, label) for label in ("Rule", "Enabled", "Members", "Kept now")}
    assert shown == {
        "Rule": "Anti-affinity (on different hosts) Preferred",
        "Enabled": "Active", "Members": "2", "Kept now": "Not kept",
    }  # fmt: skip
    (href,) = re.findall(r'data-label="Members"><a href="([^"]*)">', page)
    assert sorted(names(manager.get(href).content.decode())) == sorted(member.name for member in members)
    Instance.objects.filter(pk=members[0].pk).update(host=HostFactory.create())
    assert cell(manager.get(f"{LIST}{group.pk}/row/").content.decode(), "Kept now") == "Kept"
    AffinityGroup.objects.filter(pk=group.pk).update(enabled=False)
    page = manager.get(LIST).content.decode()
    assert (cell(page, "Enabled"), cell(page, "Kept now")) == ("Inactive", "-")


@pytest.mark.parametrize(
    ("query", "found"),
    [("search=we", ["web"]), ("policy=affinity", ["db"]), ("enabled=false", ["db"]), ("search=nothing", [])],
)
def test_filters_narrow(manager: Client, project: Project, query: str, found: list[str]) -> None:
    AffinityGroupFactory.create(project=project, name="web")
    AffinityGroupFactory.create(project=project, name="db", policy="affinity", enabled=False)
    assert names(manager.get(f"{LIST}?{query}").content.decode()) == found


def test_list_asks_as_often_for_30_rows_as_for_1(manager: Client, project: Project) -> None:
    manager.get(LIST)  # the session learns its project
    counts = []
    for rows in (1, 29):
        for _ in range(rows):
            InstanceFactory.create(project=project, affinity_group=AffinityGroupFactory.create(project=project))
        with CaptureQueriesContext(connection) as queries:
            assert manager.get(LIST).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_manager_makes_edits_and_deletes_one(manager: Client, project: Project) -> None:
    assert manager.post(f"{LIST}new/", FORM, headers=HTMX).status_code == 204
    group = AffinityGroup.objects.get()
    assert (group.project, group.policy, group.hard, group.enabled) == (project, "anti-affinity", True, True)
    changed = {"name": "db", "policy": "affinity", "description": ""}
    assert manager.post(f"{LIST}{group.pk}/edit/", changed, headers=HTMX).status_code == 204
    group.refresh_from_db()
    assert (group.name, group.policy, group.hard, group.enabled) == ("db", "affinity", False, False)
    assert "Delete this affinity group?" in manager.get(f"{LIST}{group.pk}/delete/", headers=HTMX).content.decode()
    assert manager.post(f"{LIST}{group.pk}/delete/", headers=HTMX).status_code == 204
    assert not AffinityGroup.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": " "}, "Enter a name."),
        ({"name": "x" * 129}, "At most 128 characters."),
        ({"name": "taken"}, "There is one of this name already."),
        ({"policy": "near"}, "not one of the available choices"),
        ({"description": "for web servers" * 20}, "At most 255 characters."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    manager: Client, project: Project, wrong: dict[str, Any], words: str
) -> None:
    AffinityGroupFactory.create(project=project, name="taken")
    answer = manager.post(f"{LIST}new/", {**FORM, **wrong}, headers=HTMX)
    page = answer.content.decode()
    assert (answer.status_code, AffinityGroup.objects.count()) == (422, 1)
    assert words in page
    assert "for web servers" in page


def test_tab_shows_the_group_and_who_else_is_in_it(manager: Client, project: Project) -> None:
    group = AffinityGroupFactory.create(project=project, name="web")
    one, *others = [
        InstanceFactory.create(project=project, affinity_group=group, name=f"web-{number:02}") for number in range(12)
    ]
    page = tab(manager, one)
    assert cell(page, "Members") == ", ".join(f"web-{number:02}" for number in range(10)) + " and 2 more"
    assert f"/instances/{others[0].pk}/" in page
    assert (cell(page, "Rule"), cell(page, "Kept now")) == ("Anti-affinity (on different hosts) Required", "Kept")
    assert "In no affinity group" in tab(manager, InstanceFactory.create(project=project))


def test_stopped_instance_changes_its_group_by_the_dialog(manager: Client, project: Project) -> None:
    group, other = (AffinityGroupFactory.create(project=project) for _ in range(2))
    foreign = AffinityGroupFactory.create(project=ProjectFactory.create(), name="foreign")
    instance = InstanceFactory.create(project=project, affinity_group=group)
    address = f"/instances/{instance.pk}/affinity-group/change/"
    page = manager.get(address, headers=HTMX).content.decode()
    assert f'<option value="{group.pk}" selected>' in page
    assert "foreign" not in page
    for wanted in (other, None):
        sent = {"affinity_group": wanted.pk if wanted else ""}
        assert manager.post(address, sent, headers=HTMX).status_code == 204
        instance.refresh_from_db()
        assert instance.affinity_group == wanted
    refused = manager.post(address, {"affinity_group": foreign.pk}, headers=HTMX)
    assert refused.status_code == 422
    assert "not one of the available choices" in refused.content.decode()


def test_running_instance_says_why_it_keeps_its_group(manager: Client, project: Project) -> None:
    instance = InstanceFactory.create(project=project, power_state=PowerState.RUNNING)
    words = "Only possible when stopped. It is now: Running."
    assert words in tab(manager, instance)
    address = f"/instances/{instance.pk}/affinity-group/change/"
    assert words in manager.get(address, headers=HTMX).content.decode()
    assert manager.post(address, {"affinity_group": ""}, headers=HTMX).status_code == 409


def test_instances_are_narrowed_by_group(manager: Client, project: Project) -> None:
    group = AffinityGroupFactory.create(project=project, name="web")
    AffinityGroupFactory.create(name="foreign")
    mine = InstanceFactory.create(project=project, affinity_group=group)
    InstanceFactory.create(project=project)
    page = manager.get(f"/instances/?affinity_group={group.pk}").content.decode()
    assert names(page) == [mine.name]
    assert f'<option value="{group.pk}" selected>web</option>' in page
    assert "foreign" not in page


def test_new_instance_is_put_into_the_chosen_group(manager: Client, project: Project) -> None:
    group = AffinityGroupFactory.create(project=project, name="web")
    foreign = AffinityGroupFactory.create(name="foreign")
    form = filled(project)
    page = manager.get("/instances/new/").content.decode()
    assert f'<option value="{group.pk}">web · Anti-affinity (on different hosts)</option>' in page
    assert "foreign" not in page
    refused = manager.post("/instances/new/", {**form, "affinity_group": foreign.pk})
    assert refused.status_code == 422
    assert "not one of the available choices" in refused.content.decode()
    assert manager.post("/instances/new/", {**form, "affinity_group": group.pk}).status_code == 302
    assert Instance.objects.get().affinity_group == group


def test_summary_counts_the_hosts_that_the_rule_leaves_and_the_form_says_which_are_out(
    manager: Client, project: Project
) -> None:
    group = AffinityGroupFactory.create(project=project, name="web")
    form = filled(project)
    sent = {**form, "affinity_group": group.pk}
    assert "1 host<" in manager.post("/instances/new/summary/", sent).content.decode()
    InstanceFactory.create(project=project, affinity_group=group, host=Host.objects.get(), name="first")
    summary = manager.post("/instances/new/summary/", sent).content.decode()
    words = "“first” of anti-affinity group “web” is there"
    assert "0 hosts" in summary
    assert words in summary
    refused = manager.post("/instances/new/", sent)
    assert refused.status_code == 422
    assert words in refused.content.decode()
    assert f'<option value="{group.pk}" selected>' in refused.content.decode()
    assert manager.post("/instances/new/", form).status_code == 302


def test_form_begins_with_the_group_of_its_template(manager: Client, project: Project) -> None:
    group = AffinityGroupFactory.create(project=project)
    template = LaunchTemplateFactory.create(project=project)
    template.content["affinity_group"] = str(group.pk)
    template.save()
    address = f"/instances/new/?template={template.pk}"
    assert f'<option value="{group.pk}" selected>' in manager.get(address).content.decode()
    AffinityGroup.objects.all().delete()
    assert manager.get(address).status_code == 200
    assert [str(label) for label in Prefill.of(template).lost] == ["Affinity group"]
