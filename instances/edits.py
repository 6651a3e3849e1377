"""What an instance shall become, and what of that changes: plain values for page, API and admin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from cloudia.core.policy import Text
from instances.affinity_models import AffinityGroup
from instances.disk_wishes import DiskWish
from instances.models import Instance, InstanceInterface
from instances.mounts import MountWish
from instances.wishes import Compute
from networking.models import NetworkInterface
from networking.services.interfaces import InterfaceWish

SIZES = ("vcpus", "memory_mib", "max_vcpus", "max_memory_mib")
TOPOLOGY = ("threads", "cores")  # None: as the number of vCPUs suggests
FIXED_BY_TYPE = ("vcpus", "memory_mib", *TOPOLOGY, "gpu")


@dataclass(frozen=True, kw_only=True)
class InterfaceEdit:
    """A network interface as it shall be; without ``link`` a new one."""

    wish: InterfaceWish
    link: InstanceInterface | None = None


@dataclass(frozen=True)
class Regroup:
    """The affinity group that it shall be in; None: in none."""

    group: AffinityGroup | None


@dataclass(frozen=True, kw_only=True)
class EditWish:
    """An instance as it shall be; None leaves that part as it is.

    Lists are complete: what is missing in one is to go. ``volumes`` are the data disks; the boot disk always stays.
    """

    name: str | None = None
    description: str | None = None
    compute: Compute | None = None
    interfaces: tuple[InterfaceEdit, ...] | None = None
    volumes: tuple[DiskWish, ...] | None = None
    filesystems: tuple[MountWish, ...] | None = None
    regroup: Regroup | None = None


class Applies(StrEnum):
    """When a change takes effect for the guest."""

    NOW = "now"
    NEXT_START = "next_start"
    NEVER = "never"  # as things stand; the change says why


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that will differ. ``field`` is where an error about it belongs, as ``interfaces.1.subnet``.

    ``before`` and ``after`` are None where there is nothing; ``unit`` is theirs, if they are numbers with one.
    """

    field: str
    label: Text
    before: int | str | None
    after: int | str | None
    applies: Applies
    code: str = ""
    reason: Text = ""
    unit: str = ""


def edit_facts(instance: Instance) -> dict[str, Any]:
    """Everything that can be edited, as it is: two readers with equal facts look at the same thing."""
    nics = instance.interfaces.select_related("interface").prefetch_related("interface__security_groups")
    mounts = instance.mounts.order_by("filesystem").values_list("filesystem", "mount_path")
    compute = compute_of(instance)
    return {
        "name": instance.name,
        "description": instance.description,
        **{name: getattr(compute, name) for name in (*SIZES, *TOPOLOGY, "gpu")},
        "instance_type": str(instance.instance_type_id or ""),
        "affinity_group": str(instance.affinity_group_id or ""),
        "interfaces": [_nic_facts(link.interface) for link in nics.order_by("position")],
        "volumes": [str(pk) for pk in instance.disks.order_by("position").values_list("volume", flat=True)],
        "filesystems": [[str(pk), path] for pk, path in mounts],
    }


def _nic_facts(nic: NetworkInterface) -> list[Any]:
    groups = sorted(str(group.pk) for group in nic.security_groups.all())
    return [str(nic.pk), str(nic.subnet_id), nic.address, groups]


def compute_of(instance: Instance) -> Compute:
    """What an instance has."""
    return Compute(
        vcpus=instance.vcpus,
        memory_mib=instance.memory_mib,
        max_vcpus=instance.max_vcpus,
        max_memory_mib=instance.max_memory_mib,
        instance_type=instance.instance_type,
        threads=instance.threads_per_core if instance.cores_per_socket else None,
        cores=instance.cores_per_socket,
        gpu=instance.gpu,
    )


def resized(have: Compute, said: Mapping[str, Any]) -> Compute | None:
    """``have`` with what is ``said`` of its sizes and cores, or None if nothing is.

    What an instance type fixes is that of no type when it differs.
    """
    values = {name: said[name] for name in (*SIZES, *TOPOLOGY, "gpu") if name in said}
    if any(values.get(name, getattr(have, name)) != getattr(have, name) for name in FIXED_BY_TYPE):
        values["instance_type"] = None
    return replace(have, **values) if values else None
