"""인스턴스 목록: what it shows, to whom, at what cost, and that no address breaks it."""

from __future__ import annotations

import csv
import gzip
import html
import io
import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudia.accounts.enums import Origin
from cloudia.accounts.models import Project
from instances.enums import PowerState
from tests.factories import (
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InterfaceFactory,
    ProjectFactory,
    SubnetFactory,
    UserFactory,
    hold,
)
from tests.integration.pages.conftest import HTMX, log_in

NONSENSE = [
    "page=999",
    "page=0",
    "page=x",
    "page=-1",
    "search=%00",
    "search=" + "a" * 5000,
    "sort=;drop",
    "sort=--name",
    "ordering=nothing",
    "status=nothing",
    "status=%00",
    "origin=nothing",
    "host=nothing",
    "host=00000000-0000-0000-0000-00000000000g",
    "project=%00",
    "project=x",
    "scope=all",
    "page=%00&sort=%00&host=%00",
]


def names(page: str) -> list[str]:
    """Names in the order of the rows."""
    return [html.unescape(name) for name in re.findall(r'data-name="([^"]*)"', page)]


def verdicts(page: str, name: str) -> dict[str, dict[str, object]]:
    """What the row of ``name`` tells the toolbar."""
    found = re.search(rf'data-name="{re.escape(name)}".*?data-actions="([^"]*)"', page, re.DOTALL)
    assert found
    result: dict[str, dict[str, object]] = json.loads(html.unescape(found[1]))
    return result


def test_the_guides_columns_are_shown_in_its_order(manager: Client, project: Project) -> None:
    InstanceFactory.create(project=project)
    page = manager.get("/instances/", headers={"accept-language": "ko"}).content.decode()
    heads = re.findall(r'<th scope="col"[^>]*>(?:<a[^>]*>)?([^<]+)', page)
    assert heads == ["이름", "ID", "생성 방식", "IP 주소", "상태", "vCPU", "메모리 크기", "생성 일시"]


def test_only_instances_of_the_current_project_are_listed(manager: Client, project: Project) -> None:
    InstanceFactory.create(project=project, name="ours")
    InstanceFactory.create(name="theirs")
    assert names(manager.get("/instances/").content.decode()) == ["ours"]


def test_a_project_in_the_address_that_is_not_ours_shows_nothing_of_it(manager: Client) -> None:
    foreign = InstanceFactory.create(name="theirs")
    page = manager.get(f"/instances/?project={foreign.project_id}").content.decode()
    assert "theirs" not in page


def test_operators_may_list_every_project(operator: Client) -> None:
    InstanceFactory.create(name="one", project=ProjectFactory.create())
    InstanceFactory.create(name="two", project=ProjectFactory.create())
    assert sorted(names(operator.get("/instances/?scope=all").content.decode())) == ["one", "two"]


def test_members_cannot_list_every_project(manager: Client) -> None:
    InstanceFactory.create(name="theirs")
    assert names(manager.get("/instances/?scope=all").content.decode()) == []


def test_somebody_without_a_project_is_told_what_to_do(db: None) -> None:
    page = log_in(UserFactory.create()).get("/instances/")
    assert (page.status_code, "You are not in a project yet" in page.content.decode()) == (200, True)


def test_the_anonymous_are_sent_to_log_in(db: None) -> None:
    assert Client().get("/instances/").headers["Location"] == "/login/?next=/instances/"


def test_search_finds_names_and_the_beginning_of_ids(manager: Client, project: Project) -> None:
    wanted = InstanceFactory.create(project=project, name="billing")
    InstanceFactory.create(project=project, name="other")
    assert names(manager.get("/instances/?search=ILLI").content.decode()) == ["billing"]
    assert names(manager.get(f"/instances/?search={wanted.short_id[:7]}").content.decode()) == ["billing"]


def test_search_finds_the_beginning_of_any_of_its_addresses(manager: Client, project: Project) -> None:
    subnet = SubnetFactory.create(project=project, cidr="10.7.0.0/24")
    wanted, other = (InstanceFactory.create(project=project, name=name) for name in ("billing", "other"))
    for instance, address in ((wanted, "10.7.0.10"), (wanted, "10.7.0.200"), (other, "10.7.0.9")):
        InterfaceFactory.create(instance=instance, subnet=subnet, address=address)
    assert names(manager.get("/instances/?search=10.7.0.2").content.decode()) == ["billing"]
    assert sorted(names(manager.get("/instances/?search=10.7.").content.decode())) == ["billing", "other"]


def test_the_first_address_is_shown_and_the_others_on_hover(manager: Client, project: Project) -> None:
    subnet, instance = SubnetFactory.create(project=project), InstanceFactory.create(project=project)
    for address in ("10.0.0.20", "10.0.0.30", "10.0.0.10"):
        InterfaceFactory.create(instance=instance, subnet=subnet, address=address)
    page = manager.get("/instances/").content.decode()
    assert re.search(r'class="mono">10\.0\.0\.20</span> <span class="tag" title="10\.0\.0\.30, 10\.0\.0\.10"', page)
    assert "+2</span>" in page
    (_head, row) = csv.reader(io.StringIO(manager.get("/instances/export.csv").content.decode("utf-8-sig")))
    assert row[3] == "10.0.0.20, 10.0.0.30, 10.0.0.10"


def test_filters_narrow_by_status_and_origin(manager: Client, project: Project) -> None:
    InstanceFactory.create(project=project, name="up", power_state=PowerState.RUNNING)
    InstanceFactory.create(project=project, name="scaled", origin=Origin.AUTOSCALING)
    hold(InstanceFactory.create(project=project, name="booting"))
    assert names(manager.get("/instances/?status=running").content.decode()) == ["up"]
    assert names(manager.get("/instances/?status=starting").content.decode()) == ["booting"]
    assert names(manager.get("/instances/?origin=autoscaling").content.decode()) == ["scaled"]


