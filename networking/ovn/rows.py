"""The whole network as rows of OVN's northbound database (ovn-nb(5)). Pure: a topology goes in, rows come out.

Every column that is set here is ours: whatever else stands in it is mended. Columns not set here belong to whoever set
them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address

from networking.ovn.naming import (
    DROP_GROUP,
    NAMED,
    Ref,
    external_port,
    external_router_port,
    external_switch,
    floating_mac,
    gateway_mac,
    mac_of,
    port_group,
    subnet_router_port,
    subnet_switch,
    tags,
    vpc_router,
)
from networking.ovn.rules import Columns, default_acls, group_acls
from networking.topology import Floating, Gateway, Group, Port, Provider, Subnet, Topology, Vpc

LEASE_S = 43200  # half a day: addresses never change, so renewals are only noise
BEST_CHASSIS = 100  # priority of the first choice; each further one gets one less
HOSTNAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")  # RFC 1123

Rows = Mapping[Ref, Mapping[str, object]]


def compile_topology(topology: Topology) -> Rows:
    """Every row that shall be, by table and key. Sets are lists, maps are dictionaries, references are ``Ref``."""
    return _Compiler(topology).rows()


class _Compiler:
    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._rows: dict[Ref, Columns] = {}
        self._providers = {provider.id: provider for provider in topology.providers}
        self._members: dict[str, list[Ref]] = defaultdict(list)  # of port groups
        self._uplinks: dict[str, list[Ref]] = defaultdict(list)  # of the switches of external networks

    def rows(self) -> Rows:
        for vpc in self._topology.vpcs:
            self._vpc(vpc)
        for provider in self._topology.providers:
            self._provider(provider)
        self._port_group(DROP_GROUP, default_acls(), tags("default", DROP_GROUP))
        for group in self._topology.groups:
            self._group(group)
        return self._rows

    def _add(self, table: str, key: str, ids: dict[str, str], **columns: object) -> Ref:
        ref = Ref(table, key)
        names = {"name": key} if table in NAMED else {}
        self._rows[ref] = {**names, **columns, "external_ids": ids}
        return ref

    # --- security groups

    def _group(self, group: Group) -> None:
        self._port_group(port_group(group.id), group_acls(group), tags("security_group", group.id, group.name))

    def _port_group(self, name: str, acls: Iterator[tuple[str, Columns]], ids: dict[str, str]) -> None:
        refs = []
        for key, columns in acls:
            refs.append(Ref("ACL", key))
            self._rows[refs[-1]] = columns
        self._add("Port_Group", name, ids, ports=self._members[name], acls=refs)

    # --- a VPC and its subnets

    def _vpc(self, vpc: Vpc) -> None:
        dns = self._dns(vpc)
        ports = [self._subnet(subnet, dns) for subnet in vpc.subnets]
        nat: list[Ref] = []
        routes: list[Ref] = []
        if vpc.gateway:
            provider = self._providers[vpc.gateway.provider]
            ports.append(self._gateway(vpc, vpc.gateway, provider))
            routes.append(self._default_route(vpc, provider))
            nat += [self._snat(subnet, vpc.gateway) for subnet in vpc.subnets]
            nat += [self._floating(floating) for floating in vpc.floating]
        ids = tags("vpc", vpc.id, vpc.name)
        columns = {"ports": ports, "nat": nat, "static_routes": routes, "policies": [], "enabled": [True]}
        self._add("Logical_Router", vpc_router(vpc.id), ids, **columns)

    def _subnet(self, subnet: Subnet, dns: Ref) -> Ref:
        name, router_port = subnet_switch(subnet.id), subnet_router_port(subnet.id)
        dhcp = self._dhcp(subnet)
        uplink = self._router_side(f"lsp-{subnet.id}", router_port, tags("gateway", subnet.id, subnet.name))
        ports = [uplink, *(self._port(port, dhcp) for port in subnet.ports)]
        config = {"mcast_snoop": "false"}
        ids = tags("subnet", subnet.id, subnet.name)
        self._add("Logical_Switch", name, ids, ports=ports, acls=[], dns_records=[dns], other_config=config)
        network = f"{subnet.gateway}/{subnet.cidr.prefixlen}"
        return self._router_port(router_port, network, tags("gateway", subnet.id, subnet.name))

    def _router_port(self, name: str, network: str, ids: dict[str, str], chassis: Sequence[Ref] = ()) -> Ref:
        columns = {"mac": mac_of(name), "networks": [network], "enabled": [True], "gateway_chassis": list(chassis)}
        return self._add("Logical_Router_Port", name, ids, **columns)

    def _router_side(self, name: str, router_port: str, ids: dict[str, str], **options: str) -> Ref:
        """The switch's end of the cable to a router."""
        options = {"router-port": router_port, **options}
        return self._switch_port(name, ids, type="router", addresses=["router"], options=options)

    def _switch_port(self, name: str, ids: dict[str, str], **columns: object) -> Ref:
        common: Columns = {"type": "", "enabled": [True], "options": {}, "port_security": [], "dhcpv4_options": []}
        return self._add("Logical_Switch_Port", name, ids, **{**common, **columns})

    def _port(self, port: Port, dhcp: Ref) -> Ref:
        address = f"{port.mac} {port.address}"
        ids = tags("port", port.id, port.names[0] if port.names else "", owner=port.owner)
        columns = {"addresses": [address], "port_security": [address], "dhcpv4_options": [dhcp]}
        ref = self._switch_port(str(port.id), ids, **columns)
        for group in (DROP_GROUP, *map(port_group, port.groups)):
            self._members[group].append(ref)
        return ref

    def _dhcp(self, subnet: Subnet) -> Ref:
        options = {
            "server_id": str(subnet.gateway),
            "server_mac": gateway_mac(subnet.id),
            "router": str(subnet.gateway),
            "lease_time": str(LEASE_S),
            "mtu": str(self._topology.mtu),
        }
        if subnet.dns:
            options["dns_server"] = f"{{{', '.join(subnet.dns)}}}"
        if self._topology.domain:
            options["domain_name"] = f'"{self._topology.domain}"'
        ids = tags("subnet", subnet.id, subnet.name)
        return self._add("DHCP_Options", str(subnet.id), ids, cidr=str(subnet.cidr), options=options)

    # --- names

    def _dns(self, vpc: Vpc) -> Ref:
        """Names of all interfaces in the VPC; one that several have leads to all of them."""
        addresses: dict[str, set[IPv4Address]] = defaultdict(set)
        records: dict[str, str] = {}
        for port in (port for subnet in vpc.subnets for port in subnet.ports):
            names = [name for name in map(str.lower, port.names) if HOSTNAME.fullmatch(name)]
            for name in names:
                addresses[name].add(port.address)
            if names:
                records[port.address.reverse_pointer] = self._qualified(names[0])
        for name, known in addresses.items():
            records[name] = records[self._qualified(name)] = " ".join(map(str, sorted(known)))
        return self._add("DNS", str(vpc.id), tags("vpc", vpc.id, vpc.name), records=records)

    def _qualified(self, name: str) -> str:
        return f"{name}.{self._topology.domain}" if self._topology.domain else name

    # --- the way out

    def _provider(self, provider: Provider) -> None:
        name = external_switch(provider.id)
        ids = tags("external_network", provider.id, provider.name)
        tag = [] if provider.vlan is None else [provider.vlan]
        options = {"network_name": provider.physical_network}
        columns = {"type": "localnet", "addresses": ["unknown"], "options": options, "tag": tag}
        cable = self._switch_port(external_port(provider.id), ids, **columns)
        self._add("Logical_Switch", name, ids, ports=[cable, *self._uplinks[name]], acls=[])

    def _gateway(self, vpc: Vpc, gateway: Gateway, provider: Provider) -> Ref:
        name = external_router_port(vpc.id)
        chassis = [
            self._add(
                "Gateway_Chassis",
                f"{name}_{host}",
                tags("gateway_chassis", f"{vpc.id}_{host}", host),
                chassis_name=host,
                priority=BEST_CHASSIS - place,
            )
            for place, host in enumerate(gateway.chassis)
        ]
        ids = tags("vpc_gateway", vpc.id, vpc.name)
        # Tell the network outside whenever addresses move; of load balancers, of which we have none, say nothing.
        announce = {"nat-addresses": "router", "exclude-lb-vips-from-garp": "true"}
        self._uplinks[external_switch(provider.id)].append(
            self._router_side(f"lsp-ext-{vpc.id}", name, ids, **announce)
        )
        return self._router_port(name, f"{gateway.address}/{provider.cidr.prefixlen}", ids, chassis)

    def _default_route(self, vpc: Vpc, provider: Provider) -> Ref:
        columns = {
            "ip_prefix": "0.0.0.0/0",
            "nexthop": str(provider.gateway),
            "output_port": [external_router_port(vpc.id)],
        }
        return self._add("Logical_Router_Static_Route", str(vpc.id), tags("vpc", vpc.id, vpc.name), **columns)

    def _snat(self, subnet: Subnet, gateway: Gateway) -> Ref:
        columns = {"external_ip": str(gateway.address), "logical_ip": str(subnet.cidr)}
        return self._nat("snat", str(subnet.id), tags("subnet", subnet.id, subnet.name), **columns)

    def _floating(self, floating: Floating) -> Ref:
        """On the host of its interface, with a MAC address of its own: nothing detours through a gateway."""
        columns = {
            "external_ip": str(floating.public),
            "logical_ip": str(floating.private),
            "logical_port": [str(floating.port)],
            "external_mac": [floating_mac(floating.id)],
        }
        ids = tags("floating_ip", floating.id, str(floating.public))
        return self._nat("dnat_and_snat", str(floating.id), ids, **columns)

    def _nat(self, kind: str, key: str, ids: dict[str, str], **columns: object) -> Ref:
        common: Columns = {"type": kind, "logical_port": [], "external_mac": []}
        return self._add("NAT", key, ids, **{**common, **columns})
