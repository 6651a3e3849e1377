"""Data disks of a new instance: taken or made with it, refused at their row, and free again if it fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudia.accounts.models import Quota
from cloudia.core.errors import InputError
from cloudia.core.policy import ActionDenied
from cloudia.hosts.models import Host
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job, JobStep
from cloudia.jobs.services import job_retry
from instances.disk_wishes import MAX_DATA_DISKS, DiskWish
from instances.models import Instance
from instances.operations import CreateInstance
from instances.services import instance_create
from instances.wishes import Compute, InstanceWish
from networking.services.interfaces import InterfaceWish
from storage.enums import VolumeStatus
from storage.models import StorageAttachment, Volume
from storage.models.base import GIB
from tests.factories import (
    DataDiskFactory,
    HostFactory,
    ProjectFactory,
    StorageDomainFactory,
    SubnetFactory,
    VolumeFactory,
)
from tests.integration.instances.test_disks import Site

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    return Site()


def created(site: Site, *volumes: DiskWish) -> Job:
    wish = InstanceWish(
        name="web",
        image=site.image,
        compute=Compute.by_hand(1, 512),
        interfaces=(InterfaceWish(subnet=SubnetFactory.create(project=site.project)),),
        volumes=volumes,
    )
    return instance_create(actor=site.actor, project=site.project, wish=wish)


def faults(site: Site, *volumes: DiskWish) -> set[tuple[str, str]]:
    with pytest.raises(InputError) as refused:
        created(site, *volumes)
    return {(field, error.code) for field, errors in refused.value.fields.items() for error in errors}


def ended(job: Job, *, succeeded: bool, steps: Sequence[str] = ()) -> None:
    """As the runner leaves it after these steps."""
    for number, name in enumerate(steps, 1):
        JobStep.objects.create(job=job, number=number, name=name, status="succeeded")
    operation: Any = job.operation(job)
    operation.succeeded() if succeeded else operation.failed()
    job.status = JobStatus.SUCCEEDED if succeeded else JobStatus.FAILED
    job.save()
    for row in (Instance.objects.get(), *Volume.objects.all()):
        type(row)._default_manager.filter(pk=row.pk).update(current_job=None)
    job.locks.all().delete()


def test_disks_are_there_in_the_order_they_were_asked_for(site: Site) -> None:
    old = site.volume(name="old")
    job = created(site, DiskWish(volume=old), DiskWish(name=" new ", size_gib=20))
    disks = [(disk.device_name, disk.volume.name) for disk in Instance.objects.get().disks.all()]
    assert disks == [("vda", "web-boot"), ("vdb", "old"), ("vdc", "new")]
    new = Volume.objects.get(name="new")
    assert (new.size_gib, new.status, new.storage_domain) == (20, VolumeStatus.CREATING, site.domain)
    assert [step.name for step in CreateInstance(job).steps][:3] == ["boot_disk", "disks", "seed"]
    held = set(Volume.objects.filter(current_job=job).values_list("name", flat=True))
    assert held == {"old", "new"}


def test_without_data_disks_there_is_no_step_for_them(site: Site) -> None:
    assert "disks" not in [step.name for step in CreateInstance(created(site)).steps]


def test_new_volumes_are_there_when_the_instance_is(site: Site) -> None:
    ended(created(site, DiskWish(name="new", size_gib=1)), succeeded=True)
    assert Volume.objects.get(name="new").status == VolumeStatus.AVAILABLE


def test_everything_wrong_is_said_at_its_row(site: Site) -> None:
    elsewhere = VolumeFactory.create(project=site.project, storage_domain=StorageDomainFactory.create(name="other"))
    foreign = VolumeFactory.create(project=ProjectFactory.create(), storage_domain=site.domain)
    taken = site.data_disk().volume
    unmade, twice, gone = site.volume(status=VolumeStatus.CREATING), site.volume(), site.volume()
    Volume.objects.filter(pk=gone.pk).delete()
    existing = [DiskWish(volume=volume) for volume in (elsewhere, taken, unmade, twice, twice, gone)]
    assert faults(site, *existing, DiskWish(name=" ", size_gib=0), DiskWish(name="a\nb", size_gib=10**6)) == {
        ("volumes.0", "other_storage_domain"),
        ("volumes.1", "in_use"),
        ("volumes.2", "bad_state"),
        ("volumes.4", "duplicate"),
        ("volumes.5", "gone"),
        ("volumes.6.name", "required"),
        ("volumes.6.size_gib", "out_of_range"),
        ("volumes.7.name", "invalid"),
        ("volumes.7.size_gib", "out_of_range"),
    }
    assert {field for field, _code in faults(site, DiskWish(volume=foreign))} == {"volumes.0"}
    assert not Instance.objects.filter(name="web").exists()


def test_instance_has_at_most_26_disks(site: Site) -> None:
    wishes = [DiskWish(name=f"new-{number}", size_gib=1) for number in range(MAX_DATA_DISKS + 1)]
    assert ("volumes", "too_many") in faults(site, *wishes)
    created(site, *wishes[:-1])
    assert Instance.objects.get().disks.count() == MAX_DATA_DISKS + 1


def test_quotas_and_room_count_every_disk(site: Site) -> None:
    Quota.objects.create(project=site.project, resource="volumes", limit=2)
    with pytest.raises(ActionDenied) as refused:
        created(site, DiskWish(name="one", size_gib=1), DiskWish(name="two", size_gib=1))
    assert refused.value.denial.code == "quota_exceeded"
    Quota.objects.all().delete()
    assert faults(site, DiskWish(name="large", size_gib=999)) == {("volumes.0.size_gib", "no_space")}


def test_failed_creation_frees_what_it_took_and_forgets_what_it_made(site: Site) -> None:
    old = site.volume(name="old")
    ended(created(site, DiskWish(volume=old), DiskWish(name="new", size_gib=1)), succeeded=False)
    assert list(Volume.objects.values_list("name", flat=True)) == ["old"]
    assert not Instance.objects.get().disks.exists()


def test_volume_stays_taken_while_the_domain_may_have_it(site: Site) -> None:
    """The domain was defined and could not be removed: somebody else's guest must not write to the same disk."""
    old = site.volume(name="old")
    ended(created(site, DiskWish(volume=old)), succeeded=False, steps=["boot_disk", "disks", "seed", "define"])
    assert Instance.objects.get().disks.get().volume == old


