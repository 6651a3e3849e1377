"""Shape of ``<pool>`` and ``<volume>``: https://libvirt.org/formatstorage.html, as far as CloudiA uses it."""

from __future__ import annotations

from cloudia.virt.xml.mapping import Children, Element, Quantity, flag, integer, text


class SourceHost(Element):
    """A server that a pool's storage comes from."""

    TAG = "host"
    name = text("@name")
    port = integer("@port")


class Secret(Element):
    """A password that libvirt keeps: https://libvirt.org/formatsecret.html."""

    TAG = "secret"
    ephemeral = flag("@ephemeral")
    private = flag("@private")
    uuid = text("uuid")
    usage_type = text("usage/@type")
    usage_name = text("usage/name")


class Pool(Element):
    """A place that holds volumes. Sizes in bytes."""

    TAG = "pool"
    type = text("@type")
    name = text("name")
    uuid = text("uuid")
    capacity = Quantity("capacity", unit="bytes", default="bytes")
    allocation = Quantity("allocation", unit="bytes", default="bytes")
    available = Quantity("available", unit="bytes", default="bytes")
    hosts = Children(SourceHost, "source")
    source_name = text("source/name")
    source_dir = text("source/dir/@path")
    source_format = text("source/format/@type")
    auth_type = text("source/auth/@type")
    auth_username = text("source/auth/@username")
    auth_secret = text("source/auth/secret/@uuid")
    path = text("target/path")


class PoolType(Element):
    """What libvirt says about one kind of pools."""

    TAG = "pool"
    type = text("@type")
    supported = flag("@supported")


class PoolCapabilities(Element):
    """What kinds of pools libvirt can have: https://libvirt.org/formatstoragecaps.html."""

    TAG = "storagepoolCapabilities"
    pools = Children(PoolType, "")


class Volume(Element):
    """A disk image. Sizes in bytes."""

    TAG = "volume"
    type = text("@type")
    name = text("name")
    capacity = Quantity("capacity", unit="bytes", default="bytes")
    allocation = Quantity("allocation", unit="bytes", default="bytes")
    path = text("target/path")
    format = text("target/format/@type")
    backing_path = text("backingStore/path")
    backing_format = text("backingStore/format/@type")
