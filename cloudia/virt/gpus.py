"""Graphics processors of a host that a guest can have to itself: read from libvirt's node devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import libvirt

from cloudia.virt.types import GpuInfo
from cloudia.virt.xml.node_device import GroupMember, NodeDevice

# https://pcisig.com, "PCI Code and ID Assignment": base classes of display controllers and bridges.
DISPLAY, BRIDGE = "0x03", "0x06"
# Screens of management controllers (ASPEED, Matrox) and of virtual machines (Bochs, Red Hat, virtio, VMware, Cirrus):
# nobody computes with those.
SCREENS = frozenset({"0x1a03", "0x102b", "0x1234", "0x1b36", "0x1af4", "0x15ad", "0x1013"})


def gpus(conn: Any) -> tuple[GpuInfo, ...]:
    """The GPUs of the host, by address; none where libvirt can't look. Raises libvirtError."""
    try:
        found = conn.listAllDevices(libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:  # no driver for node devices is installed
            raise
        return ()
    return gpus_of([NodeDevice.parse(device.XMLDesc()) for device in found])


def gpus_of(devices: list[NodeDevice]) -> tuple[GpuInfo, ...]:
    """The GPUs among all PCI devices of a host."""
    known = {address_of(device): device for device in devices}
    wanted = sorted(address for address, device in known.items() if _is_gpu(device))
    return tuple(_info(address, known) for address in wanted)


def address_of(device: NodeDevice) -> str:
    """``domain:bus:slot.function`` in hex, as lspci writes it."""
    return f"{device.domain or 0:04x}:{device.bus or 0:02x}:{device.slot or 0:02x}.{device.function or 0:x}"


def _is_gpu(device: NodeDevice) -> bool:
    return (device.pci_class or "").startswith(DISPLAY) and device.vendor_id not in SCREENS


def _info(address: str, known: Mapping[str, NodeDevice]) -> GpuInfo:
    """Its card goes to a guest as a whole; what else is in its IOMMU group would have to go with it."""
    device = known[address]
    group = sorted({address, *map(_member_address, device.group_members)})
    card = address.rpartition(".")[0]
    functions = [member for member in group if member.rpartition(".")[0] == card]
    others = [member for member in group if member not in functions and not _is_bridge(known.get(member))]
    return GpuInfo(
        address=address,
        vendor=device.vendor or "",
        vendor_id=device.vendor_id or "",
        product=device.product or "",
        product_id=device.product_id or "",
        iommu_group=device.iommu_group,
        numa_node=device.numa_node,
        functions=tuple(functions),
        sharers=tuple(others),
    )


def _is_bridge(device: NodeDevice | None) -> bool:
    """Bridges of a group stay with the host: https://docs.kernel.org/driver-api/vfio.html."""
    return device is not None and (device.pci_class or "").startswith(BRIDGE)


def _member_address(member: GroupMember) -> str:
    domain, bus, slot, function = (
        int(number or "0", 16) for number in (member.domain, member.bus, member.slot, member.function)
    )
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"
