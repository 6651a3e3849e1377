"""Networks on the pages of instances: the rows of the create form, the tabs, and dialogs about one interface."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudia.accounts.models import Project
from instances.enums import PowerState
from instances.models import Instance, InstanceInterface
from networking.models import Subnet
from networking.services.groups import default_group
from networking.services.interfaces import MAX_INTERFACES
from tests.factories import (
    FloatingIPFactory,
    InstanceFactory,
    InterfaceFactory,
    SecurityGroupFactory,
    SubnetFactory,
    hold,
)
from tests.integration.pages.conftest import HTMX
from tests.integration.pages.test_instance_pages import filled, nics


@pytest.fixture
def subnet(project: Project) -> Subnet:
    """10.0.0.0/24 of the project."""
    return SubnetFactory.create(project=project, name="app")


def neighbour(subnet: Subnet, **values: Any) -> Subnet:
    """Another subnet of the same VPC."""
    return SubnetFactory.create(**{"project": subnet.project, "vpc": subnet.vpc, "cidr": "10.0.1.0/24", **values})


def test_the_form_starts_with_room_an_automatic_address_and_the_default_group(
    manager: Client, project: Project
) -> None:
    full = SubnetFactory.create(project=project, name="a-full", cidr="10.0.9.0/30")
    InterfaceFactory.create(instance=InstanceFactory.create(project=project), subnet=full)
    roomy = SubnetFactory.create(project=project, vpc=full.vpc, name="b-roomy")
    group, other = default_group(project), SecurityGroupFactory.create(project=project)
    page = manager.get("/instances/new/").content.decode()
    assert re.search(rf'<option value="{full.pk}" disabled>a-full · 10\.0\.9\.0/30 · No address left</option>', page)
    assert re.search(rf'<option value="{roomy.pk}" selected>b-roomy · 10\.0\.0\.0/24 · 253 addresses left</opt', page)
    assert re.search(rf'value="{group.pk}"[^>]* checked', page)
    assert re.search(rf'value="{other.pk}"(?![^>]* checked)', page)
    assert f'<optgroup label="{full.vpc.name}">' in page


def test_only_networks_of_the_project_are_offered(manager: Client, subnet: Subnet) -> None:
    foreign, group = SubnetFactory.create(), SecurityGroupFactory.create()
    page = manager.get("/instances/new/").content.decode()
    assert [str(row.pk) in page for row in (subnet, foreign, group)] == [True, False, False]


def test_without_subnets_the_form_says_what_to_do(manager: Client, project: Project) -> None:
    page = manager.get("/instances/new/").content.decode()
    assert ("This project has no subnet yet" in page, "interfaces-0-subnet" in page) == (True, False)


def test_several_interfaces_are_made_as_chosen(manager: Client, project: Project, subnet: Subnet) -> None:
    second, group = neighbour(subnet), default_group(project)
    rows = nics(subnet, second) | {"interfaces-1-assignment": "manual", "interfaces-1-ip_address": " 10.0.1.77 "}
    answer = manager.post("/instances/new/", filled(project, **rows, **{"interfaces-0-security_groups": [group.pk]}))
    instance = Instance.objects.get()
    assert (answer.status_code, instance.ip_addresses) == (302, ["10.0.0.2", "10.0.1.77"])
    assert [list(nic.security_groups.all()) for nic in instance.nics] == [[group], []]


def test_an_address_typed_before_choosing_automatic_is_not_meant(manager: Client, subnet: Subnet) -> None:
    values = filled(subnet.project, **{"interfaces-0-ip_address": "10.0.0.99"})
    manager.post("/instances/new/", values)
    assert Instance.objects.get().ip_addresses == ["10.0.0.2"]


MANUAL = {"interfaces-0-assignment": "manual"}
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"interfaces-0-subnet": ""}, "subnet", "required"),
    ({"interfaces-0-subnet": "x"}, "subnet", "not one of"),
    ({"interfaces-0-subnet": str(uuid.UUID(int=1))}, "subnet", "not one of"),
    ({"interfaces-0-security_groups": ["x"]}, "security_groups", "not one of"),
    ({"interfaces-0-assignment": "x"}, "assignment", "not one of"),
    ({**MANUAL, "interfaces-0-ip_address": ""}, "ip_address", "Enter an IP address."),
    ({**MANUAL, "interfaces-0-ip_address": "10.0.0.1"}, "ip_address", "is the subnet&#x27;s gateway"),
    ({**MANUAL, "interfaces-0-ip_address": "10.0.0.255"}, "ip_address", "reserved"),
    ({**MANUAL, "interfaces-0-ip_address": "10.0.0.7"}, "ip_address", "is used by “neighbour”"),
    ({**MANUAL, "interfaces-0-ip_address": "192.168.0.1"}, "ip_address", "is not in the subnet&#x27;s range"),
    ({**MANUAL, "interfaces-0-ip_address": "fe80::1"}, "ip_address", ""),
    ({**MANUAL, "interfaces-0-ip_address": "10.0.0.300"}, "ip_address", ""),
    ({**MANUAL, "interfaces-0-ip_address": "x\0"}, "ip_address", ""),
    ({**MANUAL, "interfaces-0-ip_address": "9" * 5000}, "ip_address", ""),
]


@pytest.mark.parametrize(("changes", "field", "words"), WRONG)
def test_what_is_wrong_with_a_row_is_said_at_its_field(
    changes: dict[str, Any], field: str, words: str, manager: Client, subnet: Subnet
) -> None:
    held = InstanceFactory.create(project=subnet.project, name="neighbour")
    InterfaceFactory.create(instance=held, subnet=subnet, address="10.0.0.7")
    answer = manager.post("/instances/new/", filled(subnet.project, name="kept", **changes))
    page, (form,) = answer.content.decode(), answer.context["interfaces"].forms
    assert (answer.status_code, list(form.errors)) == (422, [field])
    assert (words in page, 'value="kept"' in page, "has-error" in page) == (True, True, True)
    assert Instance.objects.get() == held


def test_interfaces_in_two_vpcs_are_refused_at_the_second(manager: Client, project: Project, subnet: Subnet) -> None:
    answer = manager.post("/instances/new/", filled(project, **nics(subnet, SubnetFactory.create(project=project))))
    first, second = answer.context["interfaces"].forms
    assert (answer.status_code, list(first.errors), list(second.errors)) == (422, [], ["subnet"])
    assert "All interfaces of an instance are in one VPC." in answer.content.decode()


def test_a_full_subnet_is_refused_at_its_field(manager: Client, project: Project) -> None:
    full = SubnetFactory.create(project=project, cidr="10.0.9.0/30")
    InterfaceFactory.create(instance=InstanceFactory.create(project=project), subnet=full)
    answer = manager.post("/instances/new/", filled(project, **nics(full)))
    assert (answer.status_code, list(answer.context["interfaces"].forms[0].errors)) == (422, ["subnet"])


LOST = [("", 422), ("x", 422), ("0", 302), ("-1", 302), ("9", 422), ("1000", 422), ("9" * 500, 422)]


@pytest.mark.parametrize(("count", "status"), LOST)
def test_a_lost_count_of_rows_breaks_nothing(count: str, status: int, manager: Client, subnet: Subnet) -> None:
    values = filled(subnet.project, **{"interfaces-TOTAL_FORMS": count})
    assert manager.post("/instances/new/networks/", {**values, "add": "1"}, headers=HTMX).status_code == 200
    assert manager.post("/instances/new/summary/", values, headers=HTMX).status_code == 200
    assert manager.post("/instances/new/", values).status_code == status


def test_more_rows_than_a_machine_can_have_are_refused(manager: Client, subnet: Subnet) -> None:
    answer = manager.post("/instances/new/", filled(subnet.project, **nics(*[subnet] * (MAX_INTERFACES + 1))))
    assert (answer.status_code, f"At most {MAX_INTERFACES}." in answer.content.decode()) == (422, True)


def section(browser: Client, values: dict[str, Any]) -> str:
    """The section of networks after a press on one of its buttons."""
    return browser.post("/instances/new/networks/", values, headers=HTMX).content.decode()


def test_rows_come_and_go_and_nothing_typed_is_lost(manager: Client, subnet: Subnet) -> None:
    typed = {"interfaces-1-assignment": "manual", "interfaces-1-ip_address": "10.0.0.42"}
    values = {**nics(subnet, subnet, subnet), **typed}
    more, less = section(manager, {**values, "add": "1"}), section(manager, {**values, "remove": "2"})
    assert [part.count("data-nic") for part in (more, less)] == [4, 2]
    assert [part.count('value="10.0.0.42"') for part in (more, less)] == [1, 1]
    assert section(manager, {**values, "remove": "1"}).count('value="10.0.0.42"') == 0
    assert section(manager, {**values, "remove": "0"}).count("data-nic") == 3


def test_the_last_row_there_may_be_says_so(manager: Client, subnet: Subnet) -> None:
    part = section(manager, {**nics(*[subnet] * (MAX_INTERFACES - 1)), "add": "1"})
    assert (part.count("data-nic"), "at most 8 network interfaces" in part) == (MAX_INTERFACES, True)


def test_the_summary_shows_vpc_addresses_and_groups(manager: Client, project: Project, subnet: Subnet) -> None:
    rows = nics(subnet, subnet) | {"interfaces-1-assignment": "manual", "interfaces-1-ip_address": "10.0.0.9"}
    rows |= {"interfaces-0-security_groups": [str(default_group(project).pk)]}
    values = filled(project, name="", **rows)
    part = manager.post("/instances/new/summary/", values, headers=HTMX).content.decode()
    words = (subnet.vpc.name, "auto", "10.0.0.9", default_group(project).name, "No security group")
    assert [text in part for text in words] == [True] * 5


def test_the_form_costs_the_same_with_one_row_and_with_many(manager: Client, subnet: Subnet) -> None:
    values = filled(subnet.project)
    section(manager, values)  # the session learns its project
    counts = []
    for rows in (1, 8):
        with CaptureQueriesContext(connection) as queries:
            section(manager, {**values, **nics(*[subnet] * rows)})
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.fixture
def link(subnet: Subnet) -> InstanceInterface:
    """The primary interface of a stopped instance, guarded by the default group."""
    instance = InstanceFactory.create(project=subnet.project, name="web")
    return InterfaceFactory.create(
        instance=instance, subnet=subnet, address="10.0.0.5", groups=[default_group(subnet.project)]
    )


def tab(browser: Client, instance: Instance) -> str:
    """The tab of its interfaces."""
    return browser.get(f"/instances/{instance.pk}/interfaces/", headers=HTMX).content.decode()


def dialog(link: InstanceInterface, name: str) -> str:
    """Where a dialog about an interface is."""
    return f"/instances/{link.instance_id}/interfaces/{link.interface_id}/{name}/"


def send(browser: Client, address: str, **values: Any) -> tuple[int, dict[str, str], str]:
    """Say yes: status, the notice, and what takes the dialog's place."""
    answer = browser.post(address, values, headers=HTMX)
    events = json.loads(answer.headers.get("HX-Trigger", "{}"))
    return answer.status_code, events.get("toast", {}), answer.content.decode()


