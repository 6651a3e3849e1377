"""What the network means, by OVN's own flows: who reaches whom, and who decided that."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from django.conf import LazySettings

from networking import ovn as backend
from networking.enums import Direction, Protocol
from networking.ovn import tracing
from networking.ovn.errors import NetworkRejected, NetworkUnreachable
from networking.ovn.naming import gateway_mac, mac_of
from networking.ovn.tracing import read_trace
from networking.topology import Port, Probe, Topology, Verdict
from tests.ovn import Ovn
from tests.topologies import DB_IN, INSTALLATION, PUBLIC, WEB_IN, WEB_OUT, WEB_PING, known, port, twins

IN, OUT = Direction.IN, Direction.OUT
OUTSIDE = IPv4Address("192.0.2.7")
A_WEB, A_DB, A_FAR, A_ALONE = (port("a", name) for name in ("web", "db", "far", "alone"))
B_WEB = port("b", "web")
NEAR = known("subnet", "a", "near")


@pytest.fixture
def flows(ovn: Ovn) -> Ovn:
    """With the twins in it, down to logical flows."""
    backend.apply(twins(), INSTALLATION)
    backend.wait(10)
    return ovn


def followed(
    source: Port, to: Port | IPv4Address, protocol: Protocol = Protocol.TCP, number: int | None = None
) -> Verdict:
    """The verdict on a packet."""
    destination = to.address if isinstance(to, Port) else to
    return backend.trace(twins(), Probe(source=source.id, destination=destination, protocol=protocol, port=number))


def test_what_a_rule_allows_arrives_and_the_rules_are_named(flows: Ovn) -> None:
    verdict = followed(A_WEB, A_DB, number=5432)
    assert (verdict.delivered_to, verdict.dropped_at) == (str(A_DB.id), "")
    assert verdict.acls == {OUT: str(WEB_OUT.id), IN: str(DB_IN.id)}
    assert "ls_out_acl" in verdict.text


def test_what_no_rule_allows_is_dropped_at_the_receiver(flows: Ovn) -> None:
    verdict = followed(A_WEB, A_DB, number=5433)
    assert (verdict.delivered_to, verdict.dropped_at) == ("", "ls_out_acl")
    assert verdict.acls == {OUT: str(WEB_OUT.id), IN: "drop-in"}


def test_what_may_not_leave_is_dropped_at_the_sender(flows: Ovn) -> None:
    verdict = followed(A_DB, A_WEB, number=80)
    assert (verdict.delivered_to, verdict.dropped_at) == ("", "ls_in_acl")
    assert verdict.acls == {OUT: "drop-out"}


def test_group_rule_holds_across_subnets_but_not_across_vpcs(flows: Ovn) -> None:
    assert followed(A_WEB, A_FAR, number=5432).delivered_to == str(A_FAR.id)
    assert followed(B_WEB, port("b", "far"), number=5432).delivered_to == str(port("b", "far").id)
    reached = {followed(A_WEB, port("b", name), number=5432).delivered_to for name in ("web", "db", "far")}
    assert reached.isdisjoint(str(port("b", name).id) for name in ("web", "db", "far"))


@pytest.mark.parametrize(
    ("protocol", "number", "arrives"),
    [(Protocol.ICMP, None, False), (Protocol.UDP, 80, False), (Protocol.TCP, 81, False), (Protocol.TCP, 80, True)],
)
def test_protocols_and_ports_of_a_rule_count(flows: Ovn, protocol: Protocol, number: int | None, arrives: bool) -> None:
    neighbour = replace(A_WEB, address=IPv4Address("10.0.1.13"), id=known("new"), mac="52:54:00:61:00:77")
    vpc = twins().vpcs[0]
    near = replace(vpc.subnets[0], ports=(*vpc.subnets[0].ports, neighbour))
    topology = replace(twins(), vpcs=(replace(vpc, subnets=(near, vpc.subnets[1])), twins().vpcs[1]))
    backend.apply(topology, INSTALLATION)
    backend.wait(10)
    probe = Probe(source=neighbour.id, destination=A_WEB.address, protocol=protocol, port=number)
    verdict = backend.trace(topology, probe)
    assert verdict.delivered_to == (str(A_WEB.id) if arrives else "")
    assert verdict.acls == {OUT: str(WEB_OUT.id), IN: str(WEB_IN.id) if arrives else "drop-in"}


def test_cidr_of_a_rule_counts(flows: Ovn) -> None:
    text = _packet(A_FAR, A_WEB.address, gateway_mac(known("subnet", "a", "far")), "icmp4.type == 8")
    verdict = read_trace(flows.trace(f"subnet-{known('subnet', 'a', 'far')}", text), twins())
    assert verdict.acls == {OUT: "drop-out"}
    assert str(WEB_PING.id) not in verdict.acls.values()


def test_interface_without_a_group_gets_its_address_and_nothing_else(flows: Ovn) -> None:
    assert followed(A_ALONE, A_WEB, number=80).acls == {OUT: "drop-out"}
    assert followed(A_WEB, A_ALONE, number=80).acls == {OUT: str(WEB_OUT.id), IN: "drop-in"}
    everybody, nobody = IPv4Address("255.255.255.255"), replace(A_ALONE, address=IPv4Address("0.0.0.0"))
    question = _packet(nobody, everybody, "ff:ff:ff:ff:ff:ff", "udp.src == 68 && udp.dst == 67")
    answer = flows.trace(f"subnet-{NEAR}", question)
    assert "put_dhcp_opts(offerip = 10.0.1.12" in answer
    assert "mtu = 1442" in answer
    assert read_trace(answer, twins()).delivered_to == str(A_ALONE.id)
    assert read_trace(answer, twins()).acls == {OUT: "dhcp-out"}


@pytest.mark.parametrize(("address", "mac"), [("10.0.1.99", A_WEB.mac), ("10.0.1.10", "52:54:00:61:00:99")])
def test_packet_with_the_address_of_somebody_else_is_dropped(flows: Ovn, address: str, mac: str) -> None:
    liar = replace(A_WEB, address=IPv4Address(address), mac=mac)
    text = flows.trace(f"subnet-{NEAR}", _packet(liar, A_DB.address, A_DB.mac, "tcp.dst == 5432"))
    verdict = read_trace(text, twins())
    assert (verdict.delivered_to, verdict.dropped_at, verdict.acls) == ("", "ls_in_apply_port_sec", {})


def test_rule_for_ipv6_is_in_the_logical_flows(flows: Ovn) -> None:
    rows = flows.sbctl("--bare", "--columns=match", "find", "Logical_Flow", "pipeline=egress")
    assert "ip6 && tcp && tcp.dst >= 80 && tcp.dst <= 89" in rows
    assert f"ip6.src == $sg_{str(known('web')).replace('-', '_')}_ip6" in rows


def test_guest_without_a_floating_ip_leaves_with_the_address_of_its_vpc(flows: Ovn) -> None:
    verdict = followed(A_WEB, OUTSIDE, number=443)
    assert verdict.delivered_to == f"provnet-{PUBLIC.id}"
    assert verdict.acls == {OUT: str(WEB_OUT.id)}


def test_floating_ip_leads_to_its_interface(flows: Ovn) -> None:
    switch, router = f"ext-{PUBLIC.id}", known("vpc", "a")
    there = f"eth.src == {mac_of('outside')} && eth.dst == {mac_of(str(known('floating', 'a')))}"
    terms = f"{there} && ip4.src == {OUTSIDE} && ip4.dst == 198.51.100.111 && ip.ttl == 64 && tcp.dst == 80"
    text = flows.trace(switch, f'inport == "provnet-{PUBLIC.id}" && {terms}')
    assert "ct_dnat" in text
    assert f"lrp-ext-{router}" in text
    verdict = read_trace(text, twins())
    assert (verdict.delivered_to, verdict.acls) == (str(A_WEB.id), {IN: str(WEB_IN.id)})


def test_another_vpc_reaches_only_the_floating_ip(flows: Ovn) -> None:
    verdict = followed(B_WEB, IPv4Address("198.51.100.111"), number=80)
    assert (verdict.delivered_to, verdict.dropped_at) == (str(A_WEB.id), "")
    assert verdict.acls == {OUT: str(WEB_OUT.id), IN: str(WEB_IN.id)}
    verdict = followed(B_WEB, IPv4Address("198.51.100.111"), number=22)
    assert (verdict.delivered_to, verdict.dropped_at) == ("", "ls_out_acl")
    assert verdict.acls == {OUT: str(WEB_OUT.id), IN: "drop-in"}


def test_floating_ip_works_inside_its_own_vpc(flows: Ovn) -> None:
    assert followed(A_WEB, IPv4Address("198.51.100.111"), number=80).delivered_to == str(A_WEB.id)


def test_neighbour_that_does_not_exist_is_not_reached(flows: Ovn) -> None:
    verdict = followed(A_WEB, IPv4Address("10.0.1.200"), number=80)
    assert (verdict.delivered_to, verdict.acls) == ("", {OUT: str(WEB_OUT.id)})
    assert verdict.dropped_at


def test_gateway_answers_a_ping(flows: Ovn) -> None:
    assert followed(A_WEB, IPv4Address("10.0.1.1"), Protocol.ICMP).delivered_to == str(A_WEB.id)


def test_interface_that_ovn_does_not_know_yet_is_said_in_its_words(ovn: Ovn) -> None:
    with pytest.raises(NetworkRejected, match="unknown datapath"):
        followed(A_WEB, A_DB)


def test_interface_of_no_topology_is_a_mistake_of_the_caller(ovn: Ovn) -> None:
    with pytest.raises(KeyError):
        backend.trace(Topology(), Probe(source=A_WEB.id, destination=OUTSIDE, protocol=Protocol.ANY))


def test_trace_gives_up_when_the_database_stands_still(flows: Ovn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "TIMEOUT_S", 0.5)
    with flows.frozen("sb"), pytest.raises(NetworkUnreachable):
        followed(A_WEB, A_DB)


def test_missing_ovn_trace_is_said(settings: LazySettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings.OVN_SOUTHBOUND = "unix:/nowhere"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NetworkRejected, match="ovn-trace"):
        followed(A_WEB, A_DB)


@pytest.mark.parametrize("output", ["printf '\\377\\000 odd'", "yes | head -c 300000", "true", "echo odd >&2; exit 3"])
def test_odd_text_is_refused(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, output: str
) -> None:
    settings.OVN_SOUTHBOUND = "unix:/nowhere"
    program = tmp_path / "ovn-trace"
    program.write_text(f"#!/bin/sh\n{output}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(NetworkRejected) as caught:
        followed(A_WEB, A_DB)
    assert "\0" not in str(caught.value)
    assert len(str(caught.value)) < 2 * tracing.ERROR_LIMIT


def _packet(source: Port, destination: IPv4Address, next_hop: str, payload: str) -> str:
    ethernet = f'inport == "{source.id}" && eth.src == {source.mac} && eth.dst == {next_hop}'
    return f"{ethernet} && ip4.src == {source.address} && ip4.dst == {destination} && ip.ttl == 64 && {payload}"
