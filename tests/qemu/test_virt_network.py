"""Network cards of the domain against real OVN: two guests on two hosts; what they reach is what counts.

The logical network is made by hand here, so that only the cards, the lab and the tiny guest are tried.
"""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest

from cloudia.virt import DomainSpec, NicSpec
from cloudia.virt.designer import design
from cloudia.virt.xml.domain import Domain, Interface
from tests.qemu.guests import BOOT_S, eventually, gateway_to, tiny_pool, tiny_spec
from tests.qemu.lab import Lab, LabHost

SUBNET, GATEWAY = "10.9.0.0/24", "10.9.0.1"
LEASE_S = 5.0  # issue 3: an address within 5 s of boot
MTU = 1442  # of the lab's cables, less what Geneve takes
STREAM_BYTES = 1_000_000


@dataclass(frozen=True)
class Guest:
    """A guest, and what its network was told about it."""

    host: LabHost
    spec: DomainSpec
    address: str

    @property
    def nic(self) -> NicSpec:
        """Its only card."""
        return self.spec.nics[0]

    def say(self, command: str) -> str:
        """What a command says in the guest. Raises CalledProcessError."""
        return self.host.guest(self.spec.name, command)

    def serve(self, port: int, command: str) -> None:
        """Start a server in the background, and wait until it listens."""
        self.say(f"({command} &); until netstat -lntu | grep -q ':{port} '; do usleep 50000; done")

    def reaches(self, address: str) -> bool:
        """Whether somebody answers its ping."""
        return ", 0% packet loss" in self.say(f"ping -c 2 -W 2 {address} || true")


@pytest.fixture(scope="module")
def switch(lab: Lab) -> Iterator[str]:
    """A logical switch with DHCP, behind a router; its name."""
    name = f"by-hand-{uuid4().hex[:8]}"
    lab.nbctl(
        *("ls-add", name, "--", "lr-add", f"{name}-router"),
        *("--", "lrp-add", f"{name}-router", f"{name}-up", "0a:00:00:00:00:01", f"{GATEWAY}/24"),
        *("--", "lsp-add", name, f"{name}-down", "--", "lsp-set-type", f"{name}-down", "router"),
        *("--", "lsp-set-addresses", f"{name}-down", "router"),
        *("--", "lsp-set-options", f"{name}-down", f"router-port={name}-up"),
    )
    yield name
    lab.nbctl("lr-del", f"{name}-router", "--", "ls-del", name)


@pytest.fixture(scope="module")
def dhcp(lab: Lab) -> Iterator[str]:
    """DHCP options of the subnet; their row."""
    row = lab.nbctl("create", "DHCP_Options", f"cidr={SUBNET}")
    options = [f"server_id={GATEWAY}", "server_mac=0a:00:00:00:00:01", f"router={GATEWAY}", "lease_time=3600"]
    lab.nbctl("dhcp-options-set-options", row, *options, 'domain_name="lab.test"', "dns_server=192.0.2.53")
    yield row
    lab.nbctl("dhcp-options-del", row)


def add_port(lab: Lab, switch: str, dhcp: str, nic: NicSpec, address: str) -> None:
    place, port = f"{nic.mac} {address}", str(nic.id)
    lab.nbctl(
        *("lsp-add", switch, port, "--", "lsp-set-addresses", port, place, "--", "lsp-set-port-security", port, place),
        *("--", "lsp-set-dhcpv4-options", port, dhcp),
    )


def card(number: int) -> NicSpec:
    return NicSpec(uuid4(), f"52:54:00:09:00:{number:02x}", MTU, offloads=False)


def virsh(guest: Guest, *words: str) -> str:
    return subprocess.check_output(["virsh", "-q", "-c", guest.host.uri, *words], text=True)


def cards(guest: Guest) -> list[Interface]:
    """What libvirt says it runs with."""
    return list(Domain.parse(virsh(guest, "dumpxml", guest.spec.name)).interfaces)


@pytest.fixture(scope="module")
def guests(lab: Lab, lab_hosts: list[LabHost], switch: str, dhcp: str, tiny_image: Path) -> Iterator[list[Guest]]:
    """A guest with one card on each host, both up and with an address."""
    with ExitStack() as stack:
        guests = []
        for number, host in enumerate(lab_hosts, start=11):
            gateway = stack.enter_context(gateway_to(host))
            pool = stack.enter_context(tiny_pool(gateway, host, tiny_image))
            spec = replace(stack.enter_context(tiny_spec(gateway, pool)), nics=(card(number),))
            guests.append(Guest(host, spec, f"10.9.0.{number}"))
            add_port(lab, switch, dhcp, spec.nics[0], guests[-1].address)
            gateway.domains.define(spec)
            gateway.domains.start(spec.uuid)
        for guest in guests:
            guest.host.wait_for_serial(guest.spec.name, "TINY-READY", BOOT_S)
            guest.host.wait_for_serial(guest.spec.name, f"eth0 dhcp {guest.address} ", LEASE_S)
        yield guests


def test_guest_has_its_address_within_seconds_of_its_card(guests: list[Guest]) -> None:
    for guest in guests:
        log = guest.host.serial_log(guest.spec.name)
        seconds = re.search(r"eth0 up after ([\d.]+) s.*eth0 dhcp \S+ after ([\d.]+) s", log, re.DOTALL)
        assert seconds, log
        assert float(seconds[2]) - float(seconds[1]) < LEASE_S


