"""What the jobs of storage domains do, step by step. Every step looks first, so that it may run twice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.core.errors import OperationFailed
from cloudia.hosts.models import Host
from cloudia.jobs.operation import Operation, Step
from cloudia.jobs.run import Run
from storage import garbage, policies, references
from storage.attachments import record_pool
from storage.models import StorageAttachment, StorageDomain
from storage.pools import gateway, marker_check, marker_ensure, marker_remove, place_of, pool_ensure
from storage.selectors import host_with

PROBE_BYTES = 1 << 20


class DomainOperation(Operation):
    """What all operations on a storage domain share."""

    @property
    def domain(self) -> StorageDomain:
        """The storage domain, as the database has it now."""
        row = StorageDomain.objects.filter(pk=self.job.target_id).first()
        if row is None:
            raise OperationFailed(_("The storage domain no longer exists."), code="target_gone")
        return row

    @cached_property
    def host(self) -> Host:
        """The host that it is about."""
        row = Host.objects.filter(pk=self.job.params["host"]).first()
        if row is None:
            raise OperationFailed(_("The host no longer exists."), code="target_gone")
        return row

    @property
    def attachment(self) -> StorageAttachment | None:
        """The storage domain on that host."""
        return StorageAttachment.objects.filter(domain=self.job.target_id, host=self.job.params["host"]).first()

    @property
    def others(self) -> list[Host]:
        """The other hosts that have it, those that work first."""
        attachments = StorageAttachment.objects.filter(domain=self.job.target_id).exclude(host=self.job.params["host"])
        rows = attachments.select_related("host").order_by("-active", "-host__reachable", "host__name")
        return [attachment.host for attachment in rows]


class AttachDomain(DomainOperation):
    """Make the pool, prove that it is the same as on other hosts, and only then use it."""

    kind = "storage_domain.attach"
    label = _("Attach storage domain")
    transition = _("Attaching")
    transition_code = "attaching"

    @property
    def steps(self) -> Sequence[Step]:
        """Undone by forgetting the pool; files stay."""
        return [
            Step("pool", _("Make the pool"), self._ensure_pool, self._ensure_no_pool),
            Step("proof", _("Prove that it is shared"), self._ensure_proof, self._ensure_no_probe),
            Step("marker", _("Mark the files as this storage domain's"), self._ensure_marker, self._ensure_unmarked),
            Step("record", _("Measure its room"), self._ensure_recorded, self._ensure_forgotten),
        ]

    def reopen(self, actor: Actor) -> None:
        """Another try is a new request."""
        policies.ATTACH.check(self.domain, actor)

    @property
    def probe(self) -> str:
        """The name of what is written to prove that it is shared; named like ours, so that a left one is found."""
        return f"{self.job.pk}.probe"

    def _ensure_pool(self, run: Run) -> None:
        pool_ensure(self.domain, self.host)
        name = self.domain.pool_name
        run.note(f"virsh pool-define {name}.xml && virsh pool-start {name} && virsh pool-autostart {name}")

    def _ensure_no_pool(self, run: Run) -> None:
        gateway(self.host).pools.remove(self.domain.pool_name)
        run.note(f"virsh pool-destroy {self.domain.pool_name} && virsh pool-undefine {self.domain.pool_name}")

    def _ensure_proof(self, run: Run) -> None:
        domain = self.domain
        marker_check(domain, self.host)
        self._refuse_others_files(domain)
        if domain.traits.shared and self.others:
            self._prove_shared(domain, self.others[0])
            run.note(f"virsh vol-info --pool {domain.pool_name} {self.probe}")

    def _refuse_others_files(self, domain: StorageDomain) -> None:
        """Two storage domains in one place would take each other's files for garbage."""
        names = {volume.name for volume in gateway(self.host).volumes.list(domain.pool_name)}
        if any(garbage.is_marker(name) for name in names - {domain.pool_name}):
            message = format_lazy(_("{path} belongs to another storage domain."), path=place_of(domain))
            raise OperationFailed(message, code="not_empty")

    def _prove_shared(self, domain: StorageDomain, writer: Host) -> None:
        volumes = gateway(writer).volumes
        volumes.ensure_empty(domain.pool_name, self.probe, PROBE_BYTES, "raw")
        try:
            if gateway(self.host).volumes.info(domain.pool_name, self.probe) is None:
                message = _("What {writer} writes to {path} is not seen by {reader}.")
                words = {"writer": writer.name, "path": place_of(domain), "reader": self.host.name}
                raise OperationFailed(format_lazy(message, **words), code="not_shared")
        finally:
            volumes.delete(domain.pool_name, self.probe)

    def _ensure_no_probe(self, run: Run) -> None:
        """A worker may have died between writing and deleting it."""
        for host in self.others[:1]:
            gateway(host).volumes.delete(self.domain.pool_name, self.probe)

    def _ensure_marker(self, run: Run) -> None:
        domain = self.domain
        if not domain.marked:
            marker_ensure(domain, self.host)
            run.note(f"virsh vol-create-as {domain.pool_name} {domain.pool_name} 1M --format raw")

    def _ensure_unmarked(self, run: Run) -> None:
        if not self.domain.marked:
            marker_remove(self.domain, self.host)

    def _ensure_recorded(self, run: Run) -> None:
        domain = self.domain
        record_pool(domain, self.host, gateway(self.host).pools.info(domain.pool_name))
        StorageDomain.objects.filter(pk=domain.pk).update(marked=domain.traits.of_files)

    def _ensure_forgotten(self, run: Run) -> None:
        if not self.others:
            StorageDomain.objects.filter(pk=self.job.target_id).update(marked=False)
        if attachment := self.attachment:
            attachment.delete()