def test_the_address_sorts(manager: Client, project: Project) -> None:
    for name, vcpus in (("b", 1), ("c", 2), ("a", 3)):
        InstanceFactory.create(project=project, name=name, vcpus=vcpus)
    assert names(manager.get("/instances/?sort=name").content.decode()) == ["a", "b", "c"]
    assert names(manager.get("/instances/?sort=-vcpus").content.decode()) == ["a", "c", "b"]


def test_pages_have_fifty_rows_and_say_how_many_there_are(manager: Client, project: Project) -> None:
    host, image = HostFactory.create(), ImageFactory.create()
    InstanceFactory.create_batch(51, project=project, host=host, image=image)
    first, second = (manager.get(f"/instances/?page={page}").content.decode() for page in (1, 2))
    assert (len(names(first)), len(names(second))) == (50, 1)
    assert "1–50 of 51" in first
    assert "51–51 of 51" in second


@pytest.mark.parametrize("query", NONSENSE)
@pytest.mark.parametrize("path", ["/instances/", "/instances/export.csv", "/jobs/", "/search/", "/hosts/"])
def test_no_query_string_breaks_a_page(path: str, query: str, operator: Client, project: Project) -> None:
    hold(InstanceFactory.create(project=project))
    assert operator.get(f"{path}?{query}").status_code == 200


@pytest.mark.parametrize("rows", [1, 3, 30])
def test_the_number_of_queries_does_not_depend_on_the_rows(rows: int, operator: Client, project: Project) -> None:
    subnet = SubnetFactory.create(project=project)
    for number in range(rows):
        instance = InstanceFactory.create(project=project, name=f"i-{number}")
        if number % 3 == 0:
            hold(instance)
        InterfaceFactory.create_batch(number % 3, instance=instance, subnet=subnet)
    operator.get("/instances/")  # the session learns its project
    with CaptureQueriesContext(connection) as queries:
        assert len(names(operator.get("/instances/").content.decode())) == rows
    assert len(queries) == 11


def test_a_full_page_is_small(manager: Client, project: Project) -> None:
    host, image = HostFactory.create(), ImageFactory.create()
    subnet = SubnetFactory.create(project=project)
    for instance in InstanceFactory.create_batch(50, project=project, host=host, image=image, power_state="running"):
        InterfaceFactory.create_batch(2, instance=instance, subnet=subnet)
    body = manager.get("/instances/", headers={"accept-encoding": "identity"}).content
    assert len(gzip.compress(body, 6)) <= 25 * 1024


def test_rows_carry_the_reasons_for_the_toolbar(manager: Client, project: Project) -> None:
    InstanceFactory.create(project=project, name="off")
    job = hold(InstanceFactory.create(project=project, name="busy"))
    InstanceFactory.create(project=project, name="scaled", origin=Origin.AUTOSCALING, owner_name="web-asg")
    page = manager.get("/instances/").content.decode()
    assert verdicts(page, "off")["start"] == {"allowed": True}
    assert verdicts(page, "off")["stop"]["reason"] == "Only possible when running. It is now: Stopped."
    assert verdicts(page, "busy")["stop"]["href"] == f"/jobs/{job.pk}/"
    assert verdicts(page, "scaled")["start"]["reason"] == "It is managed by web-asg and can't be changed by hand."


def test_to_a_viewer_every_action_says_that_the_role_does_not_allow_it(viewer: Client, project: Project) -> None:
    InstanceFactory.create(project=project, name="off")
    page = viewer.get("/instances/").content.decode()
    reasons = {verdict.get("reason") for verdict in verdicts(page, "off").values()}
    assert reasons == {"Your role does not allow this."}
    assert 'id="why-create">Your role does not allow this.' in page


def test_names_are_text_and_never_markup(manager: Client, project: Project) -> None:
    InstanceFactory.create(project=project, name="<script>alert(1)</script>")
    assert "<script>alert" not in manager.get("/instances/").content.decode()


def test_a_row_can_be_fetched_alone(manager: Client, project: Project) -> None:
    instance = InstanceFactory.create(project=project, name="one")
    row = manager.get(f"/instances/{instance.pk}/row/", headers=HTMX).content.decode()
    assert (names(row), row.lstrip().startswith("<tr")) == (["one"], True)


def test_results_can_be_fetched_without_the_page_around_them(manager: Client, project: Project) -> None:
    InstanceFactory.create(project=project)
    part = manager.get("/instances/", headers={**HTMX, "HX-Target": "instances"}).content.decode()
    assert "<html" not in part
    assert 'id="instances"' in part
    assert 'id="export" href="/instances/export.csv?"' in part


def test_export_holds_every_page_and_no_formula(manager: Client, project: Project) -> None:
    host, image = HostFactory.create(), ImageFactory.create()
    InstanceFactory.create_batch(51, project=project, host=host, image=image)
    InstanceFactory.create(project=project, name="=HYPERLINK(1)", memory_mib=128)
    answer = manager.get("/instances/export.csv?sort=name")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 53
    assert rows[0] == ["Name", "ID", "Created by", "IP address", "Status", "vCPU", "Memory size", "Created at"]
    assert next(row for row in rows if "HYPERLINK" in row[0])[0] == "'=HYPERLINK(1)"


def test_an_unreachable_host_shows_that_nobody_knows(manager: Client, project: Project) -> None:
    InstanceFactory.create(project=project, name="lost", host=HostFactory.create(reachable=False))
    page = manager.get("/instances/").content.decode()
    assert "Unknown" in page
    assert verdicts(page, "lost")["start"]["allowed"] is False
