"""The one door to libvirt: short typed verbs, plain values and CloudiA's errors; never libvirt's own objects."""

from cloudia.virt.domains import Domains
from cloudia.virt.events import Subscription
from cloudia.virt.hypervisor import Hypervisor, hypervisor
from cloudia.virt.storage import Pools, Volumes
from cloudia.virt.types import (
    Accelerator,
    DiskSpec,
    DomainEvent,
    DomainReport,
    DomainSpec,
    Endpoint,
    EventKind,
    Feature,
    HostDescription,
    NicSpec,
    PoolInfo,
    PowerState,
    VolumeInfo,
)

__all__ = [
    "Accelerator",
    "DiskSpec",
    "DomainEvent",
    "DomainReport",
    "DomainSpec",
    "Domains",
    "Endpoint",
    "EventKind",
    "Feature",
    "HostDescription",
    "Hypervisor",
    "NicSpec",
    "PoolInfo",
    "Pools",
    "PowerState",
    "Subscription",
    "VolumeInfo",
    "Volumes",
    "hypervisor",
]
