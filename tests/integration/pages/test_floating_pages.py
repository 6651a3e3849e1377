"""Floating IPs: the list, and the dialogs that allocate, associate, move, disassociate and release."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudia.accounts.models import Project, Quota
from networking.models import ExternalNetwork, FloatingIP, NetworkInterface
from tests.factories import (
    ExternalNetworkFactory,
    FloatingIPFactory,
    InstanceFactory,
    InterfaceFactory,
    SubnetFactory,
    VPCFactory,
)
from tests.integration.pages.conftest import HTMX


@pytest.fixture
def outside(db: None) -> ExternalNetwork:
    """The way out."""
    return ExternalNetworkFactory.create(name="public")


@pytest.fixture
def floating(project: Project, outside: ExternalNetwork) -> FloatingIP:
    """198.51.100.10, which leads nowhere."""
    return FloatingIPFactory.create(project=project, external_network=outside, address="198.51.100.10")


def interface(project: Project, outside: ExternalNetwork | None, name: str = "web") -> NetworkInterface:
    """One of an instance in a VPC of its own, connected to ``outside`` or to nothing."""
    vpc = VPCFactory.create(project=project, external_network=outside)
    subnet = SubnetFactory.create(project=project, vpc=vpc)
    instance = InstanceFactory.create(project=project, name=name)
    return InterfaceFactory.create(instance=instance, subnet=subnet).interface


def lead(floating: FloatingIP, nic: NetworkInterface) -> None:
    """Let it lead there already."""
    FloatingIP.objects.filter(pk=floating.pk).update(interface=nic)


def send(browser: Client, floating: FloatingIP, name: str, **values: Any) -> tuple[int, dict[str, str]]:
    """Say yes in a dialog: status and notice."""
    answer = browser.post(f"/floating-ips/{floating.pk}/{name}/", values, headers=HTMX)
    return answer.status_code, json.loads(answer.headers.get("HX-Trigger", "{}")).get("toast", {})


def leads_to(floating: FloatingIP) -> Any:
    """Where it leads now."""
    return FloatingIP.objects.get(pk=floating.pk).interface


def test_the_list_says_where_each_leads(
    manager: Client, project: Project, outside: ExternalNetwork, floating: FloatingIP
) -> None:
    nic = interface(project, outside, "web-1")
    lead(floating, nic)
    FloatingIPFactory.create(external_network=outside, address="198.51.100.99")  # somebody else's
    page = manager.get("/floating-ips/").content.decode()
    row = manager.get(f"/floating-ips/{floating.pk}/row/").content.decode()
    for shown in ("198.51.100.10", "web-1", nic.address, "public", f'href="/instances/{nic.owner_id}/"'):
        assert shown in page
        assert shown in row
    assert "198.51.100.99" not in page


@pytest.mark.parametrize(("words", "found"), [("198.51.100.1", 1), ("WEB", 1), ("db", 0), ("mail", 1), ("\0", 1)])
def test_the_list_is_searched_by_address_instance_and_description(
    manager: Client, project: Project, outside: ExternalNetwork, floating: FloatingIP, words: str, found: int
) -> None:
    FloatingIP.objects.update(description="for mail")
    lead(floating, interface(project, outside))
    assert manager.get("/floating-ips/", {"search": words}).context["listing"].total == found


@pytest.mark.parametrize("count", [1, 30])
def test_the_number_of_queries_of_the_list_does_not_depend_on_the_rows(
    manager: Client, project: Project, outside: ExternalNetwork, count: int
) -> None:
    for row in FloatingIPFactory.create_batch(count, project=project, external_network=outside):
        lead(row, interface(project, outside))
    manager.get("/floating-ips/")
    with CaptureQueriesContext(connection) as queries:
        assert len(manager.get("/floating-ips/").context["rows"]) == count
    assert len(queries) == 12


def test_toolbar_says_why_a_floating_ip_is_not_released(
    manager: Client, project: Project, outside: ExternalNetwork, floating: FloatingIP
) -> None:
    (row,) = manager.get("/floating-ips/").context["rows"]
    said = json.loads(row.actions)
    assert said["release"] == {"allowed": True}
    assert said["disassociate"]["reason"] == "It is associated with no instance."
    lead(floating, nic := interface(project, outside, "web-1"))
    (row,) = manager.get("/floating-ips/").context["rows"]
    assert json.loads(row.actions)["release"]["href"] == f"/instances/{nic.owner_id}/"


def test_an_address_is_allocated(manager: Client, project: Project, outside: ExternalNetwork) -> None:
    assert b"1</strong> / 20" in manager.get("/floating-ips/new/", headers=HTMX).content
    answer = manager.post("/floating-ips/new/", {"external_network": outside.pk, "description": " mail "}, headers=HTMX)
    row = FloatingIP.objects.get()
    assert (answer.status_code, row.project, row.description) == (204, project, "mail")
    assert json.loads(answer["HX-Trigger"])["toast"]["text"] == f"Allocated: {row.address}"


@pytest.mark.parametrize("network", ["", "x", str(uuid.UUID(int=0xA0))])
def test_an_unknown_external_network_is_said(manager: Client, outside: ExternalNetwork, network: str) -> None:
    answer = manager.post("/floating-ips/new/", {"external_network": network}, headers=HTMX)
    assert (answer.status_code, FloatingIP.objects.count()) == (422, 0)
    assert "external_network" in answer.context["form"].errors


def test_a_bad_description_is_said_at_its_field(manager: Client, outside: ExternalNetwork) -> None:
    sent = {"external_network": outside.pk, "description": "x" * 256}
    answer = manager.post("/floating-ips/new/", sent, headers=HTMX)
    assert answer.context["form"].errors["description"] == ["At most 255 characters."]


def test_without_an_external_network_the_dialog_says_whom_to_ask(manager: Client) -> None:
    assert b"There is no external network yet." in manager.get("/floating-ips/new/", headers=HTMX).content


def test_the_quota_is_said(manager: Client, project: Project, floating: FloatingIP) -> None:
    Quota.objects.create(project=project, resource="floating_ips", limit=1)
    answer = manager.post("/floating-ips/new/", {"external_network": floating.external_network_id}, headers=HTMX)
    assert (answer.status_code, FloatingIP.objects.count()) == (409, 1)
    assert "may have 1" in json.loads(answer["HX-Trigger"])["toast"]["text"]


def test_it_is_associated_with_a_chosen_interface(
    manager: Client, project: Project, outside: ExternalNetwork, floating: FloatingIP
) -> None:
    nic = interface(project, outside, "web-1")
    assert send(manager, floating, "associate", interface=nic.pk)[1]["text"] == "Associated: 198.51.100.10 → web-1"
    assert leads_to(floating) == nic


def test_interfaces_it_cannot_lead_to_are_shown_with_the_reason(
    manager: Client, project: Project, outside: ExternalNetwork, floating: FloatingIP
) -> None:
    taken, closed, free = (
        interface(project, where, name) for where, name in ((outside, "a"), (None, "b"), (outside, "c"))
    )
    other = FloatingIPFactory.create(project=project, external_network=outside, address="198.51.100.11")
    lead(other, taken)
    answer = manager.get(f"/floating-ips/{floating.pk}/associate/", headers=HTMX)
    assert [(choice.nic, str(choice.reason)) for choice in answer.context["choices"]] == [
        (free, ""),
        (taken, "The interface has floating IP 198.51.100.11 already."),
        (closed, f"VPC “{closed.subnet.vpc}” is not connected to external network “public”."),
    ]
    for nic in (taken, closed):
        assert send(manager, floating, "associate", interface=nic.pk)[0] == 422
    assert leads_to(floating) is None


def test_a_move_says_from_where(
    manager: Client, project: Project, outside: ExternalNetwork, floating: FloatingIP
) -> None:
    here, there = interface(project, outside, "old-web"), interface(project, outside, "new-web")
    lead(floating, here)
    dialog = manager.get(f"/floating-ips/{floating.pk}/associate/", headers=HTMX).content.decode()
    assert ("Move floating IP" in dialog, "It leads here now." in dialog) == (True, True)
    assert f"<strong>old-web</strong> ({here.address})" in dialog
    assert send(manager, floating, "associate", interface=there.pk)[0] == 204
    assert leads_to(floating) == there


def test_an_interface_in_the_address_is_chosen_already(
    manager: Client, project: Project, outside: ExternalNetwork, floating: FloatingIP
) -> None:
    interface(project, outside, "a")
    nic = interface(project, outside, "z")
    dialog = manager.get(f"/floating-ips/{floating.pk}/associate/?interface={nic.pk}", headers=HTMX).content.decode()
    assert f'value="{nic.pk}" checked' in dialog


@pytest.mark.parametrize("chosen", ["", "x", str(uuid.UUID(int=0xA0))])
def test_an_interface_that_is_not_there_is_not_chosen(manager: Client, floating: FloatingIP, chosen: str) -> None:
    url = f"/floating-ips/{floating.pk}/associate/"
    assert manager.get(url, {"interface": chosen}, headers=HTMX).status_code == 200
    assert send(manager, floating, "associate", interface=chosen)[0] == 422


def test_of_many_interfaces_some_are_offered_and_the_others_found(
    manager: Client, project: Project, outside: ExternalNetwork, floating: FloatingIP
) -> None:
    for number in range(31):
        interface(project, outside, f"web-{number:02}")
    url, target = f"/floating-ips/{floating.pk}/associate/", {**HTMX, "HX-Target": "interface-choices"}
    answer = manager.get(url, headers=HTMX)
    assert (len(answer.context["choices"]), answer.context["more"]) == (30, True)
    narrowed = manager.get(url, {"search": "web-30"}, headers=target).content.decode()
    assert (narrowed.count('type="radio"'), "<form" in narrowed) == (1, False)


def test_an_interface_of_another_project_is_neither_offered_nor_taken(
    manager: Client, outside: ExternalNetwork, floating: FloatingIP
) -> None:
    foreign = interface(InstanceFactory.create().project, outside, "foreign")
    assert b"foreign" not in manager.get(f"/floating-ips/{floating.pk}/associate/", headers=HTMX).content
    assert send(manager, floating, "associate", interface=foreign.pk)[0] == 422
    assert leads_to(floating) is None


def test_it_is_disassociated_and_released(
    manager: Client, project: Project, outside: ExternalNetwork, floating: FloatingIP
) -> None:
    lead(floating, interface(project, outside))
    for name, question in (
        ("disassociate", "Disassociate this floating IP?"),
        ("release", "Release this floating IP?"),
    ):
        dialog = manager.get(f"/floating-ips/{floating.pk}/{name}/", headers=HTMX).content.decode()
        assert question in dialog
        assert send(manager, floating, name)[0] == 204
    assert not FloatingIP.objects.exists()


def test_what_leads_somewhere_is_not_released(
    manager: Client, project: Project, outside: ExternalNetwork, floating: FloatingIP
) -> None:
    lead(floating, interface(project, outside, "web-1"))
    status, notice = send(manager, floating, "release")
    assert (status, notice["text"]) == (409, "It leads to “web-1”. Disassociate it first.")
    assert FloatingIP.objects.count() == 1


def test_a_viewer_changes_nothing(viewer: Client, floating: FloatingIP) -> None:
    for name in ("associate", "disassociate", "release"):
        assert send(viewer, floating, name)[0] in {403, 422}
    assert (
        viewer.post("/floating-ips/new/", {"external_network": floating.external_network_id}, headers=HTMX).status_code
        == 403
    )
    assert FloatingIP.objects.get() == floating


def test_dialogs_work_without_scripts(manager: Client, floating: FloatingIP) -> None:
    assert b"<html" in manager.get(f"/floating-ips/{floating.pk}/release/").content
    answer = manager.post(f"/floating-ips/{floating.pk}/release/")
    assert (answer.status_code, answer["Location"]) == (302, "/floating-ips/")
    assert not FloatingIP.objects.exists()


@pytest.mark.parametrize("path", ["row/", "associate/", "disassociate/", "release/"])
def test_a_floating_ip_of_another_project_does_not_exist(manager: Client, outside: ExternalNetwork, path: str) -> None:
    foreign = FloatingIPFactory.create(external_network=outside)
    for pk in (foreign.pk, uuid.uuid4()):
        assert manager.get(f"/floating-ips/{pk}/{path}").status_code == 404
        assert manager.post(f"/floating-ips/{pk}/{path}").status_code in {404, 405}
