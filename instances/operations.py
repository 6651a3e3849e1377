"""What the jobs of instances do, step by step. Every step looks first, so that it may run twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.core.errors import OperationFailed
from cloudia.core.faults import Faults
from cloudia.hosts.models import Host
from cloudia.hosts.placement import Demand, Preference, place
from cloudia.jobs.models import Lockable
from cloudia.jobs.operation import Step, Wait
from cloudia.jobs.run import Run
from instances import boot_disk, policies
from instances.affinity import place_in_group
from instances.base_operation import OFF, InstanceOperation
from instances.disk_wishes import check_disks, disk_wishes_of, disks_record
from instances.disks import data_disks, disks_check_deletion, disks_forget
from instances.enums import DesiredState, PowerState
from instances.gpus import gpu_give_back, gpu_problem, gpu_take
from instances.interfaces import interfaces_forget
from instances.models import Instance, InstanceDisk
from instances.selectors import hosts_for
from storage.enums import VolumeStatus
from storage.filesystem_places import mark
from storage.models import Volume
from storage.placement import mark_storage
from storage.volume_files import volume_file_ensure

TICK_S = 10  # ACPI requests are repeated this often; between two of them the worker serves others


class CreateInstance(InstanceOperation):
    """Clone the boot disk, define the domain, start it."""

    kind = "instance.create"
    label = _("Create instance")
    transition = _("Creating")
    transition_code = "creating"

    @property
    def steps(self) -> Sequence[Step]:
        """Disks, domain, power; undone in reverse."""
        steps = [
            Step("boot_disk", _("Make the boot disk"), self._ensure_disk, self.ensure_no_boot_disk),
            Step("seed", _("Write the guest's settings"), self.ensure_seed, self.ensure_no_seed),
            Step("define", _("Define the domain"), self._ensure_domain, self._ensure_no_domain),
            Step("network", _("Connect to the network"), self.ensure_network),
        ]
        if self.job.params.get("volumes", True):
            steps.insert(1, Step("disks", _("Make the data disks"), self._ensure_disks, self._ensure_no_disks))
        if self.job.params.get("start", True):
            steps.append(Step("start", _("Power on"), self.ensure_started))
        return steps

    def _ensure_disk(self, run: Run) -> None:
        disk = self.instance.disks.select_related("volume__storage_domain", "volume__image").get(is_boot=True)
        run.note(volume_file_ensure(disk.volume, self.hypervisor))

    def _ensure_disks(self, run: Run) -> None:
        for disk in self._new_disks.select_related("volume__storage_domain", "volume__image"):
            run.note(volume_file_ensure(disk.volume, self.hypervisor))

    def _ensure_no_disks(self, run: Run) -> None:
        self.ensure_no_files(run, self._new_disks)

    def _ensure_domain(self, run: Run) -> None:
        self.ensure_defined(run)
        self.look()

    def _ensure_no_domain(self, run: Run) -> None:
        """Others may have the volumes again, but not before the domain is gone: else two guests could write to one."""
        self.ensure_undefined(run)
        self._taken_disks.delete()

    @property
    def _new_disks(self) -> QuerySet[InstanceDisk]:
        """Data disks whose volume is made by this job."""
        return self.instance.disks.filter(is_boot=False, volume__status=VolumeStatus.CREATING)

    @property
    def _taken_disks(self) -> QuerySet[InstanceDisk]:
        """Data disks whose volume was there before."""
        return self.instance.disks.filter(is_boot=False).exclude(volume__status=VolumeStatus.CREATING)

    def also_lock(self, target: Lockable) -> Sequence[Lockable]:
        """The volumes of its data disks, as the service did."""
        return [disk.volume for disk in data_disks(self.instance)]

    def succeeded(self) -> None:
        """New volumes are there."""
        Volume.objects.filter(attachment__in=self._new_disks).update(status=VolumeStatus.AVAILABLE)

    def failed(self) -> None:
        """The instance stays, as 오류, so that people see why; what was made for it is gone, what it took is free."""
        super().failed()
        if not self.job.steps.filter(name="define").exists():
            self._taken_disks.delete()
        disks_forget(self._new_disks.select_related("volume"))
        boot_disk.boot_disk_forget(self.instance)

    def reopen(self, actor: Actor) -> None:
        """Try again: on any host with room, or where a domain of the first try may still have some of the volumes.

        The locks in the order of instance_create: volumes, placement, project.
        """
        policies.DELETE.check(self.instance, actor)
        left = self._taken_disks.exists()
        self._taken_disks.delete()  # to be taken anew, with the others
        wishes = disk_wishes_of(self.job.params.get("volumes", []))  # jobs of earlier releases have none
        faults = Faults()
        check_disks(faults, wishes, self.instance.project, self.instance.image.storage_domain, actor)
        faults.raise_if_any()
        gpu_give_back(self.instance)
        host = self._place(only=self.instance.host_id if left else None)
        desired = DesiredState.RUNNING if self.job.params.get("start", True) else DesiredState.STOPPED
        Instance.objects.filter(pk=self.instance.pk).update(host=host, desired_state=desired)
        self.instance.host = host
        if self.instance.gpu:
            gpu_take(self.instance)
        boot_disk.boot_disk_record(self.instance, self.job.params["boot_disk_gib"])
        disks_record(actor, self.instance, wishes)

    def _place(self, only: UUID | None) -> Host:
        """A host with room. Raises NoCapacity."""
        mounted = [mount.filesystem for mount in self.instance.mounts.select_related("filesystem")]
        hosts = [host for host in hosts_for(self.instance.image, mounted) if only in {None, host.pk}]
        demand = Demand(self.instance.vcpus, self.instance.memory_mib, int(self.instance.gpu))
        return place_in_group(demand, hosts, self.instance.affinity_group, self.instance)


class StartInstance(InstanceOperation):
    """Power on."""

    kind = "instance.start"
    action = policies.START
    desired = DesiredState.RUNNING
    label = _("Start instance")
    transition = _("Starting")
    transition_code = "starting"

    @property
    def steps(self) -> Sequence[Step]:
        """Defined again first: so edits take effect, and a domain lost on the host comes back."""
        return [
            Step("seed", _("Write the guest's settings"), self.ensure_seed),
            Step("define", _("Define the domain"), self._ensure_current),
            Step("network", _("Connect to the network"), self.ensure_network),
            Step("start", _("Power on"), self.ensure_started),
        ]

    @classmethod
    def claim_room(cls, instance: Instance) -> None:
        """On its own host: that is where its disk is, so its storage must work there."""
        if instance.host:
            filesystems = [mount.filesystem for mount in instance.mounts.select_related("filesystem")]
            host = mark_storage(instance.host, Volume.objects.filter(attachment__instance=instance))
            problem = gpu_problem(instance)
            preference = Preference({host.pk: problem} if problem else {})
            place(Demand(instance.vcpus, instance.memory_mib), mark([host], filesystems), preference)

    def _ensure_current(self, run: Run) -> None:
        report = self.hypervisor.domains.report(self.instance.pk)
        if report is None or report.state in OFF:
            self.ensure_defined(run)


class GuestCooperates(InstanceOperation):
    """Asking a guest to do something and, when its time is up, doing it to the guest."""

    def deadline(self, run: Run) -> datetime:
        """When patience ends, counted from the step's first beginning, whichever worker that was."""
        return run.step_started_at + timedelta(seconds=self.job.params["timeout_s"])

    def tick(self, run: Run) -> float:
        """Seconds to wait in this turn."""
        left = (self.deadline(run) - timezone.now()).total_seconds()
        return max(0.0, min(TICK_S, left))


