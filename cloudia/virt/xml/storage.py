"""Shape of ``<pool>`` and ``<volume>``: https://libvirt.org/formatstorage.html, as far as CloudiA uses it."""

from __future__ import annotations

from cloudia.virt.xml.mapping import Element, Quantity, text


class Pool(Element):
    """A place that holds volumes. Sizes in bytes."""

    TAG = "pool"
    type = text("@type")
    name = text("name")
    uuid = text("uuid")
    capacity = Quantity("capacity", unit="bytes", default="bytes")
    allocation = Quantity("allocation", unit="bytes", default="bytes")
    available = Quantity("available", unit="bytes", default="bytes")
    path = text("target/path")


class Volume(Element):
    """A disk image. Sizes in bytes."""

    TAG = "volume"
    name = text("name")
    capacity = Quantity("capacity", unit="bytes", default="bytes")
    allocation = Quantity("allocation", unit="bytes", default="bytes")
    path = text("target/path")
    format = text("target/format/@type")
    backing_path = text("backingStore/path")
    backing_format = text("backingStore/format/@type")
