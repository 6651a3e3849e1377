"""Elements of what is plugged in, room for it, and what a guest's agent may say about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import libvirt
import libvirt_qemu
import pytest

from cloudia.virt import agent
from cloudia.virt.designer import SPARE_PORTS, design, module_element, nic_element
from cloudia.virt.devices import free_ports
from cloudia.virt.emulator import regions_suffice
from cloudia.virt.xml.domain import Domain
from tests.unit.virt.schemas import assert_valid
from tests.unit.virt.test_designer import GROWING, NIC, SHARING


@pytest.mark.parametrize("shared", [False, True])
def test_module_obeys_libvirt_schema_and_is_shared_where_the_memory_is(shared: bool) -> None:
    module, domain = module_element(256, 2304, shared=shared), design(SHARING if shared else GROWING)
    assert (module.access == "shared") == (domain.memory_access == "shared")
    domain.modules.add(**{name: getattr(module, name) for name in module.declared()})
    assert_valid(str(domain), "domain")
    assert [(it.size_mib, it.alias) for it in domain.modules] == [(256, "ua-memory-2304")]


@pytest.mark.parametrize("offloads", [False, True])
def test_card_is_plugged_in_as_it_would_have_been_defined(offloads: bool) -> None:
    nic = replace(NIC, offloads=offloads)
    (defined,) = design(replace(GROWING, nics=(nic,))).interfaces
    assert str(nic_element(nic)) == str(defined)


def addressed(*buses: int) -> Domain:
    """A domain as libvirt describes it, with devices on these buses."""
    domain = design(replace(GROWING, disks=(), nics=()))
    for bus in buses:
        disk = domain.disks.add(device="disk").node
        disk.append(disk.makeelement("address", {"type": "pci", "bus": f"0x{bus:02x}"}))
    scsi = domain.disks.add(device="cdrom").node
    scsi.append(scsi.makeelement("address", {"type": "drive", "bus": "0"}))
    return domain


def test_port_with_a_device_is_not_free() -> None:
    ports = free_ports(addressed())
    assert ports >= SPARE_PORTS
    assert free_ports(addressed(0)) == ports, "the root bus is no port"
    assert free_ports(addressed(1, 2, 2, 10)) == ports - 3
    assert free_ports(addressed(*range(1, ports + 1))) == 0


def ask(monkeypatch: pytest.MonkeyPatch, answer: str) -> int | None:
    """How many units are online, if the agent says so."""

    def command(_domain: Any, request: str, seconds: int, _flags: int) -> str:
        assert request == '{"execute": "guest-get-vcpus", "arguments": {}}'
        assert seconds == agent.ANSWER_S
        if not answer:
            raise libvirt.libvirtError("no answer")
        return answer

    monkeypatch.setattr(libvirt_qemu, "qemuAgentCommand", command)
    return agent.ask(None, "guest-get-vcpus", read=lambda units: sum(bool(unit["online"]) for unit in units))


def test_agent_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, '{"return": [{"online": true}, {"online": false}, {"online": true}]}') == 2


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "null",
        "7",
        "{}",
        "[",
        '{"return": 5}',
        '{"return": [1]}',
        '{"return": [{}]}',
        '{"error": {}}',
        "[" * 100_000,
    ],
    ids=lambda answer: answer[:20] or "silence",
)
def test_agent_that_says_nothing_sensible_is_unknown(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    assert ask(monkeypatch, answer) is None


@pytest.mark.parametrize(
    ("used", "count", "maximum", "suffice"),
    [
        (65, 2, 2, True),
        (896, 2, 2, True),  # 16 regions of 64 MiB, 14 full: one each for both
        (897, 2, 2, False),
        (1024, 2, 2, False),
        (896, 2, 16, True),
        (1023, 2, 16, False),
        (512, 128, 256, True),  # no more than 512 regions, as none is below 2 MiB
        (800, 128, 256, False),
    ],
)
def test_emulator_with_a_full_buffer_has_no_room(used: int, count: int, maximum: int, suffice: bool) -> None:
    state = f"Translation buffer state:\ngen code size       {used << 20}/{1 << 30}\nTB count            117170\n"
    assert regions_suffice(state, count, maximum) == suffice


def test_emulator_that_does_not_say_has_room() -> None:
    assert regions_suffice("JIT information is only available with accel=tcg", 2, 2)
