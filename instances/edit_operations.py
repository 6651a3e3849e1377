"""The job that brings a host to what was edited: each change is a step of its own, and fails alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Text
from cloudia.jobs.enums import StepStatus
from cloudia.jobs.models import Lockable
from cloudia.jobs.operation import Step
from cloudia.jobs.run import Run
from instances import policies
from instances.base_operation import OFF, InstanceOperation
from instances.disk_work import DiskWork
from instances.enums import DesiredState
from instances.interfaces import interface_forget
from instances.models import Instance, InstanceInterface
from instances.selectors import nic_specs
from storage.models import Volume

NIC_TIMEOUT_S = 30.0  # how long a guest may take to let go of a network interface
CONFIRMED = _("Confirmed in the guest.")


class UpdateInstance(InstanceOperation):
    """What an edit asks of the host. Its rows are there since it was asked for; what fails is taken back from them.

    ``params``: ``vcpus`` and ``memory_mib`` as ``{"from", "to"}``; lists of ids ``attach_nics``, ``detach_nics``,
    ``attach_disks``, ``detach_disks``; ``define``: the definition of a guest that is off follows its rows.
    """

    kind = "instance.update"
    action = policies.EDIT
    desired = DesiredState.RUNNING  # never recorded: an edit changes nothing about power
    label = _("Edit instance")
    transition = _("Updating")
    transition_code = "updating"
    repeatable = False  # some of it is done, and the rest is in no row any more

    labels: ClassVar[dict[str, Text]] = {
        "vcpus": _("Add vCPUs"),
        "memory": _("Add memory"),
        "detach_nic": _("Disconnect the network interface"),
        "attach_nic": _("Connect the network interface"),
        "detach_disk": _("Disconnect the disk"),
        "attach_disk": _("Connect the disk"),
        "define": _("Define the domain"),
    }

    @classmethod
    def step_labels(cls) -> dict[str, Text]:
        """By the part of a step's name before the colon: behind it is what the step is about."""
        return cls.labels

    @classmethod
    def step_label(cls, name: str) -> Text:
        """The label of a step by its name."""
        return super().step_label(name.partition(":")[0])

    @property
    def steps(self) -> Sequence[Step]:
        """One for each change; what takes something away comes before what needs its place."""
        params = self.job.params
        steps = []
        if "vcpus" in params:
            steps.append(self._alone("vcpus", self._ensure_vcpus, self._see_vcpus))
        if "memory_mib" in params:
            steps.append(self._alone("memory", self._ensure_memory, self._see_memory))
        steps += self._each("detach_nic", self._ensure_no_nic, self._ensure_nic)
        steps += self._each("attach_nic", self._ensure_nic, self._ensure_no_nic)
        steps += self._each("detach_disk", self._ensure_no_disk, self._ensure_disk)
        steps += self._each("attach_disk", self._ensure_disk, self._ensure_no_disk)
        if params.get("define"):
            steps.append(Step("define", self.labels["define"], self._ensure_current))
        return steps

    def _alone(self, name: str, do: Callable[[Run], None], undo: Callable[[Run], None]) -> Step:
        return Step(name, self.step_label(name), do, undo, alone=True)

    def _each(self, name: str, do: Callable[[str, Run], None], undo: Callable[[str, Run], None]) -> list[Step]:
        ids = self.job.params.get(f"{name}s", ())
        return [self._alone(f"{name}:{pk}", partial(do, pk), partial(undo, pk)) for pk in ids]

    def also_lock(self, target: Lockable) -> Sequence[Lockable]:
        """The volumes, as the service did."""
        params = self.job.params
        return list(Volume.objects.filter(pk__in=[*params.get("attach_disks", ()), *params.get("detach_disks", ())]))

    @property
    def _is_off(self) -> bool:
        """Whether there is no running guest to be changed: then the definition follows the rows, as at a start."""
        report = self.hypervisor.domains.report(self.instance.pk)
        return report is None or report.state in OFF

    def _ensure_current(self, run: Run) -> None:
        if self._is_off:
            self.ensure_defined(run)

    def _ensure_vcpus(self, run: Run) -> None:
        count = self.job.params["vcpus"]["to"]
        if self._is_off:
            self.ensure_defined(run)
            return
        self.hypervisor.domains.set_vcpus(self.instance.pk, count)
        run.note(f"virsh setvcpus {self.instance.short_id} {count} --live --config")
        seen = self.hypervisor.domains.resources(self.instance.pk)
        if seen.guest_vcpus == count:
            run.say(CONFIRMED)

    def _ensure_memory(self, run: Run) -> None:
        size_mib = self.job.params["memory_mib"]["to"]
        if self._is_off:
            self.ensure_defined(run)
            return
        self.hypervisor.domains.grow_memory(self.instance.pk, size_mib)
        more_mib = size_mib - self.job.params["memory_mib"]["from"]
        run.note(f"virsh attach-device {self.instance.short_id} dimm-{more_mib}MiB.xml --live --config")
        seen = self.hypervisor.domains.resources(self.instance.pk)
        if seen.guest_memory_mib == size_mib:
            run.say(CONFIRMED)

    def _see_vcpus(self, run: Run) -> None:
        """A guest does not shrink: the row follows what it has now."""
        if not self._is_off:
            seen = self.hypervisor.domains.resources(self.instance.pk)
            Instance.objects.filter(pk=self.instance.pk).update(vcpus=seen.vcpus)

    def _see_memory(self, run: Run) -> None:
        """The same."""
        if not self._is_off:
            seen = self.hypervisor.domains.resources(self.instance.pk)
            Instance.objects.filter(pk=self.instance.pk).update(memory_mib=seen.memory_mib)

    def _link(self, pk: str) -> QuerySet[InstanceInterface]:
        return self.instance.interfaces.filter(interface_id=UUID(pk)).select_related("interface")

    def _ensure_nic(self, pk: str, run: Run) -> None:
        """OVN first: a guest that asks for an address too early asks in vain."""
        link = self._link(pk).first()
        if link is None or self._is_off:
            return
        self.ensure_network(run)
        (spec,) = nic_specs([link.interface], self.host)
        self.hypervisor.domains.attach_nic(self.instance.pk, spec)
        run.note(
            f"virsh attach-device {self.instance.short_id} {link.name}.xml --live --config  # {link.interface.mac}"
        )

    def _ensure_no_nic(self, pk: str, run: Run) -> None:
        """The guest lets go of it before its address is free for others."""
        link = self._link(pk).first()
        if link is None:
            return
        run.note(f"virsh detach-interface {self.instance.short_id} bridge --mac {link.interface.mac} --persistent")
        self.hypervisor.domains.detach_nic(self.instance.pk, link.interface.pk, NIC_TIMEOUT_S)
        with transaction.atomic():
            interface_forget(link)

    def _disk(self, pk: str) -> DiskWork:
        return DiskWork(self.instance, self.hypervisor, pk)

    def _ensure_disk(self, pk: str, run: Run) -> None:
        disk = self._disk(pk)
        if disk.is_new:
            disk.ensure_made(run)
        disk.ensure_attached(run)
        disk.attached()

    def _ensure_no_disk(self, pk: str, run: Run) -> None:
        disk = self._disk(pk)
        disk.ensure_forgotten(run)
        disk.ensure_no_file(run)

    def failed(self) -> None:
        """What was not done is taken back from the rows, unless the domain may have it all the same."""
        super().failed()
        steps = dict(self.job.steps.values_list("name", "status"))
        for name in ("vcpus", "memory_mib"):
            if name in self.job.params and name.removesuffix("_mib") not in steps:
                Instance.objects.filter(pk=self.instance.pk).update(**{name: self.job.params[name]["from"]})
        for pk in self.job.params.get("attach_nics", ()):
            if f"attach_nic:{pk}" not in steps and (link := self._link(pk).first()):
                interface_forget(link)
        for pk in self.job.params.get("attach_disks", ()):
            if steps.get(f"attach_disk:{pk}") != StepStatus.SUCCEEDED:
                self._disk(pk).not_attached(tried=f"attach_disk:{pk}" in steps)


ALL = (UpdateInstance,)