def test_another_try_takes_and_makes_the_same_again(site: Site) -> None:
    old = site.volume(name="old")
    job = created(site, DiskWish(volume=old), DiskWish(name="new", size_gib=3))
    ended(job, succeeded=False)
    job_retry(actor=site.actor, job=job)
    disks = [(disk.device_name, disk.volume.name, disk.volume.size_gib) for disk in Instance.objects.get().disks.all()]
    assert disks == [("vda", "web-boot", 4), ("vdb", "old", 10), ("vdc", "new", 3)]
    assert Volume.objects.get(name="old").current_job == job


def roomier(site: Site, than: Host) -> Host:
    """A host with the same storage, where a new instance would rather go."""
    host = HostFactory.create(cpus=64, memory_mib=10 * than.memory_mib)
    StorageAttachment.objects.create(
        domain=site.domain, host=host, active=True, capacity_bytes=1000 * GIB, available_bytes=1000 * GIB
    )
    return host


def test_another_try_stays_on_the_host_that_may_have_the_domain(site: Site) -> None:
    """There the old definition is brought up to date; elsewhere there would be two that write to one volume."""
    first = Host.objects.get()
    old = site.volume(name="old")
    job = created(site, DiskWish(volume=old))
    ended(job, succeeded=False, steps=["boot_disk", "disks", "seed", "define"])
    roomier(site, first)
    job_retry(actor=site.actor, job=job)
    assert Instance.objects.get().host == first
    assert Instance.objects.get().disks.filter(volume=old).exists()


def test_another_try_goes_elsewhere_when_nothing_is_left_of_the_first(site: Site) -> None:
    first = Host.objects.get()
    job = created(site, DiskWish(volume=site.volume(name="old")))
    ended(job, succeeded=False)
    other = roomier(site, first)
    job_retry(actor=site.actor, job=job)
    assert Instance.objects.get().host == other


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_volumes_are_held_before_placement_and_project(site: Site, *, again: bool) -> None:
    """As enlarging one does: who held them in another order would wait for one that waits for them."""
    old = site.volume(name="old")
    job = created(site, DiskWish(volume=old)) if again else None
    if job:
        ended(job, succeeded=False)
    with CaptureQueriesContext(connection) as queries:
        job_retry(actor=site.actor, job=job) if job else created(site, DiskWish(volume=old))
    said = [query["sql"] for query in queries]
    volumes = first_of(said, "storage_volume", "FOR NO KEY UPDATE")
    assert volumes < first_of(said, "pg_advisory_xact_lock")
    assert volumes < first_of(said, "accounts_project", "FOR")


def first_of(said: Sequence[str], *words: str) -> int:
    """The place of the first query with all of these words."""
    return next(place for place, sql in enumerate(said) if all(word in sql for word in words))


def test_another_try_is_refused_when_somebody_else_has_the_volume(site: Site) -> None:
    old = site.volume(name="old")
    job = created(site, DiskWish(volume=old))
    ended(job, succeeded=False)
    DataDiskFactory.create(instance=site.instance(), volume=old)
    with pytest.raises(InputError) as refused:
        job_retry(actor=site.actor, job=job)
    assert set(refused.value.fields) == {"volumes.0"}
