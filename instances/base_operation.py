"""What all operations on an instance share."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.core.errors import OperationFailed
from cloudia.core.policy import Action
from cloudia.hosts.models import Host
from cloudia.jobs.operation import Operation
from cloudia.jobs.run import Run
from cloudia.virt import Hypervisor, hypervisor
from cloudia.virt import PowerState as Seen
from instances.enums import DesiredState, PowerState
from instances.models import Instance, InstanceDisk
from instances.observations import look
from instances.seed import seed_ensure, seed_remove
from instances.selectors import domain_spec
from networking.sync import ensure_effect
from storage.volume_files import volume_file_remove

OFF = {Seen.STOPPED, Seen.CRASHED}


class InstanceOperation(Operation):
    """An operation on an instance, its target.

    ``action`` is the rule for asking, ``desired`` what the instance is wished to be from then on: the service and
    another try of a failed job read both here.
    """

    action: ClassVar[Action]
    desired: ClassVar[DesiredState]

    @cached_property
    def instance(self) -> Instance:
        """The instance, as the database has it at the beginning of this delivery."""
        instance = Instance.objects.select_related("host", "project", "image__storage_domain", "created_by").filter(
            pk=self.job.target_id
        )
        if (row := instance.first()) is None:
            raise OperationFailed(_("The instance no longer exists."), code="target_gone")
        return row

    @property
    def host(self) -> Host:
        """The host that owns the instance."""
        if self.instance.host is None:
            raise OperationFailed(_("The instance has no host."), code="no_host")
        return self.instance.host

    @property
    def hypervisor(self) -> Hypervisor:
        """The gateway to that host."""
        return hypervisor(self.host.endpoint)

    @property
    def domain_is_off(self) -> bool:
        """Whether the domain is there and does not run, seen now."""
        report = self.hypervisor.domains.report(self.instance.pk)
        return report is not None and report.state in OFF

    def look(self) -> PowerState:
        """Record what is seen now."""
        return look(self.instance, self.hypervisor)

    def failed(self) -> None:
        """What was asked for did not happen: what is seen is what is wanted, until somebody asks again."""
        running = self.instance.power_state in {PowerState.RUNNING, PowerState.PAUSED}
        desired = DesiredState.RUNNING if running else DesiredState.STOPPED
        Instance.objects.filter(pk=self.job.target_id).update(desired_state=desired)

    def reopen(self, actor: Actor) -> None:
        """Another try is a new request: the same check, the same room, the same wish."""
        self.action.check(self.instance, actor)
        self.claim_room(self.instance)
        Instance.objects.filter(pk=self.instance.pk).update(desired_state=self.desired)

    @classmethod
    def claim_room(cls, instance: Instance) -> None:
        """Raise NoCapacity unless there is room for what this does. Most operations need none."""

    def ensure_defined(self, run: Run) -> None:
        """Give the domain to libvirt as the rows describe it."""
        self.hypervisor.domains.define(domain_spec(self.instance, self.host))
        run.note(f"virsh define {self.instance.short_id}")

    def ensure_seed(self, run: Run) -> None:
        """Write what cloud-init reads in the guest, as the rows are now; while it runs, the guest keeps what it has."""
        report = self.hypervisor.domains.report(self.instance.pk)
        if (report is None or report.state in OFF) and (said := seed_ensure(self.instance, self.hypervisor)):
            run.note(said)

    def ensure_no_seed(self, run: Run) -> None:
        """Delete it, if it is there."""
        if said := seed_remove(self.instance, self.hypervisor):
            run.note(said)

    def ensure_network(self, run: Run) -> None:
        """Wait until OVN has the interfaces: a guest that starts too early asks for an address in vain."""
        if self.instance.interfaces.exists():
            ensure_effect()
            run.note(f"ovn-nbctl find Logical_Switch_Port external_ids:cloudia\\:owner={self.instance.short_id}")

    def ensure_started(self, run: Run) -> None:
        """Power on."""
        self.hypervisor.domains.start(self.instance.pk)
        run.note(f"virsh start {self.instance.short_id}")
        if self.look() == PowerState.ABSENT:
            raise OperationFailed(_("The domain disappeared while it was started."), code="domain_gone")

    def ensure_undefined(self, run: Run) -> None:
        """Power off and forget the domain, if it is there."""
        self.hypervisor.domains.destroy(self.instance.pk)
        self.hypervisor.domains.undefine(self.instance.pk)
        run.note(f"virsh undefine {self.instance.short_id}")
        self.look()

    def ensure_no_boot_disk(self, run: Run) -> None:
        """Delete the boot disk's file, if it is there."""
        self.ensure_no_files(run, self.instance.disks.filter(is_boot=True))

    def ensure_no_files(self, run: Run, disks: QuerySet[InstanceDisk]) -> None:
        """Delete the files of ``disks``, as far as they are there."""
        for disk in disks.select_related("volume__storage_domain"):
            run.note(volume_file_remove(disk.volume, self.hypervisor))
