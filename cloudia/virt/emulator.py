"""Room for another vCPU in the emulator, without which QEMU (7.2) ends itself, and the guest with it.

It translates into one buffer, cut into regions. Every vCPU has one of its own and takes another when that is full; when
none is left, all start anew. A new vCPU that finds none left at its start is an assertion that fails
(``tcg_region_initial_alloc__locked``). QEMU's tcg/region.c says how many there are. Hardware virtualization has none.
"""

from __future__ import annotations

import re
from typing import Any

import libvirt
import libvirt_qemu

from cloudia.virt.calls import LIVE, description

_BUFFER = re.compile(r"gen code size\s+(\d+)/(\d+)")  # bytes: used, and in all
_SMALLEST_REGION = 2 << 20
_REGIONS_PER_VCPU = 8


def has_room(domain: Any, count: int) -> bool:
    """Whether a running guest can have ``count`` vCPUs now; yes if the emulator does not say."""
    running = description(domain, LIVE)
    return running.type != "qemu" or regions_suffice(_state(domain), count, running.vcpus or 1)


def regions_suffice(state: str, count: int, maximum: int) -> bool:
    """The same by what ``info jit`` says. Each vCPU has a region that may be as good as empty."""
    found = _BUFFER.search(state)
    if found is None:
        return True
    used, size = map(int, found.groups())
    regions = min(size // _SMALLEST_REGION, maximum * _REGIONS_PER_VCPU)
    return used * regions <= (regions - count) * size


def _state(domain: Any) -> str:
    human = libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP
    try:
        return str(libvirt_qemu.qemuMonitorCommand(domain, "info jit", human))
    except libvirt.libvirtError:
        return ""
