"""왜 막혔나요?: what can be asked, and what is said about each answer OVN may give."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from cloudia.accounts.models import Project
from cloudia.jobs.models import Job
from instances.models import InstanceInterface
from networking.models import NetworkInterface, SecurityGroup, SecurityGroupRule, Subnet, Trace
from tests.factories import (
    ExternalNetworkFactory,
    FloatingIPFactory,
    InstanceFactory,
    InterfaceFactory,
    JobFactory,
    RuleFactory,
    SecurityGroupFactory,
    SubnetFactory,
    VPCFactory,
    hold,
)
from tests.integration.pages.conftest import HTMX

URL = "/security-groups/trace/"


class Site:
    """Two subnets of a VPC: web in one, db in the other, each with a group of its own."""

    def __init__(self, project: Project) -> None:
        self.project = project
        vpc = VPCFactory.create(project=project, name="vpc-prod")
        self.web_group = SecurityGroupFactory.create(project=project, name="sg-web")
        self.db_group = SecurityGroupFactory.create(project=project, name="sg-db")
        self.out = RuleFactory.create(group=self.web_group, direction="out", protocol="any", port_min=None)
        self.into = RuleFactory.create(group=self.db_group, port_min=5432)
        self.front = SubnetFactory.create(project=project, vpc=vpc, name="front", cidr="10.0.1.0/24")
        self.back = SubnetFactory.create(project=project, vpc=vpc, name="back", cidr="10.0.2.0/24")
        self.web = self.nic("web-1", self.front, self.web_group)
        self.db = self.nic("db-1", self.back, self.db_group)

    def nic(self, name: str, subnet: Subnet, *groups: SecurityGroup) -> NetworkInterface:
        """The interface of a new instance."""
        instance = InstanceFactory.create(project=self.project, name=name)
        return InterfaceFactory.create(instance=instance, subnet=subnet, groups=groups).interface

    def trace(self, answer: dict[str, Any], **values: Any) -> Trace:
        """A question from web to db's PostgreSQL that was answered."""
        asked = {
            "source": self.web,
            "destination": self.db,
            "address": self.db.address,
            "protocol": "tcp",
            "port": 5432,
        }
        return Trace.objects.create(project=self.project, answer=answer, **{**asked, **values})


@pytest.fixture
def site(project: Project) -> Site:
    """The project's."""
    return Site(project)


def answer(delivered_to: Any = "", dropped_at: str = "", text: str = "raw words", **acls: Any) -> dict[str, Any]:
    """As :func:`networking.operations.as_answer` keeps it."""
    acls = {"in" if way == "into" else way: str(key) for way, key in acls.items()}
    return {"delivered_to": str(delivered_to), "dropped_at": dropped_at, "acls": acls, "text": text}


def found(browser: Client, trace: Trace) -> Any:
    """What its page says."""
    return browser.get(f"{URL}{trace.pk}/").context["found"]


def remove(nic: NetworkInterface) -> None:
    """Take an interface from its instance."""
    InstanceInterface.objects.filter(interface=nic).delete()
    nic.delete()


def hops(explanation: Any) -> list[tuple[str, str, str]]:
    """The way, in short."""
    return [(hop.tone, hop.title, hop.detail) for hop in explanation.hops]


# ---- asking -------------------------------------------------------------------------------------------------------


def ask(browser: Client, site: Site, **values: Any) -> Any:
    """Send the form of the page."""
    sent = {"source": site.web.pk, "destination": site.db.pk, "address": "", "protocol": "tcp", "port": "5432"}
    return browser.post(URL, {**sent, **values}, headers=HTMX)


def test_a_question_becomes_a_job_and_its_answer_is_waited_for(viewer: Client, site: Site) -> None:
    page = ask(viewer, site).content.decode()
    trace, job = Trace.objects.get(), Job.objects.get()
    assert (trace.source, trace.destination, trace.port, job.target_id) == (site.web, site.db, 5432, trace.pk)
    assert f'data-live="trace:{trace.pk} job:{job.pk}" hx-get="{URL}{trace.pk}/" hx-trigger="live, every 2s"' in page
    assert "Following the packet…" in page


