"""Hosts as pages show them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cloudia.hosts.models import Gpu, Host
from cloudia.hosts.usage import Usage, usage_by_host


@dataclass(frozen=True, slots=True)
class HostOverview:
    """A host and what its guests claim of it. Percentages are of what may be given out, 100 if that is nothing."""

    host: Host
    used: Usage

    @property
    def free_vcpus(self) -> int:
        """vCPUs that more guests may have."""
        return max(self.host.allocatable_vcpus - self.used.vcpus, 0)

    @property
    def free_memory_mib(self) -> int:
        """MiB that more guests may have."""
        return max(self.host.allocatable_memory_mib - self.used.memory_mib, 0)

    @property
    def vcpu_percent(self) -> int:
        """How many of the vCPUs are given out."""
        return _percent(self.used.vcpus, self.host.allocatable_vcpus)

    @property
    def memory_percent(self) -> int:
        """How much of the memory is given out."""
        return _percent(self.used.memory_mib, self.host.allocatable_memory_mib)

    @property
    def gpu_models(self) -> list[tuple[str, int]]:
        """What GPUs it has that can be used, and how many of each."""
        return sorted(Counter(str(gpu) for gpu in self.host.gpus.all() if gpu.usable).items())

    @property
    def unusable_gpus(self) -> list[Gpu]:
        """GPUs that no guest can have; each knows why."""
        return [gpu for gpu in self.host.gpus.all() if not gpu.usable]


def hosts_overview() -> list[HostOverview]:
    """Every host by name; a query for them, one for their GPUs, and one for each way to count guests."""
    usage = usage_by_host()
    hosts = Host.objects.select_related("current_job").prefetch_related("gpus")
    return [HostOverview(host, usage.get(host.pk, Usage())) for host in hosts]


def _percent(part: int, whole: int) -> int:
    return 100 if whole <= 0 else min(100 * part // whole, 100)
