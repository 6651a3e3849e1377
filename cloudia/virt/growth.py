"""More processors and memory for a domain, up to what it was started for, while it runs.

What is asked for holds for the definition and for the running guest alike, and is read back. Guests only grow: Linux
gives memory back when it likes, and a processor that it kept made QEMU crash at the next one (libvirt 9.0, QEMU 7.2).
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import OperationFailed
from cloudia.virt import agent, emulator
from cloudia.virt.calls import CONFIG, LIVE, DomainCalls, description, is_live, places
from cloudia.virt.designer import MEMORY_SLOTS, module_element
from cloudia.virt.types import Resources

MEMORY_STEP_MIB = 128  # Linux on x86 takes memory in sections of that size
TAKE_UP_S = 5.0  # a guest needs some tenths of a second to find what was plugged in
LOOK_S = 0.2
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """How the agent calls a part of the hardware that is online or not."""

    get: str
    set: str
    argument: str
    key: str


_VCPUS = Part("guest-get-vcpus", "guest-set-vcpus", "vcpus", "logical-id")
_BLOCKS = Part("guest-get-memory-blocks", "guest-set-memory-blocks", "mem-blks", "phys-index")


class Growth(DomainCalls):
    """Processors and memory of one host's domains, by UUID. Raises CloudiaError."""

    def set_vcpus(self, uuid: UUID, count: int) -> None:
        """Have ``count`` vCPUs, in the definition and in the running guest; nothing if it is so.

        Raises OperationFailed (``vcpus_shrink``: the running guest has more; ``emulator_full``).
        """
        self._with(uuid, lambda domain: _set_vcpus(domain, count))
        self._have_used(uuid, _VCPUS, lambda it: it.guest_vcpus in (None, it.vcpus))

    def grow_memory(self, uuid: UUID, memory_mib: int) -> None:
        """Have ``memory_mib`` MiB in all, in the definition and in the running guest; nothing if it is so.

        Raises OperationFailed (``memory_shrink``, ``memory_step``, ``memory_slots``).
        """
        self._with(uuid, lambda domain: _grow_memory(domain, memory_mib))
        self._have_used(uuid, _BLOCKS, lambda it: it.guest_memory_mib in (None, it.memory_mib))

    def resources(self, uuid: UUID) -> Resources:
        """What the domain has, and how much of it the guest uses. An agent that fell silent costs 2 to 5 s."""
        return self._with(uuid, _resources)

    def _have_used(self, uuid: UUID, part: Part, used: Callable[[Resources], bool]) -> None:
        """Let the guest's agent, if it has one, switch on what was plugged in: not every guest does so by itself."""
        deadline = time.monotonic() + TAKE_UP_S
        while not used(self.resources(uuid)) and time.monotonic() < deadline:
            self._with(uuid, functools.partial(_switch_on, part))
            time.sleep(LOOK_S)


def _set_vcpus(domain: Any, count: int) -> None:
    if is_live(domain) and domain.vcpusFlags(LIVE) > count:
        raise OperationFailed(_("A running guest can't be given fewer vCPUs. Stop it first."), code="vcpus_shrink")
    lacking = [where for where in places(domain) if domain.vcpusFlags(where) != count]
    if LIVE in lacking and not emulator.has_room(domain, count):
        message = _("This emulated guest can't take vCPUs at the moment. Try again later, or stop it first.")
        raise OperationFailed(message, code="emulator_full")
    if lacking:
        domain.setVcpusFlags(count, sum(lacking))
    if any(domain.vcpusFlags(where) != count for where in places(domain)):
        raise OperationFailed(_("The guest did not take the vCPUs."), code="not_grown")


def _grow_memory(domain: Any, memory_mib: int) -> None:
    """A module each for the definition and the running guest, or one for both, in one call, if they lack the same."""
    lacking = _lacking(domain, memory_mib)
    _check(domain, lacking)
    for size_mib in dict.fromkeys(lacking.values()):
        where = sum(place for place, lack_mib in lacking.items() if lack_mib == size_mib)
        shared = description(domain, CONFIG).memory_access == "shared"
        domain.attachDeviceFlags(str(module_element(size_mib, memory_mib, shared=shared)), where)
    if _lacking(domain, memory_mib):
        raise OperationFailed(_("The guest did not take the memory."), code="not_grown")


def _lacking(domain: Any, memory_mib: int) -> dict[int, int]:
    """How many MiB are missing, by where they are."""
    found = {where: memory_mib - (description(domain, where).memory_mib or 0) for where in places(domain)}
    return {where: lack_mib for where, lack_mib in found.items() if lack_mib}


def _check(domain: Any, lacking: Mapping[int, int]) -> None:
    """Refuse what libvirt would take although guests can't, or would refuse in words for nobody."""
    if any(lack_mib < 0 for lack_mib in lacking.values()):
        raise OperationFailed(_("A running guest keeps its memory. Stop it to make it smaller."), code="memory_shrink")
    if any(lack_mib % MEMORY_STEP_MIB for lack_mib in lacking.values()):
        message = format_lazy(_("Memory of a running guest grows in steps of {mib} MiB."), mib=MEMORY_STEP_MIB)
        raise OperationFailed(message, code="memory_step")
    if any(len(list(description(domain, where).modules)) >= MEMORY_SLOTS for where in lacking):
        raise OperationFailed(
            _("The guest's memory slots are full. Stop and start it: then it has them again."), code="memory_slots"
        )


def _resources(domain: Any) -> Resources:
    live = is_live(domain)
    where = LIVE if live else CONFIG
    vcpus, memory_mib = domain.vcpusFlags(where), description(domain, where).memory_mib or 0
    if not live or not agent.answers(domain):
        return Resources(vcpus, memory_mib)
    return Resources(vcpus, memory_mib, _online(domain, _VCPUS), _online_memory(domain, memory_mib))


def _online(domain: Any, part: Part) -> int | None:
    return agent.ask(domain, part.get, read=lambda units: sum(bool(unit["online"]) for unit in units))


def _online_memory(domain: Any, memory_mib: int) -> int | None:
    """In MiB, and never more than there is: the last block of what a guest started with may not be whole."""
    blocks = _online(domain, _BLOCKS)
    size = agent.ask(domain, "guest-get-memory-block-info", read=lambda info: int(info["size"]))
    return None if blocks is None or size is None else min(memory_mib, blocks * size // MIB)


def _switch_on(part: Part, domain: Any) -> None:
    idle = agent.ask(domain, part.get, read=lambda units: [unit[part.key] for unit in units if not unit["online"]])
    if idle:
        wish = [{part.key: key, "online": True} for key in idle]
        agent.ask(domain, part.set, read=lambda _done: None, **{part.argument: wish})