def test_an_address_can_be_asked_about(manager: Client, site: Site) -> None:
    ask(manager, site, destination="", address="192.0.2.1", protocol="icmp", port="")
    trace = Trace.objects.get()
    assert (trace.destination, trace.address, trace.protocol, trace.port) == (None, "192.0.2.1", "icmp", None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"source": ""}, "source"),
        ({"source": "x"}, "source"),
        ({"source": str(uuid.uuid4())}, "source"),
        ({"destination": "x"}, "destination"),
        ({"destination": "", "address": ""}, "address"),
        ({"destination": "", "address": "everywhere"}, "address"),
        ({"destination": "", "address": "2001:db8::1"}, "address"),
        ({"destination": "", "address": "10.0.0.0/8"}, "address"),
        ({"destination": "", "address": "1\0"}, "address"),
        ({"protocol": "any"}, "protocol"),
        ({"protocol": "sctp"}, "protocol"),
        ({"port": ""}, "port"),
        ({"port": "0"}, "port"),
        ({"port": "65536"}, "port"),
        ({"port": "-1"}, "port"),
        ({"port": "http"}, "port"),
        ({"port": "9" * 5000}, "port"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(
    manager: Client, site: Site, values: dict[str, str], field: str
) -> None:
    refused = ask(manager, site, **values)
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, [field])
    assert not Job.objects.exists()


def test_an_interface_to_itself_or_into_another_vpc_is_refused(manager: Client, site: Site) -> None:
    other = site.nic("far", SubnetFactory.create(project=site.project))
    for destination in (site.web, other):
        assert list(ask(manager, site, destination=destination.pk).context["form"].errors) == ["destination"]


def test_interfaces_of_another_project_are_neither_offered_nor_taken(manager: Client, site: Site) -> None:
    foreign = InterfaceFactory.create().interface
    assert foreign.owner_name not in manager.get(URL).content.decode()
    for field in ("source", "destination"):
        assert list(ask(manager, site, **{field: foreign.pk}).context["form"].errors) == [field]


def test_of_many_interfaces_some_are_offered_and_the_others_found(manager: Client, site: Site) -> None:
    wide = SubnetFactory.create(project=site.project, vpc=site.front.vpc, cidr="10.0.16.0/22")
    rows = [
        NetworkInterface(
            project=site.project,
            subnet=wide,
            address=str(wide.network[number + 2]),
            mac=f"02:00:00:00:00:{number:02x}",
            owner_id=uuid.uuid4(),
            owner_name=f"many-{number:03}",
            owner_short_id="i-1",
        )
        for number in range(120)
    ]
    NetworkInterface.objects.bulk_create(rows)
    assert 'id="trace-search"' in manager.get(URL).content.decode()
    target = {**HTMX, "HX-Target": "trace-panel"}
    narrowed = manager.get(URL, {"search": "many-119", "source": str(site.web.pk)}, headers=target).content.decode()
    assert ("many-119" in narrowed, "many-118" in narrowed) == (True, False)
    assert f'<option value="{site.web.pk}" selected>' in narrowed


# ---- answers ------------------------------------------------------------------------------------------------------


def test_what_no_inbound_rule_allows_names_the_group_and_offers_the_rule(manager: Client, site: Site) -> None:
    trace = site.trace(answer(dropped_at="ls_out_acl", out=site.out.pk, into="drop-in"))
    said = found(manager, trace)
    assert (said.tone, said.headline) == ("bad", "Blocked by sg-db.")
    assert said.detail == f"No rule opens TCP port 5432 to {site.web.address}."
    assert hops(said) == [
        ("ok", "web-1: outbound rules", "sg-web · Any · 0.0.0.0/0"),
        ("ok", "front → router → back", "Within the VPC"),
        ("bad", "db-1: inbound rules", "No rule matches (sg-db: 1)"),
        ("idle", "Guest", "Did not arrive"),
    ]
    href = urlsplit(manager.get(f"{URL}{trace.pk}/").context["open_href"])
    assert (href.path, href.fragment) == (f"/security-groups/{site.db_group.pk}/", "rules-in")
    query = {"add": ["in"], "protocol": ["tcp"], "ports": ["5432"], "value": [f"{site.web.address}/32"]}
    assert parse_qs(href.query) == query
    row = manager.get(f"{href.path}?{href.query}").context["editor"].rows[-1]
    assert row.said == ["in", "tcp", "5432", "cidr", f"{site.web.address}/32", ""]