class StopInstance(GuestCooperates):
    """Power off, politely first."""

    kind = "instance.stop"
    action = policies.STOP
    desired = DesiredState.STOPPED
    label = _("Stop instance")
    transition = _("Stopping")
    transition_code = "stopping"

    @property
    def steps(self) -> Sequence[Step]:
        """One step, which may take several turns."""
        return [Step("stop", _("Power off"), self._ensure_off)]

    def _ensure_off(self, run: Run) -> None:
        while not self._is_off():
            seconds = self.tick(run)
            if self.job.params["force"] or seconds <= 0:
                self.hypervisor.domains.destroy(self.instance.pk)
                run.note(f"virsh destroy {self.instance.short_id}")
            else:
                self._ask(run, seconds)

    def _is_off(self) -> bool:
        return self.look() not in {PowerState.RUNNING, PowerState.PAUSED}

    def _ask(self, run: Run, seconds: float) -> None:
        self.hypervisor.domains.request_shutdown(self.instance.pk)
        run.note(f"virsh shutdown {self.instance.short_id} --mode agent,acpi")
        if not self.hypervisor.domains.wait_for(self.instance.pk, OFF, seconds):
            raise Wait(0)


class RebootInstance(GuestCooperates):
    """Restart, politely first."""

    kind = "instance.reboot"
    action = policies.REBOOT
    desired = DesiredState.RUNNING
    label = _("Reboot instance")
    transition = _("Rebooting")
    transition_code = "rebooting"

    @property
    def steps(self) -> Sequence[Step]:
        """One step, which may take several turns."""
        return [Step("reboot", _("Restart"), self._ensure_rebooted)]

    def _ensure_rebooted(self, run: Run) -> None:
        domains, pk, name = self.hypervisor.domains, self.instance.pk, self.instance.short_id
        if self._has_rebooted(run):
            self.look()
            return
        if self.domain_is_off:  # it went down and did not come back: up again is what was asked for
            self.ensure_started(run)
            return
        seconds = self.tick(run)
        hard = self.job.params["hard"] or seconds <= 0
        run.note(f"virsh reset {name}" if hard else f"virsh reboot {name} --mode agent,acpi")
        if hard:
            domains.reset(pk)
        elif not domains.reboot_and_wait(pk, seconds):
            raise Wait(0)
        Instance.objects.filter(pk=pk).update(rebooted_at=timezone.now())
        self.look()

    def _has_rebooted(self, run: Run) -> bool:
        """Whether the watcher, or a worker before this one, saw the guest restart since the step began."""
        return Instance.objects.filter(pk=self.instance.pk, rebooted_at__gte=run.step_started_at).exists()


