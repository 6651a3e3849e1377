"""What a host is: read from libvirt's capabilities, and checked where those promise too much."""

from __future__ import annotations

import copy
from typing import Any
from uuid import UUID

import libvirt
from lxml import etree

from cloudia.virt.gpus import gpus
from cloudia.virt.types import Accelerator, Feature, HostDescription
from cloudia.virt.xml.capabilities import Capabilities, DomainCapabilities, HostCpu

_VIRTUALIZATION = frozenset({"vmx", "svm"})  # Intel's and AMD's names; other makers of x86 use one of them
_X86 = frozenset({"x86_64", "i686"})
# What virConnectBaselineCPU understands; newer libvirt puts more into the host's description.
_CPU_PARTS = frozenset({"arch", "model", "vendor", "feature", "topology"})
_DOMAIN_TYPES = {Accelerator.KVM: "kvm", Accelerator.TCG: "qemu"}


def describe(conn: Any) -> HostDescription:
    """The host behind an open connection. Raises libvirtError."""
    capabilities = Capabilities.parse(conn.getCapabilities())
    cpu = next(iter(capabilities.cpus))
    accelerators = working_accelerators(capabilities, cpu, cpu_features(conn, cpu))
    return HostDescription(
        hostname=conn.getHostname(),
        host_uuid=UUID(capabilities.uuid or ""),
        libvirt_version=version(conn.getLibVersion()),
        qemu_version=version(conn.getVersion()),
        cpus=conn.getInfo()[2],
        # Not getInfo()'s: that adds up NUMA nodes and misses memory that was plugged in.
        memory_mib=conn.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)["total"] // 1024,
        cpu_model=cpu.model or "",
        arch=cpu.arch or "",
        accelerators=accelerators,
        features=_features(conn, cpu.arch or "", accelerators),
        gpus=gpus(conn),
    )


def version(number: int) -> str:
    """libvirt's ``major * 1000000 + minor * 1000 + release``, for people."""
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


def cpu_features(conn: Any, cpu: HostCpu) -> frozenset[str]:
    """Every flag of the host's CPU: libvirt lists only those that its model does not imply."""
    plain = etree.Element("cpu")
    plain.extend([copy.copy(part) for part in cpu.node if part.tag in _CPU_PARTS])
    try:
        xml = conn.baselineCPU([str(HostCpu(plain))], libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:  # other architectures
            raise
        return frozenset()
    found = HostCpu.parse(xml).features  # newer libvirt also names what the model has and this CPU has not
    return frozenset(feature.name or "" for feature in found if feature.policy != "disable")


def working_accelerators(capabilities: Capabilities, cpu: HostCpu, cpu_flags: frozenset[str]) -> frozenset[Accelerator]:
    """The accelerators that guests of the host's own architecture can really use.

    libvirt offers KVM wherever /dev/kvm exists. In a virtual machine without nested virtualization such guests count
    as running and never execute an instruction, so on x86 the CPU has to have it too.
    """
    offered = {
        domain_type.type
        for guest in capabilities.guests
        if guest.arch == cpu.arch
        for domain_type in guest.domain_types
    }
    working = {accelerator for accelerator, name in _DOMAIN_TYPES.items() if name in offered}
    if cpu.arch in _X86 and not cpu_flags & _VIRTUALIZATION:
        working.discard(Accelerator.KVM)
    return frozenset(working)


def _features(conn: Any, arch: str, accelerators: frozenset[Accelerator]) -> frozenset[Feature]:
    best = Accelerator.KVM if Accelerator.KVM in accelerators else Accelerator.TCG
    return features(DomainCapabilities.parse(conn.getDomainCapabilities(None, arch, "q35", _DOMAIN_TYPES[best], 0)))


def features(capabilities: DomainCapabilities) -> frozenset[Feature]:
    """The features that domain capabilities speak of."""
    modes = {mode.name for mode in capabilities.cpu_modes if mode.supported}
    has = {
        Feature.UEFI: "efi" in _values(capabilities.firmwares, "firmware"),
        Feature.VIRTIOFS: "virtiofs" in _values(capabilities.filesystems, "driverType"),
        Feature.TPM: bool(capabilities.tpm),
        Feature.BACKUP: bool(capabilities.backup),
        Feature.HOST_PASSTHROUGH: "host-passthrough" in modes,
        Feature.MAXIMUM_CPU: "maximum" in modes,
    }
    return frozenset(feature for feature, there in has.items() if there)


def _values(enums: Any, name: str) -> set[str | None]:
    return {value.value for enum in enums if enum.name == name for value in enum.values}
