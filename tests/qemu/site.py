"""A lab host as CloudiA knows it: storage with the tiny image on it, a network, a project, and somebody to ask."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.hosts.models import Host
from cloudia.jobs.models import Job, JobLock
from cloudia.jobs.runner import run_job
from cloudia.virt import Hypervisor, PoolSpec, hypervisor
from instances.disk_wishes import DiskWish
from instances.models import Instance
from instances.services import instance_create
from instances.wishes import Compute, InstanceWish
from networking.models import NetworkState, Subnet
from networking.services.groups import default_group
from networking.services.interfaces import InterfaceWish
from networking.sync import synchronise
from storage.models import Image, StorageDomain, Volume
from tests.factories import (
    GIB,
    HostFactory,
    ImageFactory,
    MembershipFactory,
    StorageDomainFactory,
    SubnetFactory,
    VolumeFactory,
)
from tests.qemu.lab import LabHost

INSTALLATION = uuid.UUID(int=0xC1)
POOL_ID, IMAGE_ID = uuid.UUID(int=0xD0), uuid.UUID(int=0x1A)
OTHER_POOL_ID, OTHER_IMAGE_ID = uuid.UUID(int=0xD1), uuid.UUID(int=0x1B)
MEMORY_MIB = 96
TINY = Compute.by_hand(1, MEMORY_MIB)


@dataclass
class Site:
    """The rows, and the host behind them."""

    lab_host: LabHost
    host: Host
    domain: StorageDomain
    image: Image
    project: Project
    actor: Actor
    subnet: Subnet

    @property
    def hypervisor(self) -> Hypervisor:
        """The gateway to the host."""
        return hypervisor(self.host.endpoint)

    def virsh(self, *words: str) -> str:
        """What virsh says: the independent witness."""
        command = ["virsh", "-q", "-c", self.lab_host.uri, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def domains(self) -> dict[str, str]:
        """Names and states of all domains on the host, by virsh."""
        lines = (line.split(maxsplit=2) for line in self.virsh("list", "--all").splitlines())
        return {name: state for _id, name, state in lines}

    def files(self) -> set[str]:
        """Names of the volumes in the pool, the image aside, by virsh."""
        self.virsh("pool-refresh", self.domain.pool_name)
        lines = self.virsh("vol-list", self.domain.pool_name).splitlines()
        return {line.split()[0] for line in lines} - {str(self.image.pk)}

    def create(
        self, *, start: bool = True, name: str = "guest", volumes: tuple[DiskWish, ...] = (), compute: Compute = TINY
    ) -> Job:
        """Ask for a tiny instance."""
        wish = InstanceWish(
            name=name,
            image=self.image,
            compute=compute,
            interfaces=(InterfaceWish(subnet=self.subnet, security_groups=(default_group(self.project),)),),
            volumes=volumes,
            start=start,
        )
        return instance_create(actor=self.actor, project=self.project, wish=wish)

    def made(self, *, start: bool = True, name: str = "guest") -> Instance:
        """A tiny instance that is there."""
        job = finish(self.create(start=start, name=name))
        assert job.status == "succeeded", job.error_texts
        return Instance.objects.get(pk=job.target_id)

    def volume(self) -> Volume:
        """A data volume that nothing uses, of 1 GiB."""
        volume: Volume = VolumeFactory.create(project=self.project, storage_domain=self.domain, size_gib=1)
        self.hypervisor.volumes.ensure_empty(self.domain.pool_name, volume.volume_name, GIB)
        return volume

    def assert_nothing_left(self, *kept: Volume) -> None:
        """No domain, no file, no volume row but those ``kept``, which nothing uses; no lock."""
        assert self.domains() == {}
        assert self.files() == {volume.volume_name for volume in kept}
        assert set(Volume.objects.filter(attachment=None)) == set(Volume.objects.all()) == set(kept)
        assert not JobLock.objects.exists()

    def clean(self) -> None:
        """Remove what a test left, as far as it is ours."""
        for report in self.hypervisor.domains.reports():
            self.hypervisor.domains.destroy(report.uuid)
            self.hypervisor.domains.undefine(report.uuid)
        for name in self.files():
            self.hypervisor.volumes.delete(self.domain.pool_name, name)


def make_site(lab_host: LabHost, tiny_image: Path, *, beside: Site | None = None) -> Site:
    """Rows for ``lab_host``, and the image in its pool (uploaded once a lab).

    ``beside`` another site it has the same project, people and subnet.
    """
    pool_id, image_id = (POOL_ID, IMAGE_ID) if beside is None else (OTHER_POOL_ID, OTHER_IMAGE_ID)
    host = HostFactory.create(name=lab_host.name, uri=lab_host.uri, accelerators=["tcg"], network__userspace=True)
    domain = StorageDomainFactory.create(id=pool_id, path=str(lab_host.local_dir / "pool"), hosts=[host])
    image = ImageFactory.create(id=image_id, name="tiny", storage_domain=domain, virtual_bytes=GIB // 16)
    gateway = hypervisor(host.endpoint)
    gateway.pools.ensure(PoolSpec(domain.pool_name, domain.pk, path=domain.path))
    if gateway.volumes.info(domain.pool_name, image.volume_name) is None:
        with tiny_image.open("rb") as source:
            size = tiny_image.stat().st_size
            gateway.volumes.upload(domain.pool_name, image.volume_name, source, size, image.virtual_bytes)
    if beside:
        return replace(beside, lab_host=lab_host, host=host, domain=domain, image=image)
    member = MembershipFactory.create()
    subnet = SubnetFactory.create(project=member.project)
    NetworkState.objects.get_or_create(defaults={"installation": INSTALLATION})
    synchronise(force=True)  # the lab's OVN still has what the test before made
    return Site(lab_host, host, domain, image, member.project, Actor(member.user), subnet)


def finish(job: Job, deliver: Callable[[str], None] = run_job, most: int = 60) -> Job:
    """Deliver a job until it has finished, as the watcher would but without letting time pass."""
    for _delivery in range(most):
        Job.objects.filter(pk=job.pk, resume_at__isnull=False).update(resume_at=None)
        deliver(str(job.pk))
        job.refresh_from_db()
        if not job.is_active:
            return job
    raise AssertionError(f"{job.kind} is still {job.status} in step {job.step} after {most} deliveries")