class DeleteInstance(InstanceOperation):
    """Forget the domain, then the disks: what destroys data comes last. Data volumes stay unless asked for."""

    kind = "instance.delete"
    action = policies.DELETE
    desired = DesiredState.STOPPED
    label = _("Delete instance")
    transition = _("Deleting")
    transition_code = "deleting"

    @property
    def steps(self) -> Sequence[Step]:
        """Nothing here can be undone; a failed delete is tried again."""
        return [
            Step("undefine", _("Remove the domain"), self.ensure_undefined),
            Step("seed", _("Delete the guest's settings"), self.ensure_no_seed),
            Step("boot_disk", _("Delete the disks"), self._ensure_no_disks),
        ]

    @property
    def disks(self) -> QuerySet[InstanceDisk]:
        """What goes with it."""
        disks = self.instance.disks.all()
        return disks if self.job.params.get("delete_volumes") else disks.filter(is_boot=True)

    def also_lock(self, target: Lockable) -> Sequence[Lockable]:
        """The volumes that go with it: they show it, and nobody does anything with them."""
        return [disk.volume for disk in self.disks.select_related("volume")]

    def prepare(self) -> None:
        """Somebody may have started it since."""
        if self.look() in {PowerState.RUNNING, PowerState.PAUSED}:
            raise OperationFailed(_("The instance is running; stop it first."), code="bad_state")

    def _ensure_no_disks(self, run: Run) -> None:
        self.ensure_no_files(run, self.disks)

    def succeeded(self) -> None:
        """Only now the rows go; what it does not delete is free for others."""
        disks_forget(self.disks.select_related("volume"))
        interfaces_forget(self.instance)
        self.instance.delete()

    def reopen(self, actor: Actor) -> None:
        """Something may need its volumes by now."""
        super().reopen(actor)
        if self.job.params.get("delete_volumes"):
            disks_check_deletion(self.instance)


ALL = (CreateInstance, StartInstance, StopInstance, RebootInstance, DeleteInstance)
