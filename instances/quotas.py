"""What instances take of a project's quotas, counted by what they have now.

Stopped ones count like running ones: they may be started at any time, and what is promised must be there then. Those
that failed count until they are deleted: they can be tried again without being counted anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from cloudia.accounts import quotas
from cloudia.accounts.models import Project
from cloudia.accounts.quotas import Level, Resource
from cloudia.core.faults import Faults
from cloudia.core.policy import Text
from instances.models import Instance
from instances.wishes import Compute

KIB = 1024


def register() -> None:
    """Limit them; called at start-up. Defaults leave an average of 4 vCPUs and 16 GiB to each instance."""
    quotas.register(Resource("instances", _("Instances"), 100, instance_count))
    quotas.register(Resource("vcpus", _("vCPU"), 400, vcpu_count))
    quotas.register(Resource("memory_gib", _("Memory (GiB)"), 1600, memory_gib))
    quotas.register(Resource("gpus", _("GPUs"), 8, gpu_count))


def instance_count(project: Project) -> int:
    """How many instances it has, whatever their state."""
    return Instance.objects.filter(project=project).count()


def vcpu_count(project: Project) -> int:
    """How many vCPUs its instances have now, not how many they may grow to."""
    return _sum(project, "vcpus")


def memory_gib(project: Project) -> float:
    """How much memory its instances have now, in GiB."""
    return gib(_sum(project, "memory_mib"))


def gpu_count(project: Project) -> int:
    """How many of its instances have a GPU to themselves."""
    return Instance.objects.filter(project=project, gpu=True).count()


def gib(mib: int) -> float:
    """Nothing is rounded: a float holds 1024ths exactly."""
    return mib // KIB if mib % KIB == 0 else mib / KIB


def compute_claim(project: Project, compute: Compute) -> None:
    """Make sure that one more instance fits in, in the transaction that makes it.

    Raises ActionDenied (``quota_exceeded``) for the number of instances, InputError at ``vcpus`` and ``memory_mib`` for
    their size, or at ``instance_type`` if that is what was chosen.
    """
    quotas.claim(project, "instances")
    field = "instance_type" if compute.instance_type else ""
    growth_claim(project, compute.vcpus, compute.memory_mib, int(compute.gpu), field)


def growth_claim(project: Project, vcpus: int, memory_mib: int, gpus: int, field: str = "") -> None:
    """Make sure that so much more fits in, at ``vcpus``, ``memory_mib`` and ``gpu`` or one other ``field``. Less always
    does."""
    faults = Faults()
    wanted = (("vcpus", vcpus, "vcpus"), ("memory_gib", gib(memory_mib), "memory_mib"), ("gpus", gpus, "gpu"))
    for name, more, own in wanted:
        if denial := quotas.claim_denial(project, name, more):
            faults.note(field or own, denial.code, denial.message)
    faults.raise_if_any()


@dataclass(frozen=True, slots=True)
class Request:
    """What a new instance, or more of one, would take of a quota."""

    level: Level
    more: float

    @property
    def reason(self) -> Text:
        """Why it does not fit, or nothing."""
        denial = self.level.shortage(self.more)
        return denial.message if denial else ""


def requests(project: Project, compute: Compute | None, disks_gib: Iterable[int]) -> list[Request]:
    """What an instance with new disks of these sizes would take, as far as it is known."""
    sizes = list(disks_gib)
    more = {
        "vcpus": compute.vcpus if compute else 0,
        "memory_gib": gib(compute.memory_mib) if compute else 0,
        **({"gpus": 1} if compute and compute.gpu else {}),
        "volume_gib": sum(sizes),
        "volumes": len(sizes),
        "instances": 1,
    }
    return [Request(quotas.level(project, name), max(0, amount)) for name, amount in more.items()]


def growth(project: Project, vcpus: int, memory_mib: int, gpus: int, disks_gib: Sequence[int]) -> list[Request]:
    """What so much more for an instance would take, with new disks of these sizes: quotas that it takes nothing of are
    left out."""
    disks = {"volume_gib": sum(disks_gib), "volumes": len(disks_gib)}
    more = {"vcpus": vcpus, "memory_gib": gib(memory_mib), "gpus": gpus, **disks}
    return [Request(quotas.level(project, name), amount) for name, amount in more.items() if amount > 0]


def _sum(project: Project, column: str) -> int:
    found: int | None = Instance.objects.filter(project=project).aggregate(sum=Sum(column))["sum"]
    return found or 0
