"""VPCs and subnets: lists, the picture of a VPC, who has which address, dialogs, and what waits to take effect."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cloudia.accounts.models import Project, Quota
from networking.models import VPC, ExternalNetwork, NetworkChange, NetworkState, Subnet
from tests.factories import (
    ExternalNetworkFactory,
    FloatingIPFactory,
    InstanceFactory,
    InterfaceFactory,
    ProjectFactory,
    SubnetFactory,
    VPCFactory,
)
from tests.integration.pages.conftest import HTMX


@pytest.fixture
def outside(db: None) -> ExternalNetwork:
    """The way out."""
    return ExternalNetworkFactory.create(name="public")


@pytest.fixture
def vpc(project: Project, outside: ExternalNetwork) -> VPC:
    """One that is connected."""
    return VPCFactory.create(name="prod", project=project, external_network=outside, gateway_address="198.51.100.2")


@pytest.fixture
def subnet(vpc: VPC) -> Subnet:
    """10.0.0.0/24 of it."""
    return SubnetFactory.create(name="app", vpc=vpc, project=vpc.project)


def connect(subnet: Subnet, count: int, like: Any = None) -> list[Any]:
    """Instances with an interface each."""
    like = like or InstanceFactory.create(project=subnet.project)
    given = {"project": subnet.project, "host": like.host, "image": like.image}
    made = [InstanceFactory.create(name=f"web-{number}", **given) for number in range(count)]
    return [InterfaceFactory.create(instance=instance, subnet=subnet) for instance in made]


def errors(answer: Any) -> dict[str, str]:
    """What stands at which field."""
    found = re.findall(r'invalid-feedback d-block" id="id_(\w+)_error">(.*?)</div>', answer.content.decode())
    return dict(found)


def notice(answer: Any) -> str:
    """What the answer to a dialog says."""
    text: str = json.loads(answer.headers["HX-Trigger"])["toast"]["text"]
    return text


def test_lists_show_only_the_project(manager: Client, vpc: VPC, subnet: Subnet) -> None:
    stranger = ProjectFactory.create()
    foreign = VPCFactory.create(project=stranger, name="foreign")
    SubnetFactory.create(project=stranger, vpc=foreign, name="theirs")
    vpcs, subnets = (manager.get(path).content.decode() for path in ("/vpcs/", "/subnets/"))
    assert "prod" in vpcs
    assert "foreign" not in vpcs
    assert "app" in subnets
    assert "theirs" not in subnets


@pytest.mark.parametrize("path", ["/vpcs/{vpc}/", "/vpcs/{vpc}/edit/", "/vpcs/{vpc}/delete/", "/vpcs/{vpc}/row/"])
def test_vpc_of_another_project_is_not_there(manager: Client, path: str) -> None:
    assert manager.get(path.format(vpc=VPCFactory.create().pk)).status_code == 404


@pytest.mark.parametrize("path", ["/vpcs/", "/subnets/", "/vpcs/{vpc}/", "/subnets/{subnet}/"])
def test_pages_ask_the_database_equally_often_for_one_row_and_for_thirty(
    manager: Client, vpc: VPC, subnet: Subnet, path: str
) -> None:
    address = path.format(vpc=vpc.pk, subnet=subnet.pk)
    like = InstanceFactory.create(project=vpc.project)
    counts = []
    manager.get("/account/")  # the session's first request asks more
    for more in (1, 30):
        for number in range(more):
            extra = VPCFactory.create(project=vpc.project)
            SubnetFactory.create(vpc=extra, project=vpc.project)
            beside = SubnetFactory.create(vpc=vpc, project=vpc.project, cidr=f"10.{more}.{number}.0/24")
            connect(beside, 1, like)
        connect(subnet, more, like)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert manager.get(address).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 20


def test_picture_shows_a_few_of_each_subnet_and_counts_the_others(manager: Client, vpc: VPC, subnet: Subnet) -> None:
    links = connect(subnet, 6)
    SubnetFactory.create(vpc=vpc, project=vpc.project, name="empty", cidr="10.0.1.0/24")
    given = {"project": vpc.project, "external_network": vpc.external_network, "address": "198.51.100.77"}
    FloatingIPFactory.create(interface=links[0].interface, **given)
    page = manager.get(f"/vpcs/{vpc.pk}/").content.decode()
    svg = page[page.index('<svg class="topo"') : page.index("</svg>", page.index('<svg class="topo"'))]
    assert [f"web-{number}<" in svg for number in range(6)] == [True] * 4 + [False] * 2
    assert "2 more" in svg
    assert "Nobody is connected yet" in svg
    assert all(text in svg for text in ("198.51.100.2", "198.51.100.77", "10.0.0.0/24", "Addresses: 6 / 253 in use"))
    assert f"/instances/{links[0].instance.pk}/" in svg


def test_picture_wraps_many_subnets(manager: Client, vpc: VPC) -> None:
    for number in range(7):
        SubnetFactory.create(vpc=vpc, project=vpc.project, cidr=f"10.0.{number}.0/24")
    svg = manager.get(f"/vpcs/{vpc.pk}/").content.decode()
    zones = re.findall(r'class="zone" x="(\d+)" y="(\d+)"', svg)
    assert len(set(zones)) == 7
    assert len({y for _x, y in zones}) == 3
    assert all(0 <= int(x) <= 1080 - 300 for x, _y in zones)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("w" * 13, "w" * 13), ("W" * 128, "W" * 13 + "…"), ("가" * 14, "가" * 13 + "…"), ("i" * 27, "i" * 27)],
)
def test_picture_shows_as_much_of_a_name_as_fits(
    manager: Client, vpc: VPC, subnet: Subnet, name: str, shown: str
) -> None:
    InterfaceFactory.create(instance=InstanceFactory.create(project=vpc.project, name=name), subnet=subnet)
    svg = manager.get(f"/vpcs/{vpc.pk}/").content.decode()
    assert f">{shown}</text>" in svg
    assert f"<title>{name} · 10.0.0.2 · not connected</title>" in svg


def test_picture_of_an_isolated_vpc_begins_with_its_router(manager: Client, vpc: VPC) -> None:
    alone = VPCFactory.create(project=vpc.project)
    tops = [
        re.search(r'viewBox="0 (\d+) 1080', manager.get(f"/vpcs/{row.pk}/").content.decode()) for row in (vpc, alone)
    ]
    assert [int(found[1]) for found in tops if found] == [0, 86]


def test_vpc_hears_of_everything_in_its_picture(manager: Client, vpc: VPC, subnet: Subnet) -> None:
    links = connect(subnet, 5)
    floating = FloatingIPFactory.create(project=vpc.project, external_network=vpc.external_network)
    page = manager.get(f"/vpcs/{vpc.pk}/").content.decode()
    topics = re.search(r'id="vpc" data-live="([^"]*)"', page)
    assert topics
    shown = {f"networkinterface:{link.interface_id}" for link in links[:4]}
    general = {f"vpc:{vpc.pk}", "list:subnet", "list:networkinterface", "list:floatingip"}
    assert set(topics[1].split()) == {*general, *shown, f"subnet:{subnet.pk}", f"floatingip:{floating.pk}"}


def test_subnets_are_filtered_by_vpc(manager: Client, vpc: VPC, subnet: Subnet) -> None:
    other = SubnetFactory.create(project=vpc.project, name="elsewhere")
    page = manager.get(f"/subnets/?vpc={other.vpc_id}").content.decode()
    assert f'<option value="{other.vpc_id}" selected>' in page
    assert (f"/subnets/{other.pk}/" in page, f"/subnets/{subnet.pk}/" in page) == (True, False)


@pytest.mark.parametrize("query", ["search=%00", f"search={'x' * 999}", "vpc=x", "sort=--name&page=x", "project=x"])
def test_lists_bear_any_address(manager: Client, subnet: Subnet, query: str) -> None:
    assert {manager.get(f"/{kind}/?{query}").status_code for kind in ("vpcs", "subnets")} == {200}


def test_what_is_wrong_with_one_entry_is_said_with_the_entry(manager: Client, vpc: VPC) -> None:
    values = {
        "vpc": vpc.pk,
        "name": "x",
        "cidr": "10.7.0.0/24",
        "dns": "1.1.1.1\n\nabc",
        "reserved": "10.7.0.9, 10.8.0.1",
    }
    answer = manager.post("/subnets/new/", values, headers=HTMX)
    assert answer.status_code == 422
    assert errors(answer) == {
        "dns": "abc: Enter an IP address, like 10.0.0.10.",
        "reserved": "10.8.0.1: It must be an address inside 10.7.0.0/24.",
    }


def test_vpc_is_made_with_the_usual_way_out_or_none(
    manager: Client, project: Project, outside: ExternalNetwork
) -> None:
    assert "selected>public" in manager.get("/vpcs/new/", headers=HTMX).content.decode()
    made = manager.post("/vpcs/new/", {"name": "open", "external_network": outside.pk}, headers=HTMX)
    assert (made.status_code, notice(made)) == (204, "Created: open")
    manager.post("/vpcs/new/", {"name": "closed", "external_network": ""}, headers=HTMX)
    outer = dict(VPC.objects.filter(project=project).values_list("name", "gateway_address"))
    assert outer == {"open": "198.51.100.2", "closed": None}


def test_vpc_is_edited_and_deleted(manager: Client, vpc: VPC) -> None:
    answer = manager.post(f"/vpcs/{vpc.pk}/edit/", {"name": "renamed", "external_network": ""}, headers=HTMX)
    assert answer.status_code == 204
    vpc.refresh_from_db()
    assert (vpc.name, vpc.external_network, vpc.gateway_address) == ("renamed", None, None)
    manager.post(f"/vpcs/{vpc.pk}/delete/", headers=HTMX)
    assert not VPC.objects.filter(pk=vpc.pk).exists()


def test_what_is_in_use_is_not_deleted_and_the_dialog_says_why(manager: Client, vpc: VPC, subnet: Subnet) -> None:
    connect(subnet, 1)
    reasons = {f"/vpcs/{vpc.pk}/delete/": "Subnet “app” is in it", f"/subnets/{subnet.pk}/delete/": "web-0"}
    for path, reason in reasons.items():
        dialog = manager.get(path, headers=HTMX).content.decode()
        assert reason in dialog
        assert 'type="submit"' not in dialog
        assert manager.post(path, headers=HTMX).status_code == 409
    assert Subnet.objects.filter(pk=subnet.pk).exists()


def test_new_subnet_is_offered_a_free_range(manager: Client, subnet: Subnet) -> None:
    assert 'value="10.0.1.0/24"' in manager.get("/subnets/new/", headers=HTMX).content.decode()


def test_subnet_is_made_with_what_is_typed(manager: Client, vpc: VPC) -> None:
    typed = {"vpc": vpc.pk, "name": "db", "cidr": "10.7.0.0/28", "dns": "9.9.9.9\n", "reserved": "10.7.0.5, 10.7.0.6"}
    answer = manager.post("/subnets/new/", typed, headers=HTMX)
    assert notice(answer) == "Created: db"
    made = Subnet.objects.get(name="db")
    assert (made.gateway, made.dns, made.reserved, made.capacity) == (
        "10.7.0.1",
        ["9.9.9.9"],
        ["10.7.0.5", "10.7.0.6"],
        11,
    )


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"cidr": "10.0.0.128/25"}, "cidr", "overlaps with subnet “app”"),
        ({"cidr": "10.9.0.5/24"}, "cidr", "Did you mean 10.9.0.0/24?"),
        ({"cidr": "10.9.0.0/33"}, "cidr", "Enter a network"),
        ({"cidr": "2001:db8::/64"}, "cidr", "IPv4"),
        ({"cidr": "10.9.0.0/30"}, "cidr", "prefix"),
        ({"gateway": "10.8.0.1"}, "gateway", "inside 10.9.0.0/24"),
        ({"gateway": "fe80::1"}, "gateway", "IPv4"),
        ({"dns": "1.1.1.1\nresolver"}, "dns", "IP address"),
        ({"reserved": "10.8.0.1"}, "reserved", "inside 10.9.0.0/24"),
        ({"name": "app"}, "name", "of this name already"),
        ({"name": ""}, "name", "required"),
    ],
)
def test_what_is_wrong_with_a_subnet_is_said_at_its_field_and_nothing_is_lost(
    manager: Client, vpc: VPC, subnet: Subnet, typed: dict[str, str], field: str, words: str
) -> None:
    given = {"vpc": vpc.pk, "name": "db", "cidr": "10.9.0.0/24", **typed}
    answer = manager.post("/subnets/new/", given, headers=HTMX)
    assert answer.status_code == 422
    assert words in errors(answer)[field]
    assert typed[field].split("\n")[0] in answer.content.decode()
    assert Subnet.objects.count() == 1


def test_public_range_is_warned_about_and_taken(manager: Client, vpc: VPC) -> None:
    warning = "instances here can&#x27;t reach its real owners"
    assert warning in manager.get("/subnets/check/?cidr=8.8.8.0/24").content.decode()
    assert warning not in manager.get("/subnets/check/?cidr=10.0.0.0/24").content.decode()
    assert warning not in manager.get("/subnets/check/?cidr=nonsense").content.decode()
    manager.post("/subnets/new/", {"vpc": vpc.pk, "name": "odd", "cidr": "8.8.8.0/24"}, headers=HTMX)
    assert warning in manager.get(f"/subnets/{Subnet.objects.get().pk}/").content.decode()


def test_vpc_of_another_project_takes_no_subnet(manager: Client, vpc: VPC) -> None:
    answer = manager.post("/subnets/new/", {"vpc": VPCFactory.create().pk, "name": "x", "cidr": "10.0.0.0/24"})
    assert answer.status_code == 422
    assert not Subnet.objects.exists()


def test_subnet_shows_who_has_which_address(manager: Client, subnet: Subnet) -> None:
    Subnet.objects.filter(pk=subnet.pk).update(reserved=["10.0.0.9"])
    (link,) = connect(subnet, 1)
    page = manager.get(f"/subnets/{subnet.pk}/").content.decode()
    rows = re.findall(r'<tr><td class="name mono">([\d.]+)</td>(.*?)</tr>', page, re.DOTALL)
    assert [address for address, _rest in rows] == ["10.0.0.1", "10.0.0.2", "10.0.0.9"]
    assert "Gateway" in rows[0][1]
    assert f"/instances/{link.instance.pk}/" in rows[1][1]
    assert link.interface.mac in rows[1][1]
    assert "Reserved" in rows[2][1]


def test_subnet_is_edited_where_guests_do_not_depend_on_it(manager: Client, subnet: Subnet) -> None:
    dialog = manager.get(f"/subnets/{subnet.pk}/edit/", headers=HTMX).content.decode()
    assert 'name="cidr"' not in dialog
    manager.post(f"/subnets/{subnet.pk}/edit/", {"name": "app2", "dns": "1.1.1.1", "reserved": ""}, headers=HTMX)
    subnet.refresh_from_db()
    assert (subnet.name, subnet.dns) == ("app2", ["1.1.1.1"])


def test_viewer_sees_everything_and_changes_nothing(viewer: Client, vpc: VPC, subnet: Subnet) -> None:
    assert viewer.get(f"/vpcs/{vpc.pk}/").status_code == 200
    assert "Your role does not allow this." in viewer.get("/subnets/new/", headers=HTMX).content.decode()
    for path in ("/vpcs/new/", f"/vpcs/{vpc.pk}/edit/", f"/vpcs/{vpc.pk}/delete/", f"/subnets/{subnet.pk}/delete/"):
        assert viewer.post(path, {"name": "x", "vpc": vpc.pk, "cidr": "10.9.0.0/24"}, headers=HTMX).status_code == 403
    assert VPC.objects.get().name == "prod"


def test_full_quota_refuses_with_its_numbers(manager: Client, project: Project, vpc: VPC) -> None:
    Quota.objects.create(project=project, resource="vpcs", limit=1)
    answer = manager.post("/vpcs/new/", {"name": "more"}, headers=HTMX)
    assert answer.status_code == 409
    assert "may have 1" in notice(answer)


def test_pages_say_while_changes_wait_and_why(manager: Client, vpc: VPC) -> None:
    NetworkChange.objects.all().delete()
    assert "not in effect" not in manager.get("/vpcs/").content.decode()
    NetworkChange.objects.create(at=timezone.now() - timedelta(days=2))
    state = NetworkState.current()
    state.problem_code, state.problem_texts = "network_unreachable", {"en": "OVN is down.", "ko": "OVN이 멈췄습니다."}
    state.save()
    for path in ("/vpcs/", "/subnets/", f"/vpcs/{vpc.pk}/", "/networks/effect/"):
        page = manager.get(path).content.decode()
        assert "1 change is not in effect yet." in page
        assert "OVN is down." in page


def test_search_finds_networks_by_name_and_range(manager: Client, vpc: VPC, subnet: Subnet) -> None:
    assert manager.get("/search/?q=prod").headers["Location"] == f"/vpcs/{vpc.pk}/"
    assert manager.get("/search/?q=10.0.0.0/24").headers["Location"] == f"/subnets/{subnet.pk}/"


def test_looking_at_a_page_while_changes_wait_makes_no_row(manager: Client) -> None:
    NetworkState.objects.all().delete()
    NetworkChange.objects.create()
    NetworkChange.objects.update(at=timezone.now() - timedelta(hours=1))
    assert manager.get("/vpcs/").status_code == 200
    assert not NetworkState.objects.exists()
