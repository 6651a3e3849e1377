"""The one door to libvirt: short typed verbs, plain values and CloudiA's errors; never libvirt's own objects."""

from cloudia.virt.domains import Domains
from cloudia.virt.events import Subscription
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
    HostDescription,
    NicSpec,
    PoolInfo,
    PoolKind,
    PoolSpec,
    PowerState,
    SeedSpec,
    VolumeInfo,
)
from cloudia.virt.volumes import Volumes

__all__ = [
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
    "HostDescription",
    "Hypervisor",
    "NicSpec",
    "PoolInfo",
    "PoolKind",
    "PoolSpec",
    "Pools",
    "PowerState",
    "SeedSpec",
    "Sink",
    "Subscription",
    "VolumeInfo",
    "Volumes",
    "hypervisor",
]