def test_what_no_outbound_rule_allows_is_said_of_the_sender(manager: Client, site: Site) -> None:
    said = found(manager, site.trace(answer(dropped_at="ls_in_acl", out="drop-out"), protocol="icmp", port=None))
    assert (said.headline, said.detail) == ("Blocked by sg-web.", f"No rule opens ICMP to {site.db.address}.")
    assert [tone for tone, _title, _detail in hops(said)] == ["bad", "idle", "idle", "idle"]
    assert said.opening.group == site.web_group
    assert said.opening.query["value"] == f"{site.db.address}/32"


def test_what_arrives_names_the_rules_that_let_it(manager: Client, site: Site) -> None:
    said = found(manager, site.trace(answer(site.db.pk, out=site.out.pk, into=f"{site.into.pk}-4")))
    assert (said.tone, said.headline) == ("ok", "It arrives.")
    assert hops(said)[2:] == [
        ("ok", "db-1: inbound rules", "sg-db · TCP 5432 · 0.0.0.0/0"),
        ("ok", "Guest", "Arrived"),
    ]
    assert said.opening is None


def test_an_interface_without_a_group_is_told_so(manager: Client, site: Site) -> None:
    alone = site.nic("alone", site.front)
    dropped = answer(dropped_at="ls_out_acl", out=site.out.pk, into="drop-in")
    said = found(manager, site.trace(dropped, destination=alone, address=alone.address))
    assert said.headline == "Blocked: alone has no security group."
    assert hops(said)[1:3] == [("ok", "front", "Same subnet"), ("bad", "alone: inbound rules", "No security group")]
    assert said.opening is None


def test_the_rule_is_rather_not_added_to_the_default_group(manager: Client, site: Site) -> None:
    default = SecurityGroupFactory.create(project=site.project, name="a-default", is_default=True)
    site.db.security_groups.add(default)
    said = found(manager, site.trace(answer(dropped_at="ls_out_acl", out=site.out.pk, into="drop-in")))
    assert (said.headline, said.opening.group) == ("Blocked by a-default, sg-db.", site.db_group)


def test_what_leaves_says_that_the_rest_is_not_known(manager: Client, site: Site) -> None:
    left = answer(f"provnet-{uuid.uuid4()}", out=site.out.pk)
    said = found(manager, site.trace(left, destination=None, address="192.0.2.1"))
    assert (said.tone, said.headline) == ("ok", "It leaves the VPC.")
    assert hops(said)[-1] == ("ok", "Outside", "What happens there is not known here.")


def test_an_address_that_nobody_has_and_one_without_a_way_are_told_apart(manager: Client, site: Site) -> None:
    lost = answer(dropped_at="lr_in_arp_resolve", out=site.out.pk)
    for address, headline in (("10.0.2.99", "Nobody is there."), ("192.0.2.1", "There is no way.")):
        assert found(manager, site.trace(lost, destination=None, address=address)).headline == headline
    said = found(manager, site.trace(lost))
    assert (said.headline, "lr_in_arp_resolve" in said.detail) == ("It was lost on its way.", True)


def test_the_router_answers_itself(manager: Client, site: Site) -> None:
    said = found(manager, site.trace(answer(site.web.pk, out=site.out.pk), destination=None, address="10.0.1.1"))
    assert hops(said)[1:] == [("ok", "front → router", "Within the VPC"), ("ok", "Router", "Arrived")]


def test_an_address_typed_in_is_recognised_as_an_interface(manager: Client, site: Site) -> None:
    dropped = answer(dropped_at="ls_out_acl", out=site.out.pk, into="drop-in")
    said = found(manager, site.trace(dropped, destination=None))
    assert said.headline == "Blocked by sg-db."


