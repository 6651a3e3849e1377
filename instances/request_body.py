"""A wish for an instance as the API takes it: for people who want the same from a program, and for launch templates."""

from __future__ import annotations

from typing import Any

from cloudia.accounts.models import Project
from instances.disk_wishes import DiskWish
from instances.wishes import Compute, InstanceWish
from networking.services.interfaces import InterfaceWish

HIDDEN = "********"  # stands for a password


def body_of(wish: InstanceWish, project: Project) -> dict[str, Any]:
    """The body of ``POST instances/`` that asks for the same, without the password itself."""
    content = content_of(wish)
    if wish.guest.password:
        content["cloud_init"]["password"] = HIDDEN
    return {"name": wish.name, "project": str(project.pk), **content}


def content_of(wish: InstanceWish) -> dict[str, Any]:
    """The same without name, project and password."""
    some: dict[str, Any] = {} if wish.boot_disk_gib is None else {"boot_disk_gib": wish.boot_disk_gib}
    if wish.affinity_group:
        some["affinity_group"] = str(wish.affinity_group.pk)
    mounts = [{"filesystem": str(it.filesystem.pk), "mount_path": it.mount_path} for it in wish.filesystems]
    scripts = [{"name": it.name, "stage": str(it.stage), "content": it.content} for it in wish.guest.scripts]
    return {
        "description": wish.description,
        "image": str(wish.image.pk),
        **_compute(wish.compute),
        **some,
        "interfaces": [_interface(nic) for nic in wish.interfaces],
        "volumes": [_disk(disk) for disk in wish.volumes],
        "filesystems": mounts,
        "cloud_init": {"username": wish.guest.username, "ssh_keys": list(wish.guest.ssh_keys), "scripts": scripts},
        "start": wish.start,
    }


def _interface(nic: InterfaceWish) -> dict[str, Any]:
    groups = [str(group.pk) for group in nic.security_groups]
    address = {"ip_address": nic.address} if nic.address else {}
    return {"subnet": str(nic.subnet.pk), **address, "security_groups": groups}


def _disk(disk: DiskWish) -> str | dict[str, Any]:
    return str(disk.volume.pk) if disk.volume else disk.params


def _compute(compute: Compute) -> dict[str, Any]:
    """A type is kept as such: what it fixes follows it. A maximum is kept where it was asked for."""
    if compute.instance_type:
        size: dict[str, Any] = {"instance_type": str(compute.instance_type.pk)}
    else:
        size = {"vcpus": compute.vcpus, "memory_mib": compute.memory_mib}
    if compute.threads is not None and compute.cores is not None:
        size |= {"threads_per_core": compute.threads, "cores": compute.cores}
    if compute.gpu:
        size["gpu"] = True
    if compute.max_vcpus != compute.vcpus:
        size["max_vcpus"] = compute.max_vcpus
    if compute.max_memory_mib != compute.memory_mib:
        size["max_memory_mib"] = compute.max_memory_mib
    return size
