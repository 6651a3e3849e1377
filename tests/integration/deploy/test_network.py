"""Open vSwitch and OVN as ``make run`` starts them, each time on a machine of its own: one made of namespaces."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from deploy import account

ROOT = Path(__file__).parents[3]
HIDDEN = ("/run", "/etc/openvswitch", "/var/lib/openvswitch", "/var/lib/ovn", "/var/log")
# Process 1: it collects the dead, as ovs-vsctl and the scripts expect of an init.
BOOT = f"""
for folder in {" ".join(HIDDEN)}; do mount -t tmpfs tmpfs $folder || exit 1; done
hostname box && ip link set lo up && echo ready
while :; do sleep 1000 & wait $!; done
"""
ENSURE = """
import sys, time
from deploy import network
from deploy.config import Config
from deploy.errors import StartError
start = time.monotonic()
try:
    network.ensure(Config.from_environment())
except StartError as error:
    sys.exit(str(error))
print(time.monotonic() - start)
"""
START = ("/usr/bin/python3", "-c", ENSURE)
NORTHBOUND, SOUTHBOUND = "unix:/var/run/ovn/ovnnb_db.sock", "unix:/var/run/ovn/ovnsb_db.sock"
AS_CLOUDIA = ("runuser", "-u", "cloudia", "--")
PATIENCE = 15  # seconds; ovs-vswitchd is back after 1.5

pytestmark = pytest.mark.slow


class Machine:
    """Shares this computer's kernel and packages, and nothing that runs or listens."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def run(
        self, *command: str, check: bool = True, env: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.CompletedProcess[str]:
        inside = ["nsenter", "--all", "--target", str(self.pid), f"--wd={ROOT}", "--", *command]
        own = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDIA_")} | dict(env)
        answer = subprocess.run(inside, env=own, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert not check or answer.returncode == 0, answer
        return answer

    def says(self, *command: str) -> str:
        return self.run(*command).stdout.strip()

    def ensure(self, **settings: str) -> float:
        """Seconds that it took."""
        return float(self.run(*START, env=settings).stdout)

    def refusal(self, **settings: str) -> str:
        answer = self.run(*START, check=False, env=settings)
        assert answer.returncode == 1, answer
        (line,) = answer.stderr.splitlines()
        return line

    def abort(self, daemon: str) -> None:
        """Let a daemon die of its own fault, and wait until its monitor has brought it back."""
        pid = self.says("cat", f"/run/{daemon}.pid")
        self.run("kill", "-ABRT", pid)
        wait_for(lambda: self.run("cat", f"/run/{daemon}.pid", check=False).stdout.strip() not in {"", pid})

    def kill(self, daemon: str) -> None:
        """And its monitor."""
        pid = self.says("cat", f"/run/{daemon}.pid")
        self.run("kill", "-KILL", self.says("ps", "-o", "ppid=", "-p", pid), pid)
        wait_for(lambda: not self.run("ps", "-p", pid, check=False).stdout.count(pid))

    def state(self) -> str:
        """All that ``ensure`` may change."""
        databases = ("unix:/run/openvswitch/db.sock", NORTHBOUND)
        dumps = [self.says("ovsdb-client", "dump", database) for database in databases]
        rest = (("nft", "list", "ruleset"), ("ip", "address"), ("getfacl", "-R", "/run/ovn"))
        return "\n".join([*dumps, *(self.says(*command) for command in rest), *sorted(self.daemons())])

    def daemons(self) -> set[str]:
        """Process ids and names."""
        return {line for line in self.says("ps", "-eo", "pid,comm").splitlines() if "ov" in line}


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine on which nothing runs yet. Ends with all that runs on it."""
    account.ensure()
    namespaces = ("--net", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc")
    with subprocess.Popen(["unshare", *namespaces, "bash", "-c", BOOT], stdout=subprocess.PIPE, text=True) as unshare:
        try:
            assert unshare.stdout is not None
            assert unshare.stdout.readline() == "ready\n"
            (child,) = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text().split()
            yield Machine(int(child))
        finally:
            unshare.kill()


def wait_for(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.1)


def external_ids(machine: Machine) -> dict[str, str]:
    """What ovn-controller reads."""
    row = json.loads(machine.says("ovs-vsctl", "--format=json", "--columns=external_ids", "list", "Open_vSwitch"))
    return dict(row["data"][0][0][1])


def addresses(machine: Machine, nic: str) -> list[str]:
    (found,) = json.loads(machine.says("ip", "-json", "address", "show", nic))
    return [f"{each['local']}/{each['prefixlen']}" for each in found["addr_info"] if each["family"] == "inet"]


def test_machine_becomes_a_chassis_of_its_own_ovn(machine: Machine) -> None:
    machine.ensure()
    ids = external_ids(machine)
    assert {name: value for name, value in ids.items() if name not in {"rundir", "ovn-bridge-datapath-type"}} == {
        "system-id": "box",
        "hostname": "box",
        "ovn-remote": "unix:/run/ovn/ovnsb_db.sock",
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": "127.0.0.1",
        "ovn-bridge-mappings": "public:br-ex",
    }
    machine.run("ovn-sbctl", "--timeout=15", "wait-until", "chassis", "box", "hostname=box")
    assert machine.says("ovs-vsctl", "list-br").split() == ["br-ex", "br-int"]


def test_packets_are_switched_in_userspace_only_without_the_kernel_module(machine: Machine) -> None:
    machine.ensure()
    kernel = Path("/sys/module/openvswitch").exists()
    assert external_ids(machine).get("ovn-bridge-datapath-type") == (None if kernel else "netdev")
    for bridge in ("br-int", "br-ex"):
        assert machine.says("ovs-vsctl", "get", "bridge", bridge, "datapath_type") == ('""' if kernel else "netdev")


def test_second_start_changes_nothing_and_is_quick(machine: Machine) -> None:
    machine.ensure()
    machine.run("ovn-sbctl", "--timeout=15", "wait-until", "chassis", "box")
    before = machine.state()
    assert machine.ensure() < 1
    assert machine.state() == before


def test_user_cloudia_uses_both_databases_and_nobody_else_does(machine: Machine) -> None:
    machine.ensure()
    machine.run(*AS_CLOUDIA, "ovn-nbctl", f"--db={NORTHBOUND}", "ls-add", "made-by-cloudia")
    assert "made-by-cloudia" in machine.says(*AS_CLOUDIA, "ovn-nbctl", f"--db={NORTHBOUND}", "ls-list")
    machine.run(*AS_CLOUDIA, "ovn-sbctl", f"--db={SOUTHBOUND}", "show")
    for program, database in (("ovn-nbctl", NORTHBOUND), ("ovn-sbctl", SOUTHBOUND)):
        stranger = ("runuser", "-u", "nobody", "--", program, f"--db={database}", "show")
        assert "Permission denied" in machine.run(*stranger, check=False).stderr


@pytest.mark.parametrize("how", ["crash", "restart"])
def test_user_cloudia_keeps_its_access_when_a_database_starts_again(machine: Machine, how: str) -> None:
    machine.ensure()
    if how == "crash":
        machine.abort("ovn/ovnnb_db")
    else:  # gives the whole folder back to root
        machine.run("sh", "-c", "umask 007; /usr/share/ovn/scripts/ovn-ctl restart_sb_ovsdb")
    for program, database in (("ovn-nbctl", NORTHBOUND), ("ovn-sbctl", SOUTHBOUND)):
        machine.run(*AS_CLOUDIA, program, f"--timeout={PATIENCE}", f"--db={database}", "show")


def test_aborted_vswitchd_is_back_by_itself(machine: Machine) -> None:
    machine.ensure()
    machine.abort("openvswitch/ovs-vswitchd")
    assert "br-int" in machine.says("ovs-vsctl", f"--timeout={PATIENCE}", "list-br")
    assert addresses(machine, "br-ex") == ["198.51.100.1/24"]


@pytest.mark.parametrize("daemon", ["openvswitch/ovs-vswitchd", "ovn/ovnnb_db", "ovn/ovn-northd", "ovn/ovn-controller"])
def test_start_brings_back_what_was_killed_with_its_monitor(machine: Machine, daemon: str) -> None:
    machine.ensure()
    all_daemons = machine.daemons()
    machine.kill(daemon)
    left = machine.daemons()
    machine.ensure()
    now = machine.daemons()
    assert left < now, "what ran still does"
    assert len(now) == len(all_daemons)


def test_what_an_operator_has_set_stays(machine: Machine) -> None:
    theirs = {"ovn-remote": "ssl:192.0.2.9:6642", "ovn-encap-ip": "192.0.2.1", "ovn-bridge-mappings": "public:br-ex"}
    script = "/usr/share/openvswitch/scripts/ovs-ctl"
    machine.run(script, "--system-id=theirs", "--no-record-hostname", "--no-ovs-vswitchd", "start")
    pairs = [f'external_ids:{name}="{value}"' for name, value in theirs.items()]
    machine.run("ovs-vsctl", "--no-wait", "set", "Open_vSwitch", ".", *pairs)
    server = machine.says("cat", "/run/openvswitch/ovsdb-server.pid")
    machine.ensure()
    ids = external_ids(machine)
    assert {name: ids[name] for name in theirs} == theirs
    assert ids["system-id"] == "theirs"
    assert machine.says("cat", "/run/openvswitch/ovsdb-server.pid") == server


def test_bridge_that_somebody_else_made_is_left_alone(machine: Machine) -> None:
    machine.ensure()
    machine.run("ovs-vsctl", "br-set-external-id", "br-ex", "cloudia:kind")
    machine.run("ip", "address", "flush", "dev", "br-ex")
    machine.ensure()
    assert addresses(machine, "br-ex") == []


def test_physical_network_elsewhere_needs_no_bridge_of_ours(machine: Machine) -> None:
    machine.ensure()
    machine.run("ovs-vsctl", "del-br", "br-ex")
    machine.run("ovs-vsctl", "set", "Open_vSwitch", ".", "external_ids:ovn-bridge-mappings=public:br-rack")
    machine.ensure()
    assert machine.says("ovs-vsctl", "list-br") == "br-int"


def test_external_network_follows_its_setting(machine: Machine) -> None:
    machine.ensure()
    machine.ensure(CLOUDIA_EXTERNAL_CIDR="198.18.5.0/26")
    assert addresses(machine, "br-ex") == ["198.18.5.1/26"]
    assert "ip saddr 198.18.5.0/26" in machine.says("nft", "list", "table", "ip", "cloudia")
    assert "198.51.100" not in machine.says("nft", "list", "ruleset")


@pytest.mark.parametrize(
    ("taken", "named"),
    [("198.51.100.7/32", "198.51.100.7/32 on lo"), ("198.51.0.1/16", "198.51.0.0/16 on lo")],
)
def test_network_that_is_in_use_is_refused_before_anything_is_started(machine: Machine, taken: str, named: str) -> None:
    machine.run("ip", "address", "add", taken, "dev", "lo")
    assert machine.refusal() == (
        f"the external network 198.51.100.0/24 overlaps {named}: set CLOUDIA_EXTERNAL_CIDR to one that is free, "
        "or CLOUDIA_NETWORK=off."
    )
    assert machine.daemons() == set()


def test_route_through_another_nic_is_refused_and_a_default_route_is_not(machine: Machine) -> None:
    machine.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
    machine.run("ip", "address", "add", "192.0.2.1/24", "dev", "up0")
    machine.run("ip", "link", "set", "up0", "up")
    for halves in ("default", "0.0.0.0/1", "128.0.0.0/1"):
        machine.run("ip", "route", "add", halves, "via", "192.0.2.2")
    machine.ensure()
    machine.run("ip", "route", "add", "10.0.0.0/8", "via", "192.0.2.2")
    assert "overlaps 10.0.0.0/8 on up0" in machine.refusal(CLOUDIA_EXTERNAL_CIDR="10.1.2.0/24")


def test_network_of_somebody_else_is_not_touched(machine: Machine) -> None:
    machine.ensure(CLOUDIA_NETWORK="off")
    assert machine.daemons() == set()


def test_machine_without_nft_says_what_its_guests_miss(machine: Machine) -> None:
    machine.run("mount", "--bind", "/bin/false", "/usr/sbin/nft")
    answer = machine.run(*START)
    assert answer.stderr == "Guests reach this machine only: nft failed: no message\n"
    assert addresses(machine, "br-ex") == ["198.51.100.1/24"]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"CLOUDIA_NETWORK": "maybe"}, "CLOUDIA_NETWORK must be on or off, not 'maybe'."),
        ({"CLOUDIA_EXTERNAL_CIDR": "198.51.100.1/24"}, "has host bits set."),
        ({"CLOUDIA_EXTERNAL_CIDR": "fd00::/64"}, "CLOUDIA_EXTERNAL_CIDR must be an IPv4 network"),
        ({"CLOUDIA_EXTERNAL_CIDR": "198.51.100.0/30"}, "must not be smaller than a /29, 198.51.100.0/30 is."),
    ],
)
def test_setting_that_makes_no_sense_is_refused(settings: dict[str, str], complaint: str) -> None:
    answer = subprocess.run([sys.executable, "-c", ENSURE], env=settings, cwd=ROOT, capture_output=True, text=True)
    (line,) = answer.stderr.splitlines()
    assert complaint in line


GUEST, FLOATING, WORLD = "10.0.0.5", "198.51.100.10", "192.0.2.2"
LOGICAL_NETWORK = f"""
lr-add router
ls-add inside
lrp-add router to-inside 02:00:00:00:01:01 10.0.0.1/24
lsp-add inside from-inside
lsp-set-type from-inside router
lsp-set-addresses from-inside router
lsp-set-options from-inside router-port=to-inside
lsp-add inside guest
lsp-set-addresses guest "02:00:00:00:00:05 {GUEST}"
ls-add outside
lrp-add router to-outside 02:00:00:00:01:02 198.51.100.2/24
lrp-set-gateway-chassis to-outside box
lsp-add outside from-outside
lsp-set-type from-outside router
lsp-set-addresses from-outside router
lsp-set-options from-outside router-port=to-outside
lsp-add outside wire
lsp-set-type wire localnet
lsp-set-addresses wire unknown
lsp-set-options wire network_name=public
lr-route-add router 0.0.0.0/0 198.51.100.1
lr-nat-add router dnat_and_snat {FLOATING} {GUEST}
"""
WIRING = f"""
set -e
mac='"02:00:00:00:00:05"'
ovs-vsctl add-port br-int guest -- set interface guest type=internal external_ids:iface-id=guest "mac=$mac"
ip netns add guest
ip link set guest netns guest
ip netns exec guest ip address add {GUEST}/24 dev guest
ip netns exec guest ip link set guest up mtu 1442
ip netns exec guest ip route add default via 10.0.0.1
ip netns add world
ip link add up0 type veth peer name up1 netns world
ip address add 192.0.2.1/24 dev up0
ip link set up0 up
ip netns exec world ip address add {WORLD}/24 dev up1
ip netns exec world ip link set up1 up
"""
SERVER = """
import socket
with socket.create_server(("", 7000)) as server:
    connection, (caller, _) = server.accept()
    connection.sendall(caller.encode() * 10_000)
    connection.close()
"""
CLIENT = """
import socket, sys
with socket.create_connection((sys.argv[1], 7000), timeout=10) as connection:
    heard = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
assert len(heard) % 10_000 == 0, "some was lost"
print(heard[: len(heard) // 10_000])
"""


def caller(machine: Machine, *, server: str, client: tuple[str, ...], address: str) -> str:
    """Whom the server sees when 100 kB have gone over a connection."""
    namespaces = ["nsenter", "--all", "--target", str(machine.pid), "--", "ip", "netns", "exec", server]
    with subprocess.Popen([*namespaces, "/usr/bin/python3", "-c", SERVER]) as listening:
        try:
            wait_for(lambda: ":7000" in machine.says("ip", "netns", "exec", server, "ss", "-ltn"))
            return machine.says(*client, "/usr/bin/python3", "-c", CLIENT, address)
        finally:
            listening.kill()


def test_guest_is_reached_from_the_machine_and_reaches_the_world_through_it(machine: Machine) -> None:
    machine.ensure()
    machine.run("sh", "-c", WIRING)
    machine.run("ovn-sbctl", "--timeout=15", "wait-until", "chassis", "box")
    commands = [word for line in LOGICAL_NETWORK.splitlines() for word in ("--", *shlex.split(line)) if line]
    machine.run("ovn-nbctl", "--wait=hv", "--timeout=15", *commands[1:])
    assert caller(machine, server="guest", client=(), address=FLOATING) == "198.51.100.1"
    inside = ("ip", "netns", "exec", "guest")
    assert caller(machine, server="world", client=inside, address=WORLD) == "192.0.2.1"
