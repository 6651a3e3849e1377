"""지금 바꿀 수 없는 설정: what the page 인스턴스 편집 shows without letting anybody change it, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.core.policy import Text
from cloudia.ui.templatetags.units import memory
from instances import affinity_policies, mount_policies, policies
from instances.edit_plan import mounts_of
from instances.models import Instance


@dataclass(frozen=True, slots=True)
class Locked:
    """A setting as it is, and what keeps it so."""

    label: Text
    value: Text
    reason: Text


def locked_settings(instance: Instance, actor: Actor) -> list[Locked]:
    """Those that this state keeps first, then those that stay for good."""
    return [*_for_now(instance, actor), *_for_good(instance)]


def _for_now(instance: Instance, actor: Actor) -> Iterator[Locked]:
    if denial := policies.RESHAPE.denial(instance, actor):
        most = f"{instance.max_vcpus} / {memory(instance.max_memory_mib)}"
        words = {"cores": instance.cores, "threads": instance.threads_per_core}
        cores = _("%(cores)s cores per socket × %(threads)s threads per core") % words
        yield Locked(_("Maximum vCPUs / memory"), most, denial.message)
        yield Locked(_("Advanced vCPU settings"), cores, denial.message)
        yield Locked(_("GPU passthrough"), _("Used") if instance.gpu else _("Not used"), denial.message)
    if denial := affinity_policies.REGROUP.denial(instance, actor):
        yield Locked(_("Affinity group"), str(instance.affinity_group or "-"), denial.message)
    if denial := mount_policies.EDIT_MOUNT.denial(instance, actor):
        mounts = ", ".join(str(mount) for mount in mounts_of(instance))
        yield Locked(_("File systems"), mounts or "-", denial.message)


def _for_good(instance: Instance) -> Iterator[Locked]:
    made = _("It can't be changed once the instance is made.")
    user = instance.first_user
    yield Locked(_("OS image"), instance.image.name, made)
    yield Locked("VPC", instance.vpc.name if instance.vpc else "-", made)
    once = _("Cloud-init runs once, when an instance first starts.")
    yield Locked("Cloud-init", user.username if user else "-", once)
