"""Shape of ``<domain>``: https://libvirt.org/formatdomain.html, as far as CloudiA reads or writes it."""

from __future__ import annotations

from lxml import etree

from cloudia.virt.xml.mapping import Children, Element, Presence, Quantity, flag, integer, text

# CloudiA's own element in <metadata>. Versioned by its address; never change what an address means.
NAMESPACE = "https://cloudia.dev/xmlns/domain/1"
etree.register_namespace("cloudia", NAMESPACE)


class Owner(Element):
    """``<cloudia:owner>``: whose domain this is."""

    TAG = f"{{{NAMESPACE}}}owner"
    instance = text("@instance")
    project = text("@project")


class BareOwner(Owner):
    """The same as libvirt's metadata call gives it: without its namespace."""

    TAG = "owner"


class Controller(Element):
    """A bus that devices are plugged into."""

    TAG = "controller"
    type = text("@type")
    index = integer("@index")
    model = text("@model")


class Disk(Element):
    """A disk in the guest, backed by a volume of a pool."""

    TAG = "disk"
    type = text("@type")
    device = text("@device")
    driver = text("driver/@name")
    format = text("driver/@type")
    cache = text("driver/@cache")
    discard = text("driver/@discard")
    pool = text("source/@pool")
    volume = text("source/@volume")
    target = text("target/@dev")
    bus = text("target/@bus")
    read_only = Presence("readonly")
    serial = text("serial")
    boot_order = integer("boot/@order")
    alias = text("alias/@name")


class Interface(Element):
    """A network card, plugged into a switch; ``port`` is how the switch's controller knows it.

    ``host_*`` and ``guest_*`` are what the card's driver may leave to the other side ("on", "off").
    """

    TAG = "interface"
    type = text("@type")
    mac = text("mac/@address")
    bridge = text("source/@bridge")
    switch = text("virtualport/@type")
    port = text("virtualport/parameters/@interfaceid")
    model = text("model/@type")
    driver = text("driver/@name")
    host_csum = text("driver/host/@csum")
    host_gso = text("driver/host/@gso")
    host_tso4 = text("driver/host/@tso4")
    host_tso6 = text("driver/host/@tso6")
    host_ecn = text("driver/host/@ecn")
    host_ufo = text("driver/host/@ufo")
    guest_csum = text("driver/guest/@csum")
    guest_tso4 = text("driver/guest/@tso4")
    guest_tso6 = text("driver/guest/@tso6")
    guest_ecn = text("driver/guest/@ecn")
    guest_ufo = text("driver/guest/@ufo")
    mtu = integer("mtu/@size")
    alias = text("alias/@name")


class Filesystem(Element):
    """A directory of the host in the guest."""

    TAG = "filesystem"
    type = text("@type")
    access = text("@accessmode")
    driver = text("driver/@type")
    source = text("source/@dir")
    target = text("target/@dir")
    alias = text("alias/@name")


class HostDevice(Element):
    """A device of the host that the guest has to itself; if ``managed``, libvirt takes it from its driver and back.

    The numbers are in hex, as ``0x65``.
    """

    TAG = "hostdev"
    mode = text("@mode")
    type = text("@type")
    managed = flag("@managed")
    domain = text("source/address/@domain")
    bus = text("source/address/@bus")
    slot = text("source/address/@slot")
    function = text("source/address/@function")
    alias = text("alias/@name")


class Serial(Element):
    """A serial port; what the guest writes goes to ``log`` too."""

    TAG = "serial"
    type = text("@type")
    log = text("log/@file")
    log_append = text("log/@append")
    port = integer("target/@port")


class Console(Element):
    """The guest's text console, on a serial port."""

    TAG = "console"
    type = text("@type")
    target_type = text("target/@type")
    port = integer("target/@port")


class Channel(Element):
    """A named pipe between host and guest; ``state`` is libvirt's word on whether the guest has opened it."""

    TAG = "channel"
    type = text("@type")
    target_type = text("target/@type")
    name = text("target/@name")
    state = text("target/@state")


class Graphics(Element):
    """The screen server."""

    TAG = "graphics"
    type = text("@type")
    port = integer("@port")
    autoport = flag("@autoport")
    listen = text("@listen")
    password = text("@passwd")


class Video(Element):
    """The graphics card; ``vram_kib`` in KiB."""

    TAG = "video"
    model = text("model/@type")
    vram_kib = integer("model/@vram")


class Rng(Element):
    """A source of randomness."""

    TAG = "rng"
    model = text("@model")
    backend = text("backend/@model")
    source = text("backend")


class MemoryModule(Element):
    """A memory module (DIMM) that was plugged in, beside the memory that the domain started with."""

    TAG = "memory"
    model = text("@model")
    access = text("@access")
    size_mib = Quantity("target/size", unit="MiB")
    cell = integer("target/node")
    alias = text("alias/@name")


class Cell(Element):
    """A NUMA node of the guest."""

    TAG = "cell"
    id = integer("@id")
    cpus = text("@cpus")
    memory = integer("@memory")
    unit = text("@unit")
    access = text("@memAccess")


class Domain(Element):
    """A guest. ``vcpus`` is the most it may have, ``current_vcpus`` what it starts with."""

    TAG = "domain"

    type = text("@type")
    name = text("name")
    uuid = text("uuid")
    memory_mib = Quantity("memory", unit="MiB")
    current_memory_mib = Quantity("currentMemory", unit="MiB")
    max_memory_mib = Quantity("maxMemory", unit="MiB")
    memory_slots = integer("maxMemory/@slots")
    memory_source = text("memoryBacking/source/@type")
    memory_access = text("memoryBacking/access/@mode")
    vcpus = integer("vcpu")
    current_vcpus = integer("vcpu/@current")

    os = text("os/type")
    arch = text("os/type/@arch")
    machine = text("os/type/@machine")
    acpi = Presence("features/acpi")
    apic = Presence("features/apic")

    cpu_mode = text("cpu/@mode")
    cpu_check = text("cpu/@check")
    sockets = integer("cpu/topology/@sockets")
    dies = integer("cpu/topology/@dies")
    cores = integer("cpu/topology/@cores")
    threads = integer("cpu/topology/@threads")
    cells = Children(Cell, "cpu/numa")

    clock = text("clock/@offset")
    on_poweroff = text("on_poweroff")
    on_reboot = text("on_reboot")
    on_crash = text("on_crash")

    controllers = Children(Controller, "devices")
    disks = Children(Disk, "devices")
    filesystems = Children(Filesystem, "devices")
    interfaces = Children(Interface, "devices")
    host_devices = Children(HostDevice, "devices")
    serials = Children(Serial, "devices")
    consoles = Children(Console, "devices")
    channels = Children(Channel, "devices")
    graphics = Children(Graphics, "devices")
    videos = Children(Video, "devices")
    rngs = Children(Rng, "devices")
    modules = Children(MemoryModule, "devices")
    balloon = text("devices/memballoon/@model")
    balloon_period_s = integer("devices/memballoon/stats/@period")

    owners = Children(Owner, "metadata")
