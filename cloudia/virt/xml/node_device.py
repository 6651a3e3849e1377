"""Shape of a node device's ``<device>``: https://libvirt.org/formatnode.html, of PCI devices alone."""

from __future__ import annotations

from cloudia.virt.xml.mapping import Children, Element, integer, text


class GroupMember(Element):
    """A function of the same IOMMU group. The numbers are in hex, as ``0x65``."""

    TAG = "address"
    domain = text("@domain")
    bus = text("@bus")
    slot = text("@slot")
    function = text("@function")


class NodeDevice(Element):
    """One function of a PCI device on the host; ``pci_class`` as ``0x030200``."""

    TAG = "device"
    pci_class = text("capability/class")
    domain = integer("capability/domain")
    bus = integer("capability/bus")
    slot = integer("capability/slot")
    function = integer("capability/function")
    vendor = text("capability/vendor")
    vendor_id = text("capability/vendor/@id")
    product = text("capability/product")
    product_id = text("capability/product/@id")
    iommu_group = integer("capability/iommuGroup/@number")
    group_members = Children(GroupMember, "capability/iommuGroup")
    numa_node = integer("capability/numa/@node")
