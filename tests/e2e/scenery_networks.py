"""The networks of the gallery: a company's VPC with what hangs on it, and one whose names try to break pages."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

SUBNETS = {"subnet-web": "10.20.1.0/24", "subnet-db": "10.20.2.0/24", "subnet-mgmt": "10.20.3.0/24"}
OUTWARD = {"direction": "out", "protocol": "any", "port_min": None, "description": "기본 규칙"}
GROUPS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "sg-web": ("웹 서버", [OUTWARD, {"port_min": 443}, {"port_min": 22, "description": "임시로 열어 둠"}]),
    "sg-base": ("", [OUTWARD, {"protocol": "icmp", "port_min": None, "cidr": ip_network("10.20.0.0/16")}]),
    "sg-db": (
        "결제 데이터베이스",
        [
            OUTWARD,
            {"port_min": 5432, "remote": "sg-web", "description": "웹 서버 접속"},
            {"port_min": 22, "cidr": ip_network("10.20.1.5/32"), "description": "bastion"},
            {"port_min": 8000, "port_max": 8080, "cidr": ip_network("2001:db8:1234:5678::/64")},
            {"protocol": "icmp", "port_min": None, "cidr": ip_network("10.20.0.0/16"), "description": "지표 수집"},
        ],
    ),
    "sg-empty": ("", []),
}
DATABASE, LOGS, STOPPED = (
    "db-primary-postgresql-15-서울리전-결제정산-운영",
    "log-collector-02",
    "batch-settlement-nightly",
)
ALONE = "bastion-01"  # in a VPC without a way out
ADDRESS = "쇼핑몰 대표 주소"
FAILURE = {"ko": "OVN이 응답하지 않습니다.", "en": "OVN does not answer."}
RAW = "ingress(dp=x)\n 4. ls_in_acl (northd.c:6543): reg0[7] == 1, priority 2002, uuid 4\n    next;\n" * 3
WORDS = (*GROUPS, *SUBNETS, *(text for text, _rules in GROUPS.values() if text), ADDRESS, *FAILURE.values())
WORDS += (f"{DATABASE[:25]}…",)  # as the map of a VPC has room for it
WORDS += ("기본 규칙", "임시로 열어 둠", "웹 서버 접속", "지표 수집", "vpc-prod", "vpc-internal", "subnet-closed")


def networks(project: Any, instances: list[Any]) -> dict[str, str]:
    """The company's: every instance has an interface, the stopped one two. Ids by name."""
    from tests.factories import ExternalNetworkFactory, InterfaceFactory, SubnetFactory, VPCFactory

    outside = ExternalNetworkFactory.create(name="public")
    given = {"project": project, "external_network": outside, "gateway_address": "198.51.100.2"}
    vpc, lone = VPCFactory.create(name="vpc-prod", **given), VPCFactory.create(name="vpc-internal", project=project)
    subnets = {
        name: SubnetFactory.create(project=project, vpc=vpc, name=name, cidr=cidr) for name, cidr in SUBNETS.items()
    }
    closed = SubnetFactory.create(project=project, vpc=lone, name="subnet-closed", cidr="10.20.2.0/24")
    groups = _groups(project)
    home = {DATABASE: ("subnet-db", ["sg-base", "sg-db"]), LOGS: ("subnet-mgmt", ["sg-base"])}
    nics = {}
    for instance in instances:
        where, guards = home.get(instance.name, ("subnet-web", ["sg-web"]))
        subnet = closed if instance.name == ALONE else subnets[where]
        made = InterfaceFactory.create(instance=instance, subnet=subnet, groups=[groups[name] for name in guards])
        nics[instance.name] = made.interface
        if instance.name in {STOPPED, DATABASE}:
            InterfaceFactory.create(instance=instance, subnet=subnets["subnet-mgmt"])
    _connect()
    rows = {
        "vpc": vpc,
        "lone": lone,
        **subnets,
        **groups,
        **_floating(project, outside, nics),
        **_traces(project, nics),
    }
    return {name: str(row.pk) for name, row in rows.items()}


def _connect() -> None:
    """As if a watcher had looked: interfaces of running instances are up, and OVN knows everything."""
    from networking.models import NetworkChange, NetworkInterface

    NetworkInterface.objects.filter(attachment__instance__power_state="running").update(is_up=True)
    NetworkChange.objects.all().delete()