def test_the_tab_shows_the_guides_columns_and_what_is_in_them(manager: Client, link: InstanceInterface) -> None:
    page = manager.get(f"/instances/{link.instance_id}/interfaces/", headers={"accept-language": "ko"})
    heads = re.findall(r'<th scope="col">([^<]+)', page.content.decode())
    assert heads[:5] == ["이름", "서브넷(VPC 네트워크)", "보안 그룹", "IP 주소", "MAC 주소"]
    nic = link.interface
    shown = (nic.subnet.name, nic.subnet.vpc.name, nic.address, nic.mac, default_group(nic.project).name, "nic-1")
    assert [text in tab(manager, link.instance) for text in shown] == [True] * 6


def test_the_tab_follows_its_interfaces(manager: Client, link: InstanceInterface) -> None:
    floating = FloatingIPFactory.create(project=link.instance.project, interface=link.interface)
    topics = f'data-live="instance:{link.instance_id} floatingip:{floating.pk}"'
    assert topics in tab(manager, link.instance)


def test_the_vpc_stands_among_the_facts(manager: Client, link: InstanceInterface) -> None:
    assert link.interface.subnet.vpc.name in manager.get(f"/instances/{link.instance_id}/").content.decode()


@pytest.mark.parametrize("rows", [1, 8])
def test_the_tab_costs_the_same_for_one_interface_and_for_many(
    rows: int, manager: Client, link: InstanceInterface
) -> None:
    InterfaceFactory.create_batch(rows - 1, instance=link.instance, subnet=link.interface.subnet)
    tab(manager, link.instance)
    with CaptureQueriesContext(connection) as queries:
        assert tab(manager, link.instance).count('<td class="name">') == rows
    assert len(queries) == 9


