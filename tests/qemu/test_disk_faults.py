"""A worker killed, or a step failing, before and after every step of every operation on volumes, on a real host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudia.core.errors import OperationFailed
from cloudia.jobs.models import Job, JobLock
from cloudia.jobs.operation import Operation
from cloudia.jobs.services import job_retry
from instances import disk_operations
from instances.disk_services import disk_attach, disk_create, disk_detach, volume_resize
from instances.models import Instance, InstanceDisk
from storage import volume_operations
from storage.models import Volume
from storage.models.base import GIB
from storage.services.volumes import volume_create, volume_delete
from tests.qemu.disks import disks_by_page, disks_by_virsh
from tests.qemu.faults import Killed, deliver_past_the_kill, points, sabotage
from tests.qemu.lab import LabHost
from tests.qemu.site import Site, finish, make_site

pytestmark = pytest.mark.django_db
ALL = (*volume_operations.ALL, *disk_operations.ALL)
PLACES = pytest.mark.parametrize(("operation", "step", "when"), points(ALL))


@pytest.fixture
def site(lab_host: LabHost, tiny_image: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("cloudia.jobs.run.Heartbeat._beat", lambda self: None)
    site = make_site(lab_host, tiny_image)
    yield site
    site.clean()


def done(job: Job) -> Job:
    job = finish(job)
    assert job.status == "succeeded", job.error_texts
    return job


def create(site: Site) -> Job:
    wish: dict[str, Any] = {"name": "data", "storage_domain": site.domain, "size_gib": 1}
    return volume_create(actor=site.actor, project=site.project, **wish)


def volume_of(site: Site) -> Volume:
    return Volume.objects.get(pk=done(create(site)).target_id)


def attached(site: Site) -> Volume:
    instance, volume = site.made(start=False), volume_of(site)
    done(disk_attach(actor=site.actor, instance=instance, volume=volume))
    return volume


def delete(site: Site) -> Job:
    return volume_delete(actor=site.actor, volume=volume_of(site))


def attach_new(site: Site) -> Job:
    return disk_create(actor=site.actor, instance=site.made(start=False), name="data", size_gib=1)


def detach(site: Site) -> Job:
    return disk_detach(actor=site.actor, volume=attached(site))


def resize(site: Site) -> Job:
    return volume_resize(actor=site.actor, volume=attached(site), size_gib=2)


# What is asked for, and afterwards: the volume's status and size if it is there, and whether it is attached.
REQUESTS: dict[type[Operation], tuple[Callable[[Site], Job], tuple[str, int] | None, bool]] = {
    volume_operations.CreateVolume: (create, ("available", 1), False),
    volume_operations.DeleteVolume: (delete, None, False),
    disk_operations.AttachDisk: (attach_new, ("available", 1), True),
    disk_operations.DetachDisk: (detach, ("available", 1), False),
    disk_operations.ResizeVolume: (resize, ("available", 2), True),
}
# The same after a failure; a delete that failed may have deleted the file.
FAILED: dict[type[Operation], tuple[tuple[str, int], bool]] = {
    volume_operations.CreateVolume: (("failed", 1), False),
    volume_operations.DeleteVolume: (("failed", 1), False),
    disk_operations.AttachDisk: (("failed", 1), False),
    disk_operations.DetachDisk: (("available", 1), True),
    disk_operations.ResizeVolume: (("available", 1), True),
}


def test_every_operation_is_covered() -> None:
    assert set(REQUESTS) == set(FAILED) == set(ALL)


def disk_files(site: Site) -> set[str]:
    """What is in the pool beside the first CD of a guest."""
    return {name for name in site.files() if not name.endswith(".seed")}


def assert_stands(site: Site, wanted: tuple[str, int] | None, *, is_attached: bool) -> None:
    """Rows, files and definitions say the same; nothing is left over, nothing is missing."""
    volume = Volume.objects.filter(name="data").first()
    assert (volume and (volume.status, volume.size_gib)) == wanted
    assert InstanceDisk.objects.filter(is_boot=False).exists() is is_attached
    whole = Volume.objects.exclude(status="failed")
    assert disk_files(site) == {str(pk) for pk in whole.values_list("pk", flat=True)}
    for instance in Instance.objects.all():
        assert disks_by_virsh(site, instance, inactive=True) == disks_by_page(instance)
    if volume and volume.status == "available":
        info = site.hypervisor.volumes.info(site.domain.pool_name, volume.volume_name)
        assert info is not None
        assert info.capacity_bytes >= volume.size_gib * GIB
    assert not JobLock.objects.exists()


@PLACES
def test_worker_killed_at_a_step_ends_as_if_it_had_not_been(
    site: Site, monkeypatch: pytest.MonkeyPatch, operation: type[Operation], step: str, when: str
) -> None:
    ask, wanted, is_attached = REQUESTS[operation]
    job = ask(site)
    sabotage(monkeypatch, operation, step, when, Killed(), times=1)
    job = finish(job, deliver_past_the_kill)
    assert (job.status, job.interruptions) == ("succeeded", 1)
    assert_stands(site, wanted, is_attached=is_attached)


@PLACES
def test_step_that_fails_leaves_nothing_and_another_try_succeeds(
    site: Site, monkeypatch: pytest.MonkeyPatch, operation: type[Operation], step: str, when: str
) -> None:
    ask, wanted, is_attached = REQUESTS[operation]
    job = ask(site)
    sabotage(monkeypatch, operation, step, when, OperationFailed("no luck", code="no_luck"), times=1)
    job = finish(job)
    assert (job.status, job.step, job.error_code) == ("failed", step, "no_luck")
    (status, size), stays = FAILED[operation]
    grew = operation is disk_operations.ResizeVolume and when == "after"
    if operation is volume_operations.DeleteVolume and when == "before":
        assert disk_files(site) == {str(job.target_id)}
    else:
        assert_stands(site, (status, 2 if grew else size), is_attached=stays)
    job_retry(actor=site.actor, job=job)
    done(job)
    assert_stands(site, wanted, is_attached=is_attached)
