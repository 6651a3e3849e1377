"""Which GPUs a host has, and what goes to a guest with each, by libvirt's node devices."""

from __future__ import annotations

from pathlib import Path

import libvirt
import pytest

from cloudia.virt.gpus import gpus, gpus_of
from cloudia.virt.xml.node_device import NodeDevice

DEVICE = """<device><name>pci_{name}</name><parent>computer</parent><capability type='pci'>
<class>{pci_class}</class><domain>0</domain><bus>{bus}</bus><slot>{slot}</slot><function>{function}</function>
<product id='0x20b5'>GA100 [A100 PCIe 80GB]</product><vendor id='{vendor}'>NVIDIA Corporation</vendor>
{group}</capability></device>"""
GPU, SOUND, BRIDGE, NETWORK = "0x030200", "0x040300", "0x060400", "0x020000"


def device(
    bus: int, slot: int = 0, function: int = 0, *, pci_class: str = GPU, group: str = "", vendor: str = "0x10de"
) -> NodeDevice:
    """``group``: the functions of its IOMMU group, as ``65:00.0 65:00.1``."""
    members = "".join(
        f"<address domain='0x0000' bus='0x{it[:2]}' slot='0x{it[3:5]}' function='0x{it[6:]}'/>" for it in group.split()
    )
    name = f"{bus}_{slot}_{function}"
    wrapped = f"<iommuGroup number='15'>{members}</iommuGroup><numa node='1'/>" if group else ""
    text = DEVICE.format(
        name=name, pci_class=pci_class, bus=bus, slot=slot, function=function, vendor=vendor, group=wrapped
    )
    return NodeDevice.parse(text)


def test_card_goes_with_all_its_functions() -> None:
    group = "65:00.0 65:00.1"
    (gpu,) = gpus_of([device(0x65, group=group), device(0x65, function=1, pci_class=SOUND, group=group)])
    assert (gpu.address, gpu.product, gpu.product_id) == ("0000:65:00.0", "GA100 [A100 PCIe 80GB]", "0x20b5")
    assert (gpu.iommu_group, gpu.numa_node) == (15, 1)
    assert gpu.functions == ("0000:65:00.0", "0000:65:00.1")
    assert gpu.sharers == ()


def test_bridges_of_the_group_stay_and_other_devices_are_in_the_way() -> None:
    group = "00:01.0 65:00.0 66:00.0"
    devices = [
        device(0, 1, pci_class=BRIDGE, group=group),
        device(0x65, group=group),
        device(0x66, pci_class=NETWORK, group=group),
    ]
    (gpu,) = gpus_of(devices)
    assert (gpu.functions, gpu.sharers) == (("0000:65:00.0",), ("0000:66:00.0",))


def test_without_an_iommu_there_is_no_group() -> None:
    (gpu,) = gpus_of([device(0x65)])
    assert (gpu.iommu_group, gpu.functions) == (None, ("0000:65:00.0",))


@pytest.mark.parametrize("vendor", ["0x1a03", "0x1234", "0x1af4"])
def test_screen_of_a_management_controller_or_virtual_machine_is_no_gpu(vendor: str) -> None:
    assert gpus_of([device(0x65, pci_class="0x030000", vendor=vendor)]) == ()


def test_libvirt_tells_the_gpus_of_a_host(tmp_path: Path) -> None:
    node = tmp_path / "node.xml"
    node.write_text(f"<node>{device(0x65, group='65:00.0')}{device(0x17, pci_class=NETWORK)}</node>")
    conn = libvirt.open(f"test://{node}")
    try:
        assert [(gpu.address, gpu.iommu_group, gpu.vendor) for gpu in gpus(conn)] == [
            ("0000:65:00.0", 15, "NVIDIA Corporation")
        ]
    finally:
        conn.close()
