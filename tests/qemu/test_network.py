"""Networks as guests see them: real packets between real guests on two hosts."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloudia.accounts.actor import shell_actor
from instances.models import Instance
from instances.services import instance_create
from instances.wishes import Compute, InstanceWish
from networking.enums import Direction, Protocol
from networking.models import VPC, HostNetwork, NetworkInterface, SecurityGroup, Subnet, Trace
from networking.selectors import wished_topology
from networking.services import floating, groups
from networking.services.external import external_network_create
from networking.services.groups import group_set_rules
from networking.services.interfaces import InterfaceWish
from networking.services.rules import RuleWish
from networking.services.subnets import subnet_create
from networking.services.traces import trace_create
from networking.services.vpcs import vpc_create
from networking.sync import drift, ensure_effect, synchronise
from networking.watch import NetworkDuty, record_hosts
from tests.qemu.lab import Lab, LabHost
from tests.qemu.site import MEMORY_MIB, Site, finish, make_site

pytestmark = pytest.mark.django_db(transaction=True)

BOOT_S = 240  # emulated, beside others that boot; alone it takes 10
LEASE_S = 5.0  # from the guest's first look at its card to its address


@dataclass
class Guest:
    """An instance, and its serial console."""

    lab_host: LabHost
    instance: Instance

    @property
    def nic(self) -> NetworkInterface:
        """Its primary interface."""
        return self.instance.nics[0]

    @property
    def address(self) -> str:
        """The address that the page shows."""
        return self.nic.address

    def run(self, command: str) -> str:
        """What a command says in the guest. Raises CalledProcessError."""
        return self.lab_host.guest(self.instance.short_id, command)

    def can(self, command: str) -> bool:
        """Whether a command succeeds in the guest."""
        try:
            self.run(command)
        except subprocess.CalledProcessError:
            return False
        return True

    def reaches(self, address: str, port: int | None = None) -> bool:
        """By ping, or by a TCP connection that is answered."""
        if port is None:
            return self.can(f"ping -c 2 -W 2 {address}")
        return self.can(f"echo | nc -w 3 {address} {port} | grep -q hello")

    def listen(self, port: int) -> None:
        """Say hello to everybody who connects, from now on."""
        self.run(f"(while :; do echo hello | nc -l -p {port}; done) >/dev/null 2>&1 & true")

    def wait_until_up(self) -> None:
        """It has booted."""
        self.lab_host.wait_for_serial(self.instance.short_id, "TINY-READY", BOOT_S)

    @property
    def lease_s(self) -> float:
        """Seconds between bringing its card up and having its address, by its own clock."""
        said = self.lab_host.serial_log(self.instance.short_id)
        found = re.search(r"eth0 up after ([0-9.]+) s.*eth0 dhcp \S+ after ([0-9.]+) s", said, re.DOTALL)
        assert found, said
        return float(found[2]) - float(found[1])


@dataclass
class Net:
    """Two hosts, and a VPC with a way out."""

    sites: list[Site]
    lab: Lab
    vpc: VPC
    subnet: Subnet

    @property
    def site(self) -> Site:
        """The first host's."""
        return self.sites[0]

    def ask(self, number: int, name: str, *security_groups: SecurityGroup, subnet: Subnet | None = None) -> Guest:
        """A guest on host ``number`` that is about to boot."""
        site = self.sites[number]
        wish = InstanceWish(
            name=name,
            image=site.image,
            compute=Compute.by_hand(1, MEMORY_MIB),
            interfaces=(InterfaceWish(subnet=subnet or self.subnet, security_groups=security_groups),),
        )
        job = finish(instance_create(actor=site.actor, project=site.project, wish=wish))
        assert job.status == "succeeded", job.error_texts
        return Guest(site.lab_host, Instance.objects.for_display().get(pk=job.target_id))

    def group(self, name: str, *rules: RuleWish) -> SecurityGroup:
        """A group with these rules, beside letting everything out."""
        group = groups.group_create(actor=self.site.actor, project=self.site.project, name=name)
        return group_set_rules(actor=self.site.actor, group=group, rules=[*groups.outbound_all(), *rules])

    def nbctl(self, *words: str) -> str:
        """What ovn-nbctl says: the independent witness."""
        return self.lab.run("exec", "central", "ovn-nbctl", *words).strip()

    def set_rules(self, group: SecurityGroup, *rules: RuleWish) -> None:
        """Give a group these rules, beside letting everything out, and wait for their effect."""
        group_set_rules(actor=self.site.actor, group=group, rules=[*groups.outbound_all(), *rules])
        ensure_effect()

    def trace(self, source: Guest, destination: Guest, port: int) -> tuple[str, str]:
        """Where a TCP packet comes out, and what decided about it where it comes in."""
        job = finish(
            trace_create(
                actor=self.site.actor, source=source.nic, destination=destination.nic, protocol="tcp", port=port
            )
        )
        answer = Trace.objects.get(pk=job.target_id).answer
        return answer["delivered_to"], answer["acls"]["in"]

    def ports(self) -> set[str]:
        """Names of all logical switch ports there are."""
        return set(self.nbctl("--columns=name", "--bare", "list", "Logical_Switch_Port").split())

    def outside_reaches(self, address: str, port: int) -> bool:
        """Whether the computer outside of the hosts gets an answer."""
        command = f"exec 3<>/dev/tcp/{address}/{port}; grep -q hello <&3"
        return subprocess.run(["timeout", "5", "bash", "-c", command], capture_output=True).returncode == 0


