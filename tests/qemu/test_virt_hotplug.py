"""vCPUs, memory and network cards that come while a guest runs: what it sees, libvirt runs, and its definition says.

One guest serves most tests. It only grows, so each test takes what it finds as the start.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from cloudia.core.errors import OperationFailed
from cloudia.virt import MEMORY_STEP_MIB, DomainSpec, FilesystemSpec, Hypervisor, NicSpec, PowerState, Resources
from cloudia.virt.designer import MEMORY_SLOTS, SPARE_PORTS, module_element, nic_element
from cloudia.virt.domains import Domains
from cloudia.virt.xml.domain import Domain
from tests.qemu.guests import BOOT_S, eventually, gateway_to, tiny_pool, tiny_spec
from tests.qemu.lab import LabHost
from tests.unit.virt.schemas import assert_valid

MEMORY_MIB = 256  # Linux needs a 64th of what is plugged in before it can use it
MAX_VCPUS, MAX_MEMORY_MIB = 8, MEMORY_MIB + 16 * MEMORY_STEP_MIB
SEEN_S = 60.0  # an emulated guest finds what was plugged in, beside others that boot; alone in less than one
SILENCE_S = 10.0  # what an agent that does not answer may cost


@dataclass(frozen=True)
class Guest:
    """A guest on a host."""

    host: Hypervisor
    lab_host: LabHost
    spec: DomainSpec

    @property
    def domains(self) -> Domains:
        """The gateway."""
        return self.host.domains

    @property
    def uuid(self) -> UUID:
        """Its domain's."""
        return self.spec.uuid

    @property
    def resources(self) -> Resources:
        """What the gateway says it has."""
        return self.domains.resources(self.uuid)

    def say(self, command: str) -> str:
        """What a command says in the guest. Raises CalledProcessError."""
        return self.lab_host.guest(self.spec.name, command)

    def virsh(self, *words: str) -> str:
        """What somebody else does to it. Raises CalledProcessError."""
        return self.lab_host.lab.run("exec", self.lab_host.name, "virsh", "-q", *words)

    def live(self) -> Domain:
        """What libvirt runs."""
        return Domain.parse(self.virsh("dumpxml", self.spec.name))

    def definition(self) -> Domain:
        """What libvirt starts next time."""
        return Domain.parse(self.virsh("dumpxml", "--inactive", self.spec.name))

    def attach(self, xml: str, where: str) -> None:
        """Plug something in, in one place only, as somebody does who is killed in between."""
        path = self.lab_host.local_dir / f"{uuid4()}.xml"
        path.write_text(xml)
        self.virsh("attach-device", self.spec.name, str(path), where)

    def total_mib(self) -> int:
        """The memory that the guest's kernel has, in MiB: without what it took for itself when it started."""
        return int(self.say("sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) // 1024

    def has_card(self, nic: NicSpec) -> bool:
        """Whether the guest has a card with that MAC."""
        return nic.mac in self.say("cat /sys/class/net/*/address").split()

    def wait_until_up(self, boots: int = 1) -> None:
        """Until it has started, its agent too."""
        self.lab_host.wait_for_serial(self.spec.name, "TINY-READY", BOOT_S, times=boots)
        assert eventually(lambda: self.resources.guest_vcpus is not None, SEEN_S)


@contextmanager
def guest_on(lab_host: LabHost, tiny_image: Path) -> Iterator[Guest]:
    with ExitStack() as stack:
        host = stack.enter_context(gateway_to(lab_host))
        pool = stack.enter_context(tiny_pool(host, lab_host, tiny_image))
        spec = stack.enter_context(tiny_spec(host, pool))
        room = replace(spec, memory_mib=MEMORY_MIB, max_vcpus=MAX_VCPUS, max_memory_mib=MAX_MEMORY_MIB)
        yield Guest(host, lab_host, room)


@pytest.fixture
def fresh(lab_host: LabHost, tiny_image: Path) -> Iterator[Guest]:
    """A guest of one's own, not yet defined."""
    with guest_on(lab_host, tiny_image) as guest:
        yield guest


@pytest.fixture(scope="module")
def guest(lab_hosts: list[LabHost], tiny_image: Path) -> Iterator[Guest]:
    """A guest that is up."""
    with guest_on(lab_hosts[0], tiny_image) as guest:
        guest.domains.define(guest.spec)
        guest.domains.start(guest.uuid)
        guest.wait_until_up()
        yield guest


def card(number: int = 1) -> NicSpec:
    return NicSpec(uuid4(), f"52:54:00:0a:00:{number:02x}", 1442, offloads=False)


def vcpus(domain: Domain) -> int | None:
    return domain.current_vcpus or domain.vcpus


def modules(domain: Domain) -> list[tuple[int | None, str | None]]:
    return [(module.size_mib, module.alias) for module in domain.modules]


def ports(domain: Domain) -> list[str | None]:
    return [interface.port for interface in domain.interfaces]


def assert_refused(code: str, call: Callable[[], object]) -> None:
    with pytest.raises(OperationFailed) as error:
        call()
    assert error.value.code == code


def test_vcpus_come_to_guest_and_definition(guest: Guest) -> None:
    count = guest.resources.vcpus + 1
    for _twice in range(2):
        guest.domains.set_vcpus(guest.uuid, count)
    assert [vcpus(guest.live()), vcpus(guest.definition())] == [count, count]
    assert (guest.resources.vcpus, guest.resources.guest_vcpus) == (count, count)
    assert guest.say("nproc") == str(count)


def test_running_guest_keeps_its_vcpus_and_has_no_more_than_its_maximum(guest: Guest) -> None:
    count = max(guest.resources.vcpus, 2)
    guest.domains.set_vcpus(guest.uuid, count)
    assert_refused("vcpus_shrink", lambda: guest.domains.set_vcpus(guest.uuid, count - 1))
    assert_refused("bad_definition", lambda: guest.domains.set_vcpus(guest.uuid, MAX_VCPUS + 1))
    assert [vcpus(guest.live()), vcpus(guest.definition())] == [count, count]
    assert guest.say("nproc") == str(count)


def test_memory_comes_to_guest_and_definition(guest: Guest) -> None:
    before, total_mib = guest.resources.memory_mib, guest.total_mib()
    wanted = before + 2 * MEMORY_STEP_MIB
    for _twice in range(2):
        guest.domains.grow_memory(guest.uuid, wanted)
    for domain in (guest.live(), guest.definition()):
        assert domain.memory_mib == domain.current_memory_mib == wanted
        assert modules(domain)[-1] == (2 * MEMORY_STEP_MIB, f"ua-memory-{wanted}")
    assert (guest.resources.memory_mib, guest.resources.guest_memory_mib) == (wanted, wanted)
    assert guest.total_mib() == pytest.approx(total_mib + 2 * MEMORY_STEP_MIB, abs=1)


@pytest.mark.parametrize(
    ("code", "more_mib"),
    [
        ("memory_shrink", -MEMORY_STEP_MIB),
        ("memory_step", MEMORY_STEP_MIB // 2),
        ("unsupported", MAX_MEMORY_MIB // MEMORY_STEP_MIB * MEMORY_STEP_MIB),
    ],
)
def test_memory_that_a_guest_can_not_have_is_refused(guest: Guest, code: str, more_mib: int) -> None:
    before = [modules(guest.live()), modules(guest.definition())]
    wanted = guest.resources.memory_mib + more_mib
    assert_refused(code, lambda: guest.domains.grow_memory(guest.uuid, wanted))
    assert [modules(guest.live()), modules(guest.definition())] == before


@pytest.mark.parametrize("where", ["--live", "--config"])
def test_growth_that_a_killed_attempt_left_in_one_place_is_completed(guest: Guest, where: str) -> None:
    had = guest.resources
    count, wanted = had.vcpus + 1, had.memory_mib + MEMORY_STEP_MIB
    guest.virsh("setvcpus", guest.spec.name, str(count), where)
    guest.attach(str(module_element(MEMORY_STEP_MIB, wanted, shared=False)), where)
    guest.domains.set_vcpus(guest.uuid, count)
    guest.domains.grow_memory(guest.uuid, wanted)
    for domain in (guest.live(), guest.definition()):
        assert (vcpus(domain), domain.memory_mib) == (count, wanted)
        assert modules(domain)[-1] == (MEMORY_STEP_MIB, f"ua-memory-{wanted}")
    assert guest.resources == Resources(count, wanted, count, wanted)


@contextmanager
def switching_nothing_on(guest: Guest) -> Iterator[None]:
    """A guest that leaves what is plugged in as it is, as some distributions do."""
    policy = "/sys/devices/system/memory/auto_online_blocks"
    usual = guest.say(f"killall uevent; cat {policy}; echo offline >{policy}").splitlines()[0]
    try:
        yield
    finally:
        guest.say(f"echo {usual} >{policy}; (setsid uevent /etc/uevent.sh >/dev/null 2>&1 &)")


def test_guest_that_switches_nothing_on_is_told_to_by_its_agent(guest: Guest) -> None:
    had, total_mib = guest.resources, guest.total_mib()
    with switching_nothing_on(guest):
        guest.domains.set_vcpus(guest.uuid, had.vcpus + 1)
        guest.domains.grow_memory(guest.uuid, had.memory_mib + MEMORY_STEP_MIB)
        assert guest.say("nproc") == str(had.vcpus + 1)
        assert guest.total_mib() == pytest.approx(total_mib + MEMORY_STEP_MIB, abs=1)


def test_what_the_guest_does_not_use_is_seen(guest: Guest) -> None:
    guest.domains.set_vcpus(guest.uuid, count := max(guest.resources.vcpus, 2))
    guest.say("echo 0 >/sys/devices/system/cpu/cpu1/online")
    assert (guest.resources.vcpus, guest.resources.guest_vcpus) == (count, count - 1)
    guest.say("echo 1 >/sys/devices/system/cpu/cpu1/online")


def test_agent_that_fell_silent_holds_up_nobody(guest: Guest) -> None:
    had = guest.resources
    guest.say("killall -STOP qemu-ga")
    try:
        begin = time.monotonic()
        assert guest.resources == replace(had, guest_vcpus=None, guest_memory_mib=None)
        guest.domains.set_vcpus(guest.uuid, had.vcpus + 1)
        assert time.monotonic() - begin < 2 * SILENCE_S
        assert [vcpus(guest.live()), vcpus(guest.definition())] == [had.vcpus + 1] * 2
    finally:
        guest.say("killall -CONT qemu-ga")
    assert eventually(lambda: guest.resources.guest_vcpus == had.vcpus + 1, SEEN_S)


def test_card_comes_and_goes_in_guest_and_definition(guest: Guest) -> None:
    nic, before = card(), ports(guest.live())
    for _twice in range(2):
        guest.domains.attach_nic(guest.uuid, nic)
    for domain in (guest.live(), guest.definition()):
        (interface,) = (it for it in domain.interfaces if it.port == str(nic.id))
        assert (interface.mac, interface.mtu, interface.alias) == (nic.mac, nic.mtu, f"ua-nic-{nic.id}")
        assert (interface.bridge, interface.switch, interface.host_csum) == ("br-int", "openvswitch", "off")
    assert eventually(lambda: guest.has_card(nic), SEEN_S)
    for _twice in range(2):
        guest.domains.detach_nic(guest.uuid, nic.id)
    assert [ports(guest.live()), ports(guest.definition())] == [before, before]
    assert not guest.has_card(nic)


@pytest.mark.parametrize("where", ["--live", "--config"])
def test_card_that_a_killed_attempt_left_in_one_place_is_completed_or_removed(guest: Guest, where: str) -> None:
    nic, other = card(1), card(2)
    for left in (nic, other):
        guest.attach(str(nic_element(left)), where)
    guest.domains.attach_nic(guest.uuid, nic)
    guest.domains.detach_nic(guest.uuid, other.id)
    for domain in (guest.live(), guest.definition()):
        assert str(nic.id) in ports(domain)
        assert str(other.id) not in ports(domain)
    assert eventually(lambda: guest.has_card(nic) and not guest.has_card(other), SEEN_S)
    guest.domains.detach_nic(guest.uuid, nic.id)


def test_guest_takes_as_many_devices_as_it_has_spare_ports(guest: Guest) -> None:
    cards = [card(number) for number in range(SPARE_PORTS + 1)]
    *fitting, last = cards
    for nic in fitting:
        guest.domains.attach_nic(guest.uuid, nic)
    before = str(guest.definition())
    assert_refused("no_free_port", lambda: guest.domains.attach_nic(guest.uuid, last))
    assert str(guest.definition()) == before
    assert_valid(before, "domain")
    assert eventually(lambda: all(guest.has_card(nic) for nic in fitting), SEEN_S)
    for nic in fitting:
        guest.domains.detach_nic(guest.uuid, nic.id)
    assert ports(guest.live()) == ports(guest.definition()) == []


def test_definition_of_a_stopped_domain_grows_and_shrinks(fresh: Guest) -> None:
    nic, domains, uuid = card(), fresh.domains, fresh.uuid
    domains.define(fresh.spec)
    for count in (3, 2):
        domains.set_vcpus(uuid, count)
        assert fresh.resources == Resources(count, MEMORY_MIB)
    domains.grow_memory(uuid, MEMORY_MIB + MEMORY_STEP_MIB)
    assert fresh.resources == Resources(2, MEMORY_MIB + MEMORY_STEP_MIB)
    for _twice in range(2):
        domains.attach_nic(uuid, nic)
    assert ports(fresh.definition()) == [str(nic.id)]
    assert_valid(str(fresh.definition()), "domain")
    for _twice in range(2):
        domains.detach_nic(uuid, nic.id)
    assert ports(fresh.definition()) == []


def test_guest_that_does_not_let_go_keeps_its_card_in_its_definition_too(fresh: Guest) -> None:
    nic = card()
    fresh.domains.define(replace(fresh.spec, nics=(nic,)))
    fresh.virsh("start", fresh.spec.name, "--paused")  # a guest that answers nobody
    assert_refused("guest_keeps_device", lambda: fresh.domains.detach_nic(fresh.uuid, nic.id, timeout_s=0.5))
    for domain in (fresh.live(), fresh.definition()):
        assert ports(domain) == [str(nic.id)]


def test_memory_grows_as_often_as_there_are_slots(fresh: Guest) -> None:
    spec = replace(fresh.spec, max_memory_mib=MEMORY_MIB + (MEMORY_SLOTS + 1) * MEMORY_STEP_MIB)
    fresh.domains.define(spec)
    fresh.virsh("start", fresh.spec.name, "--paused")
    for number in range(1, MEMORY_SLOTS + 1):
        fresh.domains.grow_memory(fresh.uuid, MEMORY_MIB + number * MEMORY_STEP_MIB)
    assert_refused("memory_slots", lambda: fresh.domains.grow_memory(fresh.uuid, spec.max_memory_mib))
    assert len(modules(fresh.live())) == len(modules(fresh.definition())) == MEMORY_SLOTS
    assert_valid(str(fresh.definition()), "domain")


def test_what_came_before_the_guest_was_up_is_there_after_a_reset_and_a_new_definition(fresh: Guest) -> None:
    nic, wanted = card(), MEMORY_MIB + 2 * MEMORY_STEP_MIB
    grown = replace(fresh.spec, vcpus=3, memory_mib=wanted, nics=(nic,))
    fresh.domains.define(fresh.spec)
    fresh.domains.start(fresh.uuid)  # nobody answers while the firmware is at it
    fresh.domains.set_vcpus(fresh.uuid, grown.vcpus)
    fresh.domains.grow_memory(fresh.uuid, wanted)
    fresh.domains.attach_nic(fresh.uuid, nic)
    fresh.wait_until_up()
    fresh.domains.set_vcpus(fresh.uuid, grown.vcpus)  # firmware that was past it leaves it to the agent
    assert_has(fresh, grown, boots=1)
    fresh.domains.reset(fresh.uuid)
    assert_has(fresh, grown, boots=2)
    fresh.domains.destroy(fresh.uuid)
    assert fresh.domains.wait_for(fresh.uuid, {PowerState.STOPPED}, SEEN_S)
    fresh.domains.define(grown)
    assert modules(fresh.definition()) == [], "it is no module any more, so that all slots are free again"
    fresh.domains.start(fresh.uuid)
    assert_has(fresh, grown, boots=3)


def assert_has(guest: Guest, spec: DomainSpec, boots: int) -> None:
    guest.wait_until_up(boots)
    wanted = Resources(spec.vcpus, spec.memory_mib, spec.vcpus, spec.memory_mib)
    assert eventually(lambda: guest.resources == wanted, SEEN_S), guest.resources
    assert guest.say("nproc") == str(spec.vcpus)
    assert guest.total_mib() > spec.memory_mib - MEMORY_STEP_MIB
    assert eventually(lambda: all(guest.has_card(nic) for nic in spec.nics), SEEN_S)


def test_directory_is_read_into_memory_that_was_plugged_in(fresh: Guest) -> None:
    shared = fresh.lab_host.local_dir / f"share-{uuid4().hex[:8]}"
    shared.mkdir()
    (shared / "hello").write_text("over here")
    fresh.domains.define(replace(fresh.spec, filesystems=(FilesystemSpec("team", str(shared)),)))
    fresh.domains.start(fresh.uuid)
    fresh.wait_until_up()
    assert "over here" in fresh.say("modprobe virtiofs; mount -t virtiofs team /mnt; cat /mnt/hello")
    fresh.domains.grow_memory(fresh.uuid, MEMORY_MIB + 4 * MEMORY_STEP_MIB)
    assert [it.access for it in fresh.live().modules] == ["shared"]
    # What can be moved lies in what was plugged in as long as there is room: Linux takes from the highest zone first.
    used = "awk '/^Node/ { here = /Movable/ } here && /_file/ { pages += $2 } END { print pages }' /proc/zoneinfo"
    before = int(fresh.say(used))
    (shared / "large").write_bytes(bytes(16 << 20))
    assert fresh.say("cat /mnt/large | tr -d '\\000' | wc -c") == "0"
    assert int(fresh.say(used)) - before >= (16 << 20) // 4096
    fresh.say("echo written >/mnt/word")
    assert (shared / "word").read_text() == "written\n"