def test_a_floating_ip_of_another_project_keeps_its_secrets(manager: Client, site: Site) -> None:
    foreign = InterfaceFactory.create(instance__name="secret", groups=[hidden := SecurityGroupFactory.create()])
    rule = RuleFactory.create(group=hidden)
    outside = ExternalNetworkFactory.create()
    FloatingIPFactory.create(
        project=foreign.interface.project, external_network=outside, address="198.51.100.7", interface=foreign.interface
    )
    given: dict[str, Any] = {"destination": None, "address": "198.51.100.7"}
    for reply in (
        answer(foreign.interface.pk, out=site.out.pk, into=rule.pk),
        answer(dropped_at="ls_out_acl", out=site.out.pk, into="drop-in"),
    ):
        page = manager.get(f"{URL}{site.trace(reply, **given).pk}/").content.decode()
        assert ("secret" in page, hidden.name in page) == (False, False)
    assert "Blocked by the receiver&#x27;s security groups." in page


def test_through_a_floating_ip_the_rule_names_the_address_that_arrives(manager: Client, site: Site) -> None:
    outside = ExternalNetworkFactory.create()
    far = site.nic("far", SubnetFactory.create(project=site.project), site.db_group)
    for nic, address in ((far, "198.51.100.7"), (site.web, "198.51.100.8")):
        FloatingIPFactory.create(project=site.project, external_network=outside, address=address, interface=nic)
    dropped = answer(dropped_at="ls_out_acl", out=site.out.pk, into="drop-in")
    said = found(manager, site.trace(dropped, destination=None, address="198.51.100.7"))
    assert said.opening.query["value"] == "198.51.100.8/32"


def test_what_was_deleted_since_is_said_to_be_gone(manager: Client, site: Site) -> None:
    arrived = site.trace(answer(site.db.pk, out=site.out.pk, into=site.into.pk))
    dropped = site.trace(answer(dropped_at="ls_out_acl", out=site.out.pk, into="drop-in"))
    SecurityGroupRule.objects.all().delete()
    assert hops(found(manager, arrived))[0] == ("ok", "web-1: outbound rules", "By a rule that was deleted since")
    site.db.security_groups.clear()
    SecurityGroup.objects.filter(pk=site.db_group.pk).delete()
    assert found(manager, dropped).headline == "Blocked: db-1 has no security group."
    remove(site.db)
    assert found(manager, dropped).headline == "Blocked by the receiver's security groups."
    assert found(manager, arrived).headline == "It arrives."
    remove(site.web)
    assert manager.get(f"{URL}{dropped.pk}/").status_code == 404


@pytest.mark.parametrize(
    "odd",
    [{"text": ""}, answer(), answer("not-an-id"), answer(dropped_at="?"), answer(into="nonsense", out="dhcp-out")],
)
def test_an_odd_answer_breaks_nothing(manager: Client, site: Site, odd: dict[str, Any]) -> None:
    assert found(manager, site.trace(odd)).headline


def test_a_job_that_failed_says_why(manager: Client, site: Site) -> None:
    trace = site.trace({})
    JobFactory.create(target=trace, kind="network.trace", status="failed", error_texts={"en": "OVN is away."})
    page = manager.get(f"{URL}{trace.pk}/").content.decode()
    assert ("OVN is away." in page, "every 2s" in page) == (True, False)


def test_a_live_update_is_the_answer_alone(manager: Client, site: Site) -> None:
    trace = site.trace({})
    hold(trace, kind="network.trace")
    part = manager.get(f"{URL}{trace.pk}/", headers={**HTMX, "HX-Target": "trace-result"}).content.decode()
    assert ("every 2s" in part, "<form" in part) == (True, False)


def test_the_raw_words_are_for_operators(manager: Client, operator: Client, site: Site) -> None:
    trace = site.trace(answer(site.db.pk))
    shown = ["raw words" in browser.get(f"{URL}{trace.pk}/").content.decode() for browser in (manager, operator)]
    assert shown == [False, True]


def test_a_viewer_is_told_why_no_rule_can_be_added(viewer: Client, site: Site) -> None:
    page = viewer.get(f"{URL}{site.trace(answer(dropped_at='ls_out_acl', into='drop-in')).pk}/").content.decode()
    assert "Your role does not allow this." in page


def test_a_trace_of_another_project_does_not_exist(manager: Client) -> None:
    foreign = Site(InstanceFactory.create().project).trace(answer())
    assert manager.get(f"{URL}{foreign.pk}/").status_code == 404
