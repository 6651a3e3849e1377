"""What becomes of a network in OVN's northbound database."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from networking.enums import Direction, Protocol
from networking.ovn.naming import MANAGED, Ref, gateway_mac, mac_of, port_group
from networking.ovn.rows import compile_topology
from networking.topology import Group, Rule, Topology
from tests.topologies import DB, DB_IN, PUBLIC, WEB, WEB_IN, known, port, rule, twins

SUBNET = known("subnet", "a", "near")
VPC = known("vpc", "a")


def compiled(table: str, key: object, topology: Topology | None = None) -> Any:
    """The columns of a row."""
    return compile_topology(topology or twins())[Ref(table, str(key))]


def matches(made: Rule) -> list[str]:
    """What a group ``web`` with this rule alone would say to OVN."""
    rows = compile_topology(Topology(groups=(replace(WEB, rules=(made,)),)))
    return [str(rows[ref]["match"]) for ref in _listed(rows[Ref("Port_Group", port_group(WEB.id))]["acls"])]


def _listed(refs: object) -> list[Ref]:
    assert isinstance(refs, list)
    return refs


def test_every_row_says_what_it_is_and_is_in_a_managed_table() -> None:
    rows = compile_topology(twins())
    assert {ref.table for ref in rows} == MANAGED
    for ref, columns in rows.items():
        ids = columns["external_ids"]
        assert isinstance(ids, dict)
        assert {"cloudia:kind", "cloudia:id"} <= set(ids), ref


def test_vpc_becomes_a_router_with_its_subnets_and_the_way_out() -> None:
    row = compiled("Logical_Router", f"vpc-{VPC}")
    near, far, floating = SUBNET, known("subnet", "a", "far"), known("floating", "a")
    assert row["name"] == f"vpc-{VPC}"
    assert [ref.key for ref in row["ports"]] == [f"lrp-{near}", f"lrp-{far}", f"lrp-ext-{VPC}"]
    assert [ref.key for ref in row["nat"]] == [str(near), str(far), str(floating)]
    assert row["static_routes"] == [Ref("Logical_Router_Static_Route", str(VPC))]
    assert row["external_ids"] == {"cloudia:kind": "vpc", "cloudia:id": str(VPC), "cloudia:name": "a"}


def test_subnet_becomes_a_switch_with_its_interfaces_and_the_router() -> None:
    row = compiled("Logical_Switch", f"subnet-{SUBNET}")
    names = [f"lsp-{SUBNET}", *(str(port("a", name).id) for name in ("web", "db", "alone"))]
    assert [ref.key for ref in row["ports"]] == names
    assert row["other_config"] == {"mcast_snoop": "false"}
    assert row["acls"] == []
    assert compiled("Logical_Router_Port", f"lrp-{SUBNET}")["networks"] == ["10.0.1.1/24"]
    assert compiled("Logical_Router_Port", f"lrp-{SUBNET}")["mac"] == gateway_mac(SUBNET)


def test_interface_may_only_speak_with_its_own_addresses() -> None:
    web = port("a", "web")
    row = compiled("Logical_Switch_Port", web.id)
    assert row["addresses"] == row["port_security"] == [f"{web.mac} 10.0.1.10"]
    assert row["dhcpv4_options"] == [Ref("DHCP_Options", str(SUBNET))]
    assert row["external_ids"] == {
        "cloudia:kind": "port",
        "cloudia:id": str(web.id),
        "cloudia:name": "web",
        "cloudia:owner": "i-web",
    }


def test_interface_is_in_its_groups_and_in_the_one_that_drops() -> None:
    ports = {ref.key for ref in compiled("Port_Group", "pg_default_drop")["ports"]}
    assert ports == {str(port(vpc, name).id) for vpc in "ab" for name in ("web", "db", "alone", "far")}
    web = {ref.key for ref in compiled("Port_Group", port_group(WEB.id))["ports"]}
    assert web == {str(port(vpc, "web").id) for vpc in "ab"}


def test_dhcp_says_everything_a_guest_needs() -> None:
    row = compiled("DHCP_Options", SUBNET, replace(twins(), mtu=1300, domain="corp.example"))
    assert row["cidr"] == "10.0.1.0/24"
    assert row["options"] == {
        "server_id": "10.0.1.1",
        "server_mac": gateway_mac(SUBNET),
        "router": "10.0.1.1",
        "lease_time": "43200",
        "mtu": "1300",
        "dns_server": "{1.1.1.1, 8.8.8.8}",
        "domain_name": '"corp.example"',
    }


def test_names_are_known_with_and_without_the_domain_and_backwards() -> None:
    records = compiled("DNS", VPC)["records"]
    assert records["web"] == records["web.internal"] == "10.0.1.10"
    assert records["10.1.0.10.in-addr.arpa"] == "web.internal"
    assert len(records) == 4 * 3


def test_name_of_several_interfaces_leads_to_all_of_them() -> None:
    vpc = twins().vpcs[0]
    near, far = vpc.subnets
    twice = replace(far, ports=(replace(far.ports[0], names=("Far", "WEB")),))
    records = compiled("DNS", VPC, replace(twins(), vpcs=(replace(vpc, subnets=(near, twice)),)))["records"]
    assert records["web"] == records["web.internal"] == "10.0.1.10 10.0.2.10"
    assert records["10.2.0.10.in-addr.arpa"] == "far.internal"


@pytest.mark.parametrize("name", ["", "-", "웹", "a b", 'a"', "a..b", "a\n", "a_b", "{x}"])
def test_name_that_is_no_host_name_is_not_told(name: str) -> None:
    vpc = twins().vpcs[0]
    near = replace(vpc.subnets[0], ports=(replace(vpc.subnets[0].ports[0], names=(name,)),))
    assert compiled("DNS", VPC, replace(twins(), vpcs=(replace(vpc, subnets=(near,)),)))["records"] == {}


def test_external_network_becomes_a_switch_with_a_cable_outside() -> None:
    topology = replace(twins(), providers=(replace(PUBLIC, vlan=42),))
    row = compiled("Logical_Switch", f"ext-{PUBLIC.id}", topology)
    vpcs = [known("vpc", name) for name in "ab"]
    assert [ref.key for ref in row["ports"]] == [f"provnet-{PUBLIC.id}", *(f"lsp-ext-{vpc}" for vpc in vpcs)]
    cable = compiled("Logical_Switch_Port", f"provnet-{PUBLIC.id}", topology)
    assert (cable["type"], cable["addresses"], cable["tag"]) == ("localnet", ["unknown"], [42])
    assert cable["options"] == {"network_name": "public"}
    assert compiled("Logical_Switch_Port", f"provnet-{PUBLIC.id}")["tag"] == []


def test_gateway_is_carried_by_its_hosts_in_order() -> None:
    name = f"lrp-ext-{VPC}"
    row = compiled("Logical_Router_Port", name)
    assert row["networks"] == ["198.51.100.11/24"]
    assert [ref.key for ref in row["gateway_chassis"]] == [f"{name}_host-1", f"{name}_host-2"]
    carriers = [compiled("Gateway_Chassis", ref.key) for ref in row["gateway_chassis"]]
    assert [(each["chassis_name"], each["priority"]) for each in carriers] == [("host-1", 100), ("host-2", 99)]
    route = compiled("Logical_Router_Static_Route", VPC)
    assert (route["ip_prefix"], route["nexthop"], route["output_port"]) == ("0.0.0.0/0", "198.51.100.1", [name])
    options = compiled("Logical_Switch_Port", f"lsp-ext-{VPC}")["options"]
    assert options == {"router-port": name, "nat-addresses": "router", "exclude-lb-vips-from-garp": "true"}


def test_addresses_are_translated_per_subnet_and_per_floating_ip() -> None:
    shared, own = compiled("NAT", SUBNET), compiled("NAT", known("floating", "a"))
    assert (shared["type"], shared["external_ip"], shared["logical_ip"]) == ("snat", "198.51.100.11", "10.0.1.0/24")
    assert (shared["logical_port"], shared["external_mac"]) == ([], [])
    assert (own["type"], own["external_ip"], own["logical_ip"]) == ("dnat_and_snat", "198.51.100.111", "10.0.1.10")
    assert own["logical_port"] == [str(port("a", "web").id)]
    assert own["external_mac"] == [mac_of(str(known("floating", "a")))]


def test_vpc_without_a_gateway_translates_nothing() -> None:
    topology = replace(twins(), vpcs=(replace(twins().vpcs[0], gateway=None),))
    row = compiled("Logical_Router", f"vpc-{VPC}", topology)
    assert (row["nat"], row["static_routes"], len(row["ports"])) == ([], [], 2)
    assert {ref.table for ref in compile_topology(topology)}.isdisjoint({"NAT", "Gateway_Chassis"})


def test_macs_follow_from_ids_and_are_locally_administered() -> None:
    assert mac_of("x") == mac_of("x") != mac_of("y")
    assert mac_of("x").startswith("02:")
    assert len(mac_of("x")) == 17


def test_everything_is_dropped_but_questions_for_an_address() -> None:
    keys = [ref.key for ref in compiled("Port_Group", "pg_default_drop")["acls"]]
    rows = [compiled("ACL", key) for key in keys]
    found = {
        key: (row["direction"], row["priority"], row["action"], row["match"])
        for key, row in zip(keys, rows, strict=True)
    }
    assert found == {
        "drop-in": ("to-lport", 1001, "drop", "outport == @pg_default_drop && ip"),
        "drop-out": ("from-lport", 1001, "drop", "inport == @pg_default_drop && ip"),
        "dhcp-out": ("from-lport", 1003, "allow", "inport == @pg_default_drop && udp.src == 68 && udp.dst == 67"),
    }


def test_rule_allows_connections_above_what_drops_them() -> None:
    row = compiled("ACL", WEB_IN.id)
    assert (row["direction"], row["priority"], row["action"]) == ("to-lport", 1002, "allow-related")
    assert row["name"] == [str(WEB_IN.id)]


IN, OUT = f"outport == @{port_group(WEB.id)}", f"inport == @{port_group(WEB.id)}"
OTHER = port_group(DB.id)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (rule("x", Direction.IN, cidr="0.0.0.0/0"), [f"{IN} && ip4"]),
        (rule("x", Direction.OUT, cidr="::/0"), [f"{OUT} && ip6"]),
        (rule("x", Direction.IN, cidr="10.0.0.0/8"), [f"{IN} && ip4 && ip4.src == 10.0.0.0/8"]),
        (rule("x", Direction.OUT, cidr="10.0.0.1/32"), [f"{OUT} && ip4 && ip4.dst == 10.0.0.1"]),
        (rule("x", Direction.OUT, cidr="fd00::/8"), [f"{OUT} && ip6 && ip6.dst == fd00::/8"]),
        (
            rule("x", Direction.IN, group=DB.id),
            [f"{IN} && ip4 && ip4.src == ${OTHER}_ip4", f"{IN} && ip6 && ip6.src == ${OTHER}_ip6"],
        ),
        (rule("x", Direction.IN), [f"{IN} && ip4", f"{IN} && ip6"]),
        (rule("x", Direction.IN, Protocol.ICMP, cidr="0.0.0.0/0"), [f"{IN} && ip4 && icmp4"]),
        (rule("x", Direction.IN, Protocol.ICMP, cidr="::/0"), [f"{IN} && ip6 && icmp6"]),
        (rule("x", Direction.IN, Protocol.TCP, cidr="0.0.0.0/0"), [f"{IN} && ip4 && tcp"]),
        (
            rule("x", Direction.IN, Protocol.UDP, ports=(53, 53), cidr="0.0.0.0/0"),
            [f"{IN} && ip4 && udp && udp.dst == 53"],
        ),
        (
            rule("x", Direction.OUT, Protocol.TCP, ports=(1, 1024), cidr="::/0"),
            [f"{OUT} && ip6 && tcp && tcp.dst >= 1 && tcp.dst <= 1024"],
        ),
        (rule("x", Direction.IN, ports=(1, 2), cidr="0.0.0.0/0"), [f"{IN} && ip4"]),
        (rule("x", Direction.IN, Protocol.ICMP, ports=(8, 0), cidr="0.0.0.0/0"), [f"{IN} && ip4 && icmp4"]),
    ],
)
def test_rule_becomes_an_expression(made: Rule, expected: list[str]) -> None:
    assert matches(made) == expected


def test_rule_about_a_group_is_two_rows_that_name_it() -> None:
    keys = [ref.key for ref in compiled("Port_Group", port_group(DB.id))["acls"]]
    assert keys == [f"{DB_IN.id}-4", f"{DB_IN.id}-6"]


def test_group_without_members_and_rules_is_there_nevertheless() -> None:
    empty = Group(id=known("empty"), name="empty")
    row = compiled("Port_Group", port_group(empty.id), Topology(groups=(empty,)))
    assert (row["ports"], row["acls"]) == ([], [])


def test_addresses_of_one_name_are_in_the_order_of_numbers() -> None:
    vpc = twins().vpcs[0]
    near = vpc.subnets[0]
    ports = tuple(
        replace(near.ports[number], names=("one",), address=IPv4Address(address))
        for number, address in enumerate(("10.0.1.100", "10.0.1.9"))
    )
    changed = replace(twins(), vpcs=(replace(vpc, subnets=(replace(near, ports=ports),)),))
    assert compiled("DNS", VPC, changed)["records"]["one"] == "10.0.1.9 10.0.1.100"
