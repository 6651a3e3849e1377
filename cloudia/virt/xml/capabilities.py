"""Shape of ``<capabilities>``, ``<cpu>`` and ``<domainCapabilities>``, as far as CloudiA reads them."""

from __future__ import annotations

from cloudia.virt.xml.mapping import Children, Element, flag, text


class CpuFeature(Element):
    """One flag of a CPU."""

    TAG = "feature"
    name = text("@name")
    policy = text("@policy")


class HostCpu(Element):
    """The CPU of a host, as libvirt describes it or expands it."""

    TAG = "cpu"
    arch = text("arch")
    model = text("model")
    vendor = text("vendor")
    features = Children(CpuFeature)


class GuestDomainType(Element):
    """A way of running guests: ``kvm``, ``qemu``."""

    TAG = "domain"
    type = text("@type")


class Guest(Element):
    """One architecture that guests may have here."""

    TAG = "guest"
    os = text("os_type")
    arch = text("arch/@name")
    domain_types = Children(GuestDomainType, "arch")


class Capabilities(Element):
    """What a host is."""

    TAG = "capabilities"
    uuid = text("host/uuid")
    cpus = Children(HostCpu, "host")
    guests = Children(Guest)


class EnumValue(Element):
    """One of the values that an attribute may take."""

    TAG = "value"
    value = text(".")


class Enum(Element):
    """The values that an attribute may take."""

    TAG = "enum"
    name = text("@name")
    values = Children(EnumValue)


class CpuMode(Element):
    """A way of choosing the guest's CPU."""

    TAG = "mode"
    name = text("@name")
    supported = flag("@supported")


class DomainCapabilities(Element):
    """What domains of one type can have on a host."""

    TAG = "domainCapabilities"
    firmwares = Children(Enum, "os")
    cpu_modes = Children(CpuMode, "cpu")
    filesystems = Children(Enum, "devices/filesystem")
    tpm = flag("devices/tpm/@supported")
    backup = flag("features/backup/@supported")