def test_an_interface_is_added_and_the_dialog_closes(manager: Client, link: InstanceInterface) -> None:
    values = {"subnet": neighbour(link.interface.subnet).pk, "assignment": "manual", "ip_address": "10.0.1.9"}
    status, notice, _body = send(manager, f"/instances/{link.instance_id}/interfaces/add/", **values)
    assert (status, notice["text"]) == (204, "The network interface was added.")
    assert Instance.objects.get().ip_addresses == ["10.0.0.5", "10.0.1.9"]


def test_what_is_wrong_with_an_added_interface_is_said_in_the_dialog(manager: Client, link: InstanceInterface) -> None:
    values = {"subnet": link.interface.subnet_id, "assignment": "manual", "ip_address": "10.0.0.5"}
    status, _notice, body = send(manager, f"/instances/{link.instance_id}/interfaces/add/", **values)
    assert (status, "10.0.0.5 is used by “web”." in body, 'value="10.0.0.5"' in body) == (422, True, True)


def test_only_subnets_of_its_vpc_are_offered(manager: Client, link: InstanceInterface) -> None:
    inside, elsewhere = neighbour(link.interface.subnet), SubnetFactory.create(project=link.instance.project)
    for address in (f"/instances/{link.instance_id}/interfaces/add/", dialog(link, "move")):
        body = manager.get(address, headers=HTMX).content.decode()
        assert (str(inside.pk) in body, str(elsewhere.pk) in body) == (True, False)


