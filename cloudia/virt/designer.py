"""What a domain shall look like: every choice that CloudiA makes about a guest's hardware."""

from __future__ import annotations

import secrets
import string
from typing import Any

from cloudia.virt.types import Accelerator, DiskSpec, DomainSpec, FilesystemSpec, NicSpec, SeedSpec
from cloudia.virt.xml.domain import Disk, Domain, Interface, MemoryModule

SPARE_PORTS = 8  # PCIe slots for what is plugged in later
MEMORY_SLOTS = 16
BALLOON_PERIOD_S = 5
SERIAL_LENGTH = 20  # VIRTIO_BLK_ID_BYTES
SERIAL_LOG = "/var/log/libvirt/qemu/{name}-serial.log"
AGENT_CHANNEL = "org.qemu.guest_agent.0"
INTEGRATION_BRIDGE = "br-int"  # what ovn-controller calls it
# Neither the userspace switch computes checksums nor does it cut up segments: guests' TCP would only time out.
_NO_OFFLOADS = {
    "driver": "qemu",
    **{f"host_{name}": "off" for name in ("csum", "gso", "tso4", "tso6", "ecn", "ufo")},
    **{f"guest_{name}": "off" for name in ("csum", "tso4", "tso6", "ecn", "ufo")},
}
_DOMAIN_TYPE = {Accelerator.KVM: "kvm", Accelerator.TCG: "qemu"}
_CPU_MODE = {Accelerator.KVM: "host-passthrough", Accelerator.TCG: "maximum"}
# PCIe devices beside disks and network cards: scsi, serial bus, rng, balloon.
_FIXED_PCI_DEVICES = 4


def design(spec: DomainSpec) -> Domain:
    """The domain for ``spec``."""
    domain = Domain(type=_DOMAIN_TYPE[spec.accelerator], name=spec.name, uuid=str(spec.uuid))
    domain.owners.add(instance=spec.instance_id, project=spec.project_id)
    _platform(domain, spec)
    _processors(domain, spec)
    _memory(domain, spec)
    _controllers(domain, len(spec.disks) + len(spec.nics) + len(spec.filesystems) + len(spec.passthrough))
    for disk in spec.disks:
        domain.disks.add(**_disk(disk))
    if spec.seed:
        _seed(domain, spec.seed)
    for filesystem in spec.filesystems:
        _filesystem(domain, filesystem)
    for nic in spec.nics:
        domain.interfaces.add(**_nic(nic))
    for address in spec.passthrough:
        _host_device(domain, address)
    _consoles(domain, spec.name)
    _helpers(domain)
    return domain


def _platform(domain: Domain, spec: DomainSpec) -> None:
    domain.os, domain.arch, domain.machine = "hvm", spec.arch, "q35"
    domain.acpi = domain.apic = True
    domain.clock = "utc"
    domain.on_poweroff, domain.on_reboot, domain.on_crash = "destroy", "restart", "destroy"


def _processors(domain: Domain, spec: DomainSpec) -> None:
    # The topology must multiply to the maximum: libvirt refuses any other.
    most = max(spec.max_vcpus, spec.vcpus)
    domain.sockets = most // (spec.cores * spec.threads_per_core)
    domain.dies, domain.cores, domain.threads = 1, spec.cores, spec.threads_per_core
    domain.vcpus, domain.current_vcpus = most, spec.vcpus
    domain.cpu_mode, domain.cpu_check = _CPU_MODE[spec.accelerator], "none"


def _memory(domain: Domain, spec: DomainSpec) -> None:
    domain.memory_mib = domain.current_memory_mib = spec.memory_mib
    if spec.filesystems:  # virtiofsd, a process of its own, reads and writes the guest's memory
        domain.memory_source, domain.memory_access = "memfd", "shared"
    if spec.max_memory_mib <= spec.memory_mib:
        return
    domain.max_memory_mib, domain.memory_slots = spec.max_memory_mib, MEMORY_SLOTS
    # Memory hot-plug needs a NUMA node to plug into.
    cpus = f"0-{(domain.vcpus or 1) - 1}"
    shared = "shared" if spec.filesystems else None
    domain.cells.add(id=0, cpus=cpus, memory=spec.memory_mib, unit="MiB", access=shared)


def module_element(size_mib: int, total_mib: int, *, shared: bool) -> MemoryModule:
    """A memory module that brings a domain to ``total_mib``; shared where the domain's memory is."""
    return MemoryModule(
        model="dimm",
        access="shared" if shared else None,
        size_mib=size_mib,
        cell=0,
        alias=f"ua-memory-{total_mib}",  # another one for each, as memory only grows
    )


