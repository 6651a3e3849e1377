"""The one door to libvirt: short typed verbs, plain values and CloudiA's errors; never libvirt's own objects."""

from cloudia.virt.domains import Domains
from cloudia.virt.events import Subscription
from cloudia.virt.growth import MEMORY_STEP_MIB
from cloudia.virt.hypervisor import Hypervisor, hypervisor
from cloudia.virt.pools import Pools
from cloudia.virt.transfer import Sink
from cloudia.virt.types import (
    Accelerator,
    DiskInfo,
    DiskSpec,
    DomainEvent,
    DomainReport,
    DomainSpec,
    Endpoint,
    EventKind,
    Feature,
    FilesystemSpec,
    GpuInfo,
    HostDescription,
    NicSpec,
    PoolInfo,
    PoolKind,
    PoolSpec,
    PowerState,
    Resources,
    SeedSpec,
    VolumeInfo,
)
from cloudia.virt.volumes import Volumes

__all__ = [
    "MEMORY_STEP_MIB",
    "Accelerator",
    "DiskInfo",
    "DiskSpec",
    "DomainEvent",
    "DomainReport",
    "DomainSpec",
    "Domains",
    "Endpoint",
    "EventKind",
    "Feature",
    "FilesystemSpec",
    "GpuInfo",
    "HostDescription",
    "Hypervisor",
    "NicSpec",
    "PoolInfo",
    "PoolKind",
    "PoolSpec",
    "Pools",
    "PowerState",
    "Resources",
    "SeedSpec",
    "Sink",
    "Subscription",
    "VolumeInfo",
    "Volumes",
    "hypervisor",
]
