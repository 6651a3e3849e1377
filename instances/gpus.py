"""GPUs that instances have to themselves: docs/gpus.md. One is taken with the row that says so, under the lock of
placement, and kept while its instance is off."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Count
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Text
from cloudia.hosts.models import Gpu
from cloudia.hosts.usage import Usage
from instances.models import Instance, InstanceGpu


def usage_by_host() -> Mapping[UUID, Usage]:
    """How many GPUs instances have, running or not, by host id."""
    rows = InstanceGpu.objects.filter(gpu__present=True).values_list("gpu__host").annotate(number=Count("pk"))
    return {host: Usage(gpus=number) for host, number in rows}


def gpu_take(instance: Instance) -> None:
    """Give it the first free one of its host; the caller has placed it there, and still holds the lock of placement."""
    gpu = next(gpu for gpu in Gpu.objects.filter(host=instance.host_id, use=None).order_by("address") if gpu.usable)
    InstanceGpu.objects.create(instance=instance, gpu=gpu)


def gpu_give_back(instance: Instance) -> None:
    """Others may have it."""
    InstanceGpu.objects.filter(instance=instance).delete()


def gpu_of(instance: Instance) -> Gpu | None:
    """The one it has."""
    return Gpu.objects.filter(use__instance=instance).first() if instance.gpu else None


def gpu_problem(instance: Instance) -> Text:
    """Why its GPU can't be given to it now, or nothing; it may have none."""
    gpu = gpu_of(instance)
    if gpu is None or gpu.usable:
        return ""
    return format_lazy(_("GPU {address}: {problem}"), address=gpu.address, problem=gpu.problem)


def passthrough_of(instance: Instance) -> tuple[str, ...]:
    """The PCI addresses of the host's devices that its domain gets."""
    gpu = gpu_of(instance)
    return tuple(gpu.functions) if gpu else ()