def test_guest_takes_gateway_names_and_mtu_from_dhcp_and_card(guests: list[Guest]) -> None:
    guest = guests[0]
    assert f"inet {guest.address}/24" in guest.say("ip addr show eth0")
    assert f"default via {GATEWAY} dev eth0" in guest.say("ip route")
    assert guest.say("cat /etc/resolv.conf").splitlines() == ["search lab.test", "nameserver 192.0.2.53"]
    assert guest.say("cat /sys/class/net/eth0/address /sys/class/net/eth0/mtu").split() == [guest.nic.mac, str(MTU)]


def test_libvirt_runs_the_card_that_was_designed(guests: list[Guest]) -> None:
    for guest in guests:
        (interface,) = cards(guest)
        assert (interface.port, interface.mac, interface.mtu) == (str(guest.nic.id), guest.nic.mac, MTU)
        assert (interface.bridge, interface.switch, interface.model) == ("br-int", "openvswitch", "virtio")
        assert (interface.host_csum, interface.guest_tso4) == ("off", "off")
        assert interface.alias == f"ua-nic-{guest.nic.id}"


def test_ovn_finds_every_card_on_its_host(lab: Lab, guests: list[Guest]) -> None:
    for guest in guests:
        chassis = lab.sbctl("--bare", "--columns=chassis", "find", "Port_Binding", f"logical_port={guest.nic.id}")
        assert lab.sbctl("get", "Chassis", chassis, "hostname") == guest.host.name


def test_guests_on_two_hosts_reach_each_other_and_the_gateway(guests: list[Guest]) -> None:
    first, second = guests
    assert first.reaches(second.address)
    assert second.reaches(first.address)
    assert first.reaches(GATEWAY)
    assert not first.reaches("10.9.0.99")


def test_stream_between_hosts_arrives_whole(guests: list[Guest]) -> None:
    sender, receiver = guests
    receiver.serve(7001, "nc.openbsd -d -l 7001 >/tmp/stream")
    sender.say(f"head -c {STREAM_BYTES} /dev/zero | nc.openbsd -N -w 10 {receiver.address} 7001")
    assert receiver.say("wc -c </tmp/stream") == str(STREAM_BYTES)


def test_datagram_between_hosts_arrives(guests: list[Guest]) -> None:
    sender, receiver = guests
    receiver.serve(7002, "nc.openbsd -d -l -u 7002 >/tmp/datagram")
    sender.say(f"echo over there | nc.openbsd -u -w 1 {receiver.address} 7002")
    assert receiver.say("cat /tmp/datagram") == "over there"


def test_card_that_is_plugged_in_gets_its_address_and_leaves_with_it(
    lab: Lab, guests: list[Guest], switch: str, dhcp: str, tmp_path: Path
) -> None:
    guest, nic, address = guests[0], card(31), "10.9.0.31"
    add_port(lab, switch, dhcp, nic, address)
    (plugged,) = design(replace(guest.spec, nics=(nic,))).interfaces
    xml = tmp_path / "card.xml"
    xml.write_text(str(plugged))
    virsh(guest, "attach-device", guest.spec.name, str(xml), "--live")
    guest.host.wait_for_serial(guest.spec.name, f"eth1 dhcp {address} ", LEASE_S * 2)
    assert guest.say("ip route show default").splitlines()[0].split()[:5] == ["default", "via", GATEWAY, "dev", "eth0"]
    virsh(guest, "detach-device-alias", guest.spec.name, f"ua-nic-{nic.id}", "--live")
    guest.host.wait_for_serial(guest.spec.name, "remove net eth1", LEASE_S)
    only_card = [str(guest.nic.id)]
    assert eventually(lambda: [card.port for card in cards(guest)] == only_card, LEASE_S), "libvirt hears of it later"
    assert "eth1" not in guest.say("ip addr; ps")


@pytest.fixture(scope="module")
def floating(lab: Lab, guests: list[Guest], switch: str) -> Iterator[str]:
    """An address of the external network that leads to the first guest, on that guest's own host."""
    router, outside, guest = f"{switch}-router", f"{switch}-outside", guests[0]
    address = f"{lab.external_network}.241"
    lab.nbctl(
        *("ls-add", outside, "--", "lsp-add", outside, f"{outside}-cable"),
        *("--", "lsp-set-type", f"{outside}-cable", "localnet"),
        *("--", "lsp-set-addresses", f"{outside}-cable", "unknown"),
        *("--", "lsp-set-options", f"{outside}-cable", "network_name=public"),
        *("--", "lrp-add", router, f"{outside}-up", "0a:00:00:00:00:02", f"{lab.external_network}.240/24"),
        *("--", "lsp-add", outside, f"{outside}-down", "--", "lsp-set-type", f"{outside}-down", "router"),
        *("--", "lsp-set-addresses", f"{outside}-down", "router"),
        *("--", "lsp-set-options", f"{outside}-down", f"router-port={outside}-up"),
        *("--", "lrp-set-gateway-chassis", f"{outside}-up", guests[1].host.name),
        *("--", "lr-route-add", router, "0.0.0.0/0", f"{lab.external_network}.1"),
        *("--", "lr-nat-add", router, "dnat_and_snat", address, guest.address, str(guest.nic.id), "0a:00:00:00:00:03"),
    )
    lab.nbctl("--wait=hv", "sync")
    yield address
    lab.nbctl("ls-del", outside)


def test_computer_reaches_a_floating_address(guests: list[Guest], floating: str) -> None:
    guests[0].serve(7003, "echo hello | nc -l -p 7003 >/dev/null")
    with socket.create_connection((floating, 7003), timeout=5) as stream:
        assert stream.recv(64) == b"hello\n"


def test_guest_reaches_the_computer_through_the_gateway(lab: Lab, guests: list[Guest], floating: str) -> None:
    assert guests[0].reaches(f"{lab.external_network}.1")