def hostile_networks(project: Any, instances: list[Any], name: str) -> dict[str, str]:
    """Everything is called ``name``."""
    from networking.models import ExternalNetwork
    from tests.factories import (
        FloatingIPFactory,
        InterfaceFactory,
        RuleFactory,
        SecurityGroupFactory,
        SubnetFactory,
        VPCFactory,
    )

    outside = ExternalNetwork.objects.get()
    vpc = VPCFactory.create(project=project, name=name, description=name, external_network=outside)
    subnet = SubnetFactory.create(project=project, vpc=vpc, name=name)
    group = SecurityGroupFactory.create(project=project, name=name, description=name)
    RuleFactory.create(group=group, cidr=None, remote_group=group, description=name)
    nics = [
        InterfaceFactory.create(instance=instance, subnet=subnet, groups=[group]).interface for instance in instances
    ]
    for number, nic in enumerate(nics):
        address = f"198.51.100.{100 + number}"
        floating = FloatingIPFactory.create(
            project=project, external_network=outside, address=address, interface=nic, description=name
        )
    _connect()
    ids = {"hostile_vpc": vpc, "hostile_subnet": subnet, "hostile_group": group, "hostile_floating": floating}
    return {name: str(row.pk) for name, row in ids.items()}


def _groups(project: Any) -> dict[str, Any]:
    from tests.factories import RuleFactory, SecurityGroupFactory

    made = {
        name: SecurityGroupFactory.create(project=project, name=name, description=text)
        for name, (text, _rules) in GROUPS.items()
    }
    for name, (_text, rules) in GROUPS.items():
        for values in rules:
            peer = {"cidr": None, "remote_group": made[values["remote"]]} if "remote" in values else {}
            plain = {key: value for key, value in values.items() if key != "remote"}
            RuleFactory.create(group=made[name], **plain, **peer)
    return made


def _floating(project: Any, outside: Any, nics: dict[str, Any]) -> dict[str, Any]:
    from tests.factories import FloatingIPFactory

    leads = {"fip-web": ("198.51.100.10", "web-prod-01", ADDRESS), "fip-db": ("198.51.100.11", DATABASE, "")}
    leads["fip-free"] = ("198.51.100.12", "", "")
    return {
        name: FloatingIPFactory.create(
            project=project, external_network=outside, address=address, interface=nics.get(leads_to), description=text
        )
        for name, (address, leads_to, text) in leads.items()
    }


def _traces(project: Any, nics: dict[str, Any]) -> dict[str, Any]:
    """One with each kind of answer, one that waits for it and one that never got it."""
    from django.utils import timezone

    from networking.models import Trace
    from tests.factories import JobFactory, hold

    out, into = (
        str(nics[name].security_groups.get(name=group).rules.filter(direction=way).first().pk)
        for name, group, way in ((LOGS, "sg-base", "out"), (DATABASE, "sg-db", "in"))
    )
    blocked = {"delivered_to": "", "dropped_at": "ls_out_acl", "acls": {"out": out, "in": "drop-in"}, "text": RAW}
    arrived = {"delivered_to": str(nics[DATABASE].pk), "dropped_at": "", "acls": {"out": out, "in": into}, "text": RAW}
    lost = {"delivered_to": "", "dropped_at": "lr_in_ip_routing", "acls": {"out": out}, "text": RAW}
    asked = {"source": nics[LOGS], "destination": nics[DATABASE], "address": nics[DATABASE].address}
    asked |= {"protocol": "tcp", "port": 5432}
    astray = {"source": nics[ALONE], "destination": None, "address": "192.0.2.5"}
    answers: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {"blocked": (blocked, {}), "arrived": (arrived, {})}
    answers |= {"lost": (lost, astray), "waiting": ({}, {}), "failed": ({}, {})}
    made = {
        f"trace_{name}": Trace.objects.create(project=project, answer=answer, **{**asked, **other})
        for name, (answer, other) in answers.items()
    }
    before = timezone.now() - timedelta(days=2)  # the latest jobs are others
    given: dict[str, Any] = {"kind": "network.trace", "created_at": before}
    hold(made["trace_waiting"], status="pending", started_at=None, **given)
    JobFactory.create(target=made["trace_failed"], status="failed", error_texts=FAILURE, **given)
    return made
