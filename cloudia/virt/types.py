"""What goes in and out of the gateway: plain values, never libvirt objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Accelerator(StrEnum):
    """How guests are run: by the processor's virtualization, or emulated."""

    KVM = "kvm"
    TCG = "tcg"


class Feature(StrEnum):
    """What a host can or can't do; asked, never concluded from a version."""

    UEFI = "uefi"
    VIRTIOFS = "virtiofs"
    TPM = "tpm"
    BACKUP = "backup"
    HOST_PASSTHROUGH = "host_passthrough"
    MAXIMUM_CPU = "maximum_cpu"


class PowerState(StrEnum):
    """What a guest does, as far as CloudiA tells the difference."""

    RUNNING = "running"
    STOPPED = "stopped"
    PAUSED = "paused"
    CRASHED = "crashed"


class EventKind(StrEnum):
    """What happened to a domain."""

    DEFINED = "defined"
    UNDEFINED = "undefined"
    STARTED = "started"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    STOPPED = "stopped"
    SHUTDOWN = "shutdown"
    PMSUSPENDED = "pmsuspended"
    CRASHED = "crashed"
    REBOOTED = "rebooted"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a libvirt is, and as whom to log in there (SASL) if it asks."""

    uri: str
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class GpuInfo:
    """A graphics processor of a host. Addresses as ``0000:65:00.0``, ids as ``0x10de``.

    ``functions``: everything on the same card that goes to a guest with it. ``sharers``: other devices of its IOMMU
    group; where there are any, it can't be given away. Without ``iommu_group`` it can't either.
    """

    address: str
    vendor: str
    vendor_id: str
    product: str
    product_id: str
    iommu_group: int | None = None
    numa_node: int | None = None
    functions: tuple[str, ...] = ()
    sharers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostDescription:
    """A host as libvirt sees it. ``accelerators`` are those that really work."""

    hostname: str
    host_uuid: UUID
    libvirt_version: str
    qemu_version: str
    cpus: int
    memory_mib: int
    cpu_model: str
    arch: str
    accelerators: frozenset[Accelerator]
    features: frozenset[Feature]
    gpus: tuple[GpuInfo, ...] = ()

    def supports(self, feature: Feature) -> bool:
        """Whether the host can do ``feature``."""
        return feature in self.features


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """Something happened to a domain. A reason to look again, not a statement about its state."""

    uuid: UUID
    name: str
    kind: EventKind


@dataclass(frozen=True, slots=True)
class DomainReport:
    """A domain as it is now. ``ours`` domains carry CloudiA's metadata; the ids are empty in others."""

    uuid: UUID
    name: str
    state: PowerState
    vcpus: int
    memory_mib: int
    ours: bool
    instance_id: str = ""
    project_id: str = ""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a domain has: the running guest, or the definition of one that is off.

    ``guest_*`` is how much of it the guest's agent says is in use; None where nobody answers.
    """

    vcpus: int
    memory_mib: int
    guest_vcpus: int | None = None
    guest_memory_mib: int | None = None


class PoolKind(StrEnum):
    """libvirt's kinds of storage pools, as far as CloudiA uses them."""

    DIR = "dir"
    NETFS = "netfs"
    LOGICAL = "logical"
    RBD = "rbd"


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """A storage pool to have on a host.

    ``path``: the directory (dir), or where the export is mounted (netfs). ``host``: the NFS server, or Ceph's monitors
    with commas between. ``source``: the export, the volume group, Ceph's pool. ``username`` and ``secret``: for Ceph.
    """

    name: str
    uuid: UUID
    kind: PoolKind = PoolKind.DIR
    path: str = ""
    host: str = ""
    source: str = ""
    username: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DiskSpec:
    """A disk to give to a domain. ``serial`` is the volume's id: the guest sees its first 20 characters.

    ``position`` is its place on the bus: 0 is vda.
    """

    pool: str
    volume: str
    serial: str
    format: str = "qcow2"
    bootable: bool = False
    position: int = 0


@dataclass(frozen=True, slots=True)
class DiskInfo:
    """A disk that a domain has. ``capacity_bytes`` is None where nobody can tell, as of a guest that is off."""

    target: str
    serial: str
    pool: str
    volume: str
    capacity_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class FilesystemSpec:
    """A directory of the host that the guest may mount as ``tag`` (VirtioFS)."""

    tag: str
    path: str


@dataclass(frozen=True, slots=True)
class SeedSpec:
    """A volume that the guest has in a CD drive: what cloud-init reads."""

    pool: str
    volume: str


@dataclass(frozen=True, slots=True)
class NicSpec:
    """A network interface to give to a domain. ``id`` is the logical port's name in OVN; ``mtu`` in bytes.

    Without ``offloads`` the guest computes its checksums and segments: the userspace switch does neither.
    """

    id: UUID
    mac: str
    mtu: int
    offloads: bool = True


@dataclass(frozen=True, slots=True)
class DomainSpec:
    """What a guest shall be. ``max_*`` is how far it can grow while running; memory in MiB.

    ``passthrough``: PCI addresses of the host's devices that it has to itself.
    """

    uuid: UUID
    name: str
    instance_id: str
    project_id: str
    accelerator: Accelerator
    vcpus: int
    memory_mib: int
    disks: tuple[DiskSpec, ...]
    nics: tuple[NicSpec, ...] = ()
    filesystems: tuple[FilesystemSpec, ...] = ()
    seed: SeedSpec | None = None
    passthrough: tuple[str, ...] = ()
    max_vcpus: int = 0
    max_memory_mib: int = 0
    cores: int = 1
    threads_per_core: int = 1
    arch: str = "x86_64"


@dataclass(frozen=True, slots=True)
class PoolInfo:
    """A storage pool. Sizes in bytes, as of the last time libvirt looked."""

    name: str
    uuid: UUID
    active: bool
    path: str
    capacity_bytes: int
    allocation_bytes: int
    available_bytes: int


@dataclass(frozen=True, slots=True)
class VolumeInfo:
    """A volume of a pool. Capacity is what a guest sees, allocation what it takes on the host, in bytes."""

    pool: str
    name: str
    path: str
    capacity_bytes: int
    allocation_bytes: int
    format: str
    backing_path: str | None = None