def _controllers(domain: Domain, plugged: int) -> None:
    domain.controllers.add(type="pci", index=0, model="pcie-root")
    for index in range(1, plugged + _FIXED_PCI_DEVICES + SPARE_PORTS + 1):
        domain.controllers.add(type="pci", index=index, model="pcie-root-port")
    # For CD drives: cloud kernels have no AHCI.
    domain.controllers.add(type="scsi", index=0, model="virtio-scsi")
    domain.controllers.add(type="virtio-serial", index=0)
    domain.controllers.add(type="usb", model="none")


def disk_element(spec: DiskSpec) -> Disk:
    """One disk, as a domain has it or as it is plugged in."""
    return Disk(**_disk(spec))


def _disk(spec: DiskSpec) -> dict[str, Any]:
    serial = disk_serial(spec.serial)
    return {
        "type": "volume",
        "device": "disk",
        "driver": "qemu",
        "format": spec.format,
        "cache": "none",
        "discard": "unmap",
        "pool": spec.pool,
        "volume": spec.volume,
        "target": f"vd{letters(spec.position)}",
        "bus": "virtio",
        "serial": serial,
        "boot_order": 1 if spec.bootable else None,
        "alias": disk_alias(spec.serial),
    }


def _seed(domain: Domain, spec: SeedSpec) -> None:
    domain.disks.add(
        type="volume",
        device="cdrom",
        driver="qemu",
        format="raw",
        pool=spec.pool,
        volume=spec.volume,
        target="sda",
        bus="scsi",
        read_only=True,
        alias="ua-seed",
    )


def _filesystem(domain: Domain, spec: FilesystemSpec) -> None:
    domain.filesystems.add(
        type="mount",
        access="passthrough",
        driver="virtiofs",
        source=spec.path,
        target=spec.tag,
        alias=f"ua-fs-{spec.tag}",
    )


def _host_device(domain: Domain, address: str) -> None:
    place, _dot, function = address.rpartition(".")
    pci_domain, bus, slot = place.split(":")
    domain.host_devices.add(
        mode="subsystem",
        type="pci",
        managed=True,
        domain=f"0x{pci_domain}",
        bus=f"0x{bus}",
        slot=f"0x{slot}",
        function=f"0x{function}",
        alias=f"ua-pci-{address.replace(':', '-').replace('.', '-')}",
    )


def nic_element(spec: NicSpec) -> Interface:
    """One network interface, as a domain has it or as it is plugged in."""
    return Interface(**_nic(spec))


def _nic(spec: NicSpec) -> dict[str, Any]:
    return {
        "type": "bridge",
        "mac": spec.mac,
        "bridge": INTEGRATION_BRIDGE,
        "switch": "openvswitch",
        "port": str(spec.id),
        "model": "virtio",
        "mtu": spec.mtu,
        "alias": f"ua-nic-{spec.id}",
        **({} if spec.offloads else _NO_OFFLOADS),
    }


def _consoles(domain: Domain, name: str) -> None:
    log = SERIAL_LOG.format(name=name)
    domain.serials.add(type="pty", log=log, log_append="on", port=0)
    domain.consoles.add(type="pty", target_type="serial", port=0)
    domain.channels.add(type="unix", target_type="virtio", name=AGENT_CHANNEL)
    # The password can only be changed live when there was one at the start; nobody is ever told this one.
    domain.graphics.add(type="vnc", port=-1, autoport=True, listen="127.0.0.1", password=secrets.token_urlsafe(6))
    domain.videos.add(model="vga", vram_kib=16384)


def _helpers(domain: Domain) -> None:
    domain.rngs.add(model="virtio", source="/dev/urandom", backend="random")
    domain.balloon, domain.balloon_period_s = "virtio", BALLOON_PERIOD_S


def disk_alias(volume_id: str) -> str:
    """How we call a volume's disk towards libvirt."""
    return f"ua-disk-{disk_serial(volume_id)}"


def disk_serial(volume_id: str) -> str:
    """The serial number of a volume's disk: its id, without dashes if it would be too long, cut to 20 characters."""
    serial = volume_id if len(volume_id) <= SERIAL_LENGTH else volume_id.replace("-", "")
    return serial[:SERIAL_LENGTH]


def letters(index: int) -> str:
    """Disk letters as Linux counts them: a..z, aa, ab..."""
    head, tail = divmod(index, len(string.ascii_lowercase))
    return (letters(head - 1) if head else "") + string.ascii_lowercase[tail]