class DetachDomain(DomainOperation):
    """Forget the pool on one host; files stay."""

    kind = "storage_domain.detach"
    label = _("Detach storage domain")
    transition = _("Detaching")
    transition_code = "detaching"

    @property
    def steps(self) -> Sequence[Step]:
        """One step; the watcher makes the pool again if it fails."""
        return [Step("pool", _("Forget the pool"), self._ensure_no_pool)]

    def prepare(self) -> None:
        """Nothing has begun to need it since."""
        if (attachment := self.attachment) and (holders := references.holders_of(attachment)):
            message = format_lazy(_("“{name}” uses it."), name=holders[0].name)
            raise OperationFailed(message, code="in_use")

    def _ensure_no_pool(self, run: Run) -> None:
        domain = self.domain
        if not self.others:
            StorageDomain.objects.filter(pk=domain.pk).update(marked=False)
            marker_remove(domain, self.host)
        gateway(self.host).pools.remove(domain.pool_name)
        run.note(f"virsh pool-destroy {domain.pool_name} && virsh pool-undefine {domain.pool_name}")

    def succeeded(self) -> None:
        """The host does not have it any more."""
        if attachment := self.attachment:
            attachment.delete()

    def failed(self) -> None:
        """It stays as it was."""
        StorageAttachment.objects.filter(domain=self.job.target_id, host=self.job.params["host"]).update(leaving=False)

    def reopen(self, actor: Actor) -> None:
        """Another try is a new request."""
        attachment = self.attachment
        if attachment is None:
            raise OperationFailed(_("The host does not have this storage domain."), code="target_gone")
        policies.DETACH.check(attachment, actor)
        StorageAttachment.objects.filter(pk=attachment.pk).update(leaving=True)


class ScanDomain(DomainOperation):
    """Compare its files with the rows."""

    kind = "storage_domain.scan"
    label = _("Look for left files")
    transition = _("Looking through files")
    transition_code = "scanning"

    @property
    def steps(self) -> Sequence[Step]:
        """Nothing is changed."""
        return [Step("scan", _("Compare files with what is known"), self._ensure_scanned)]

    def _ensure_scanned(self, run: Run) -> None:
        domain = self.domain
        garbage.scan(domain, gateway(host_with(domain)).volumes)
        run.note(f"virsh vol-list --pool {domain.pool_name}")

    def reopen(self, actor: Actor) -> None:
        """Another try is a new request."""
        policies.SCAN.check(self.domain, actor)


class CleanDomain(DomainOperation):
    """Delete what an operator chose of the files that no row owns, after another look at each."""

    kind = "storage_domain.clean"
    label = _("Delete left files")
    transition = _("Deleting left files")
    transition_code = "cleaning"

    @property
    def steps(self) -> Sequence[Step]:
        """What is deleted is gone; afterwards the report is made again."""
        return [
            Step("delete", _("Delete files"), self._ensure_deleted),
            Step("scan", _("Compare files with what is known"), self._ensure_scanned),
        ]

    def _ensure_deleted(self, run: Run) -> None:
        domain, volumes = self.domain, gateway(host_with(self.domain)).volumes
        for name in self.job.params["names"]:
            run.check_cancelled()
            run.note(garbage.remove(domain, volumes, name))

    def _ensure_scanned(self, run: Run) -> None:
        domain = self.domain
        garbage.scan(domain, gateway(host_with(domain)).volumes)

    def reopen(self, actor: Actor) -> None:
        """Another try is a new request."""
        policies.CLEAN.check(self.domain, actor)


ALL = (AttachDomain, DetachDomain, ScanDomain, CleanDomain)
