"""Writing what was seen of a host: the only place where its observed fields change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.utils import timezone

from cloudia.core.errors import CloudiaError
from cloudia.core.text import in_every_language
from cloudia.hosts.models import Gpu, Host
from cloudia.virt import GpuInfo, HostDescription, hypervisor


def describe_now(host: Host) -> None:
    """Ask the host what it is, instead of waiting for the watcher. Raises CloudiaError if it does not answer."""
    record_description(host.pk, hypervisor(host.endpoint).describe())
    record_reachable(host.pk)
    host.refresh_from_db()


def record_description(host_id: UUID, description: HostDescription) -> None:
    """What the host is and can do; written only where it differs."""
    values: dict[str, Any] = {
        "hostname": description.hostname,
        "cpu_model": description.cpu_model,
        "cpus": description.cpus,
        "memory_mib": description.memory_mib,
        "libvirt_version": description.libvirt_version,
        "qemu_version": description.qemu_version,
        "accelerators": sorted(description.accelerators),
        "features": sorted(description.features),
    }
    known = Host.objects.filter(pk=host_id).values(*values).first()
    if known != values:
        Host.objects.filter(pk=host_id).update(**values)
    _record_gpus(host_id, description.gpus)


def _record_gpus(host_id: UUID, found: Sequence[GpuInfo]) -> None:
    """Written only where they differ; those that are gone are marked, for somebody may have been promised one."""
    known = {gpu.address: gpu for gpu in Gpu.objects.filter(host=host_id)}
    for info in found:
        values = {"present": True, **asdict(info), "functions": list(info.functions), "sharers": list(info.sharers)}
        gpu = known.pop(info.address, None)
        if gpu is None or any(getattr(gpu, name) != value for name, value in values.items()):
            Gpu.objects.update_or_create(host_id=host_id, address=info.address, defaults=values)
    Gpu.objects.filter(pk__in=[gpu.pk for gpu in known.values() if gpu.present]).update(present=False)


def record_reachable(host_id: UUID) -> None:
    """It has just answered."""
    Host.objects.filter(pk=host_id).update(reachable=True, last_seen_at=timezone.now(), problem_texts={})


def record_unreachable(host_id: UUID, error: CloudiaError) -> None:
    """It does not answer, and why. When it was last seen stays as it is."""
    values = {"reachable": False, "problem_texts": in_every_language(error.message)}
    Host.objects.filter(pk=host_id).exclude(**values).update(**values)