def tcp(port: int, peer: str | SecurityGroup = "0.0.0.0/0") -> RuleWish:
    """In, to a TCP port."""
    return _inbound(Protocol.TCP, peer, port)


def ping(peer: str | SecurityGroup = "0.0.0.0/0") -> RuleWish:
    """In, ICMP."""
    return _inbound(Protocol.ICMP, peer, None)


def _inbound(protocol: Protocol, peer: str | SecurityGroup, port: int | None) -> RuleWish:
    group = peer if isinstance(peer, SecurityGroup) else None
    cidr = peer if isinstance(peer, str) else None
    return RuleWish(direction=Direction.IN, protocol=protocol, port_min=port, cidr=cidr, group=group)


def soon(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether something becomes so."""
    deadline = time.monotonic() + seconds
    while not (so := condition()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return so


@contextmanager
def watching() -> Iterator[None]:
    """The watcher's part in networks is at work."""
    duty = NetworkDuty()
    duty.start()
    try:
        yield
    finally:
        duty.stop()
        duty.join(15)


@pytest.fixture
def net(lab: Lab, lab_hosts: list[LabHost], tiny_image: Path) -> Iterator[Net]:
    """Removed at the end."""
    first = make_site(lab_hosts[0], tiny_image)
    sites = [first, make_site(lab_hosts[1], tiny_image, beside=first)]
    external = lab.external_network
    external_network_create(
        actor=shell_actor(), name="public", cidr=f"{external}.0/24", first_address=f"{external}.50", is_default=True
    )
    vpc = vpc_create(actor=first.actor, project=first.project, name="shop")
    subnet = subnet_create(actor=first.actor, vpc=vpc, name="app", cidr="10.20.1.0/24")
    record_hosts()
    synchronise()
    yield Net(sites, lab, vpc, subnet)
    for site in sites:
        site.clean()


def test_guests_get_what_the_page_says_and_reach_what_the_rules_say(net: Net) -> None:
    """One boot of two guests, since that is what takes time: addresses, rules, names, floating IPs."""
    web, db = net.group("web", ping(), tcp(80)), net.group("db")
    net.set_rules(db, tcp(5432, web))
    front, back = net.ask(0, "front", web), net.ask(1, "back", db)
    for guest in (front, back):
        guest.wait_until_up()
    for guest in (front, back):
        assert_page_guest_and_ovn_agree(net, guest)
    record_hosts()
    assert set(NetworkInterface.objects.filter(is_up=True)) == {front.nic, back.nic}
    assert_rules_decide(net, front, back, web)
    assert_names_are_known(front, back)
    assert_changed_rules_act_on_running_guests(net, front, back, web)
    assert_floating_ip_follows(net, front, back, web, db)


def assert_page_guest_and_ovn_agree(net: Net, guest: Guest) -> None:
    """Address, MAC and MTU; and the address was there soon."""
    assert guest.lease_s < LEASE_S
    assert f"{guest.address}/24" in guest.run("ip -4 addr show dev eth0")
    assert guest.nic.mac in guest.run("ip link show dev eth0")
    assert "mtu 1442" in guest.run("ip link show dev eth0")
    assert net.nbctl("lsp-get-addresses", str(guest.nic.pk)) == f"{guest.nic.mac} {guest.address}"


def assert_rules_decide(net: Net, front: Guest, back: Guest, web: SecurityGroup) -> None:
    """What they let in comes in and nothing else; the trace names the rule."""
    assert back.reaches(front.address)  # ping is let in there ...
    assert not front.reaches(back.address)  # ... and not here
    for port in (80, 81):
        front.listen(port)
    back.listen(5432)
    assert back.reaches(front.address, 80)
    assert not back.reaches(front.address, 81)
    opened = web.rules.get(port_min=80)
    assert net.trace(back, front, 80) == (str(front.nic.pk), str(opened.pk))
    assert net.trace(back, front, 81) == ("", "drop-in")
    assert front.reaches(back.address, 5432)  # as a member of the group that the rule names


def assert_names_are_known(front: Guest, back: Guest) -> None:
    """The guest's resolver asks outside; OVN answers."""
    for name in ("back", back.instance.short_id):
        assert f"Address: {back.address}" in front.run(f"nslookup {name}.internal")
    assert "search internal" in front.run("cat /etc/resolv.conf")


def assert_changed_rules_act_on_running_guests(net: Net, front: Guest, back: Guest, web: SecurityGroup) -> None:
    """Closed, then open again."""
    net.set_rules(web)
    assert soon(lambda: not back.reaches(front.address, 80))
    net.set_rules(web, tcp(80), ping())
    assert soon(lambda: back.reaches(front.address, 80))


def assert_floating_ip_follows(net: Net, front: Guest, back: Guest, web: SecurityGroup, db: SecurityGroup) -> None:
    """From one guest to the other, on the other host, without a restart of either."""
    actor, guests = net.site.actor, (front, back)
    booted = [guest.run("cat /proc/sys/kernel/random/boot_id") for guest in guests]
    public = floating.floating_allocate(actor=actor, project=net.site.project)
    floating.floating_associate(actor=actor, floating_ip=public, interface=front.nic)
    ensure_effect()
    assert soon(lambda: net.outside_reaches(public.address, 80))
    back.listen(80)
    net.set_rules(db, tcp(80))
    net.set_rules(web)  # so that only the other one can answer
    assert soon(lambda: not net.outside_reaches(public.address, 80))
    floating.floating_associate(actor=actor, floating_ip=public, interface=back.nic)
    ensure_effect()
    assert soon(lambda: net.outside_reaches(public.address, 80))
    assert booted == [guest.run("cat /proc/sys/kernel/random/boot_id") for guest in guests]


def test_equal_addresses_in_two_vpcs_are_two_machines(net: Net) -> None:
    everything = net.group("open", RuleWish(direction=Direction.IN, protocol=Protocol.ANY, cidr="0.0.0.0/0"))
    twin = vpc_create(actor=net.site.actor, project=net.site.project, name="twin")
    other = subnet_create(actor=net.site.actor, vpc=twin, name="app", cidr="10.20.1.0/24")
    mine, neighbour = net.ask(0, "mine", everything), net.ask(1, "neighbour", everything)
    alone = net.ask(0, "alone", everything, subnet=other)
    assert mine.address == alone.address == "10.20.1.2"
    for guest in (mine, neighbour, alone):
        guest.wait_until_up()
    assert neighbour.reaches(mine.address)
    assert alone.reaches("10.20.1.1")  # its own gateway answers ...
    assert not alone.reaches(neighbour.address)  # ... and nobody else: it has no such neighbour


def test_another_host_takes_over_the_way_out_of_a_dead_one(net: Net) -> None:
    (way_out,) = (vpc.gateway for vpc in wished_topology().vpcs if vpc.gateway)
    gateway, *_standby = way_out.chassis
    dead, alive = sorted(net.sites, key=lambda site: site.lab_host.name != gateway)
    guest = net.ask(net.sites.index(alive), "talker", net.group("none"))
    guest.wait_until_up()
    outside = f"{net.lab.external_network}.1"
    with watching():
        assert soon(lambda: guest.reaches(outside))
        dead.lab_host.crash()
        try:
            assert soon(lambda: not guest.reaches(outside), 5)
            assert soon(lambda: guest.reaches(outside), 60)
            assert not HostNetwork.objects.get(chassis=gateway).answers
        finally:
            dead.lab_host.restart()
            assert soon(lambda: HostNetwork.objects.get(chassis=gateway).answers, 60)


def test_lost_northbound_database_is_rebuilt_while_guests_keep_talking(net: Net) -> None:
    everything = net.group("open", ping())
    left, right = net.ask(0, "left", everything), net.ask(1, "right", everything)
    for guest in (left, right):
        guest.wait_until_up()
    before = net.ports()
    with watching():
        assert soon(lambda: not drift())
        left.run(f"ping -i 1 -c 20 {right.address} >/tmp/ping 2>&1 & true")
        wipe_northbound(net.lab)
        assert soon(lambda: bool(net.nbctl("find", "Logical_Switch_Port", f"name={left.nic.pk}")), 30)
        assert soon(lambda: left.can("grep -q 'packets transmitted' /tmp/ping"), 60)
    assert net.ports() == before
    lost = re.search(r"(\d+)% packet loss", left.run("cat /tmp/ping"))
    assert lost, left.run("cat /tmp/ping")
    assert int(lost[1]) <= 20
    assert drift() == []


def wipe_northbound(lab: Lab) -> None:
    """As if the file had been lost: the server starts again with an empty database."""
    script = """
        kill $(cat /run/ovn/ovnnb_db.pid); while [ -e /run/ovn/ovnnb_db.pid ]; do sleep 0.1; done
        rm -f /var/lib/ovn/ovnnb.db
        ovsdb-tool create /var/lib/ovn/ovnnb.db /usr/share/ovn/ovn-nb.ovsschema
        ovsdb-server --detach --no-chdir --pidfile=/run/ovn/ovnnb_db.pid --log-file=/var/log/ovn/nb.log -vconsole:off \
          --unixctl=/run/ovn/ovnnb_db.ctl --remote=punix:/run/ovn/ovnnb_db.sock --remote=ptcp:6641:0.0.0.0 \
          /var/lib/ovn/ovnnb.db
        ovn-nbctl init
    """
    lab.run("exec", "central", "bash", "-ec", script)