def test_groups_are_changed_while_it_runs(manager: Client, link: InstanceInterface) -> None:
    Instance.objects.update(power_state=PowerState.RUNNING)
    group = SecurityGroupFactory.create(project=link.instance.project)
    assert send(manager, dialog(link, "guard"), security_groups=[group.pk])[0] == 204
    assert (list(link.interface.security_groups.all()), link.interface.address) == ([group], "10.0.0.5")
    assert send(manager, dialog(link, "guard"))[0] == 204
    assert list(link.interface.security_groups.all()) == []


def test_a_move_changes_subnet_and_address_and_keeps_the_groups(manager: Client, link: InstanceInterface) -> None:
    target = neighbour(link.interface.subnet)
    assert send(manager, dialog(link, "move"), subnet=target.pk, assignment="auto")[0] == 204
    link.interface.refresh_from_db()
    assert (link.interface.subnet, link.interface.address) == (target, "10.0.1.2")
    assert list(link.interface.security_groups.all()) == [default_group(link.instance.project)]


def test_a_secondary_interface_is_removed_and_the_primary_is_not(manager: Client, link: InstanceInterface) -> None:
    second = InterfaceFactory.create(instance=link.instance, subnet=link.interface.subnet)
    status, notice, _body = send(manager, dialog(link, "remove"))
    assert (status, notice["text"]) == (409, "The first network interface can't be removed.")
    assert send(manager, dialog(second, "remove"))[0] == 204
    assert list(InstanceInterface.objects.all()) == [link]


def test_buttons_say_why_they_can_not_be_pressed(manager: Client, link: InstanceInterface) -> None:
    primary = f'id="why-remove-{link.interface_id}">Remove: The first network interface can&#x27;t be removed.'
    assert primary in tab(manager, link.instance)
    Instance.objects.update(power_state=PowerState.RUNNING)
    page = tab(manager, link.instance)
    assert re.search(rf'id="why-move-{link.interface_id}">[^<]*Only possible when stopped\. It is now: Running\.', page)
    assert "why-add_interface" not in page
    assert f'id="guard-{link.interface_id}" hx-get="{dialog(link, "guard")}"' in page


def test_a_busy_instance_refuses_with_the_jobs_name(manager: Client, link: InstanceInterface) -> None:
    hold(link.instance)
    status, notice, _body = send(manager, dialog(link, "guard"))
    assert (status, "is in progress" in notice["text"]) == (409, True)


def test_a_viewer_changes_nothing(viewer: Client, link: InstanceInterface) -> None:
    for address in (dialog(link, "guard"), dialog(link, "move"), f"/instances/{link.instance_id}/interfaces/add/"):
        assert send(viewer, address)[0] == 403
    assert list(link.interface.security_groups.all()) == [default_group(link.instance.project)]


def test_interfaces_of_others_and_unknown_dialogs_are_not_found(manager: Client, link: InstanceInterface) -> None:
    foreign = InterfaceFactory.create()
    mixed = f"/instances/{link.instance_id}/interfaces/{foreign.interface_id}/guard/"
    for address in (dialog(foreign, "guard"), mixed, dialog(link, "explode")):
        assert manager.get(address).status_code == 404
        assert manager.post(address).status_code == 404


def test_without_scripts_a_dialog_is_a_page_and_leads_back_to_the_tab(manager: Client, link: InstanceInterface) -> None:
    assert "<html" in manager.get(dialog(link, "guard")).content.decode()
    back = f"/instances/{link.instance_id}/?tab=interfaces"
    assert manager.post(dialog(link, "guard")).headers["Location"] == back
    assert manager.post(dialog(link, "remove")).headers["Location"] == back


def test_floating_ips_are_shown_with_where_they_lead(manager: Client, link: InstanceInterface) -> None:
    ours = FloatingIPFactory.create(project=link.instance.project, interface=link.interface)
    elsewhere = FloatingIPFactory.create(project=link.instance.project, external_network=ours.external_network)
    page = manager.get(f"/instances/{link.instance_id}/floating-ips/", headers=HTMX).content.decode()
    words = (ours.address, "10.0.0.5", "nic-1", ours.external_network.name)
    assert [text in page for text in words] == [True] * 4
    assert elsewhere.address not in page  # its only interface has one


def test_free_floating_ips_are_offered_to_an_interface_without_one(manager: Client, link: InstanceInterface) -> None:
    free = FloatingIPFactory.create(project=link.instance.project)
    page = manager.get(f"/instances/{link.instance_id}/floating-ips/", headers=HTMX).content.decode()
    assert f'id="associate-{free.pk}"' in page
