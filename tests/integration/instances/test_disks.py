"""Volumes and disks: what may be asked for, what it claims, and who wins when many ask at once."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.utils.translation import override

from cloudia.core.policy import Holder
from cloudia.jobs.models import Job
from instances.boot_disk import boot_disk_record
from instances.disk_policies import MAX_DISKS
from instances.disk_services import disk_attach, disk_create, disk_detach, volume_resize
from instances.models import Instance, InstanceDisk
from instances.services import instance_delete
from storage.enums import DomainKind, VolumeStatus
from storage.models import Image, StorageAttachment, StorageDomain, Volume
from storage.models.base import GIB
from storage.policies import VOLUME_ACTIONS
from storage.services.volumes import volume_create, volume_delete, volume_edit
from storage.space import MAX_DISK_GIB
from tests.factories import (
    BootDiskFactory,
    DataDiskFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    JobFactory,
    MembershipFactory,
    StorageDomainFactory,
    VolumeFactory,
    hold,
)
from tests.integration.networking.tenant import Tenant, at_once, denial, faults, message, outcome, written

pytestmark = pytest.mark.django_db


class Site(Tenant):
    """A project, and a storage domain on a host with room for 1000 GiB, promised once."""

    def __init__(self) -> None:
        super().__init__()
        self.host = HostFactory.create(cpus=64)
        self.domain = StorageDomainFactory.create(name="pool", hosts=[self.host], over_commit=1)
        self.image = ImageFactory.create(storage_domain=self.domain, file_bytes=10 * GIB)

    def create(self, **values: Any) -> Job:
        wish = {"name": "data", "storage_domain": self.domain, "size_gib": 10, **values}
        return volume_create(actor=self.actor, project=self.project, **wish)

    def volume(self, **values: Any) -> Volume:
        return VolumeFactory.create(project=self.project, storage_domain=self.domain, **values)

    def instance(self, **values: Any) -> Instance:
        disk = BootDiskFactory.create(
            instance__project=self.project, instance__image=self.image, instance__host=self.host, **values
        )
        return disk.instance

    def attach(self, instance: Instance, volume: Volume) -> Job:
        return disk_attach(actor=self.actor, instance=instance, volume=volume)

    def detach(self, volume: Volume) -> Job:
        return disk_detach(actor=self.actor, volume=volume)

    def resize(self, volume: Volume, size_gib: int) -> Job:
        return volume_resize(actor=self.actor, volume=volume, size_gib=size_gib)

    def data_disk(self, **values: Any) -> InstanceDisk:
        return DataDiskFactory.create(instance=self.instance(), volume=self.volume(), **values)


@pytest.fixture
def site() -> Site:
    return Site()


def test_new_volume_is_there_at_once_and_its_job_makes_the_disk(site: Site) -> None:
    job = site.create(name="  logs ", description="of the shop")
    volume = Volume.objects.get(pk=job.target_id)
    assert (volume.name, volume.description, volume.status) == ("logs", "of the shop", VolumeStatus.CREATING)
    assert (job.kind, volume.current_job_id, volume.created_by) == ("volume.create", job.pk, site.actor.user)
    assert written() == [("volume.create", "accepted", "")]


def test_two_volumes_may_have_one_name(site: Site) -> None:
    site.create()
    site.create()
    assert Volume.objects.filter(name="data").count() == 2


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"name": " "}, ("name", "required")),
        ({"name": "a\nb"}, ("name", "invalid")),
        ({"name": "x" * 129}, ("name", "too_long")),
        ({"description": "x" * 256}, ("description", "too_long")),
        ({"size_gib": 0}, ("size_gib", "out_of_range")),
        ({"size_gib": -1}, ("size_gib", "out_of_range")),
        ({"size_gib": MAX_DISK_GIB + 1}, ("size_gib", "out_of_range")),
    ],
)
def test_wish_that_makes_no_sense_is_refused_at_its_field(
    site: Site, values: dict[str, Any], found: tuple[str, str]
) -> None:
    assert faults(partial(site.create, **values)) == {found}
    assert not Volume.objects.exists()


def test_storage_domain_without_a_host_that_answers_is_refused(site: Site) -> None:
    nowhere = StorageDomainFactory.create()
    silent = StorageDomainFactory.create(hosts=[HostFactory.create(reachable=False)])
    stopped = StorageDomainFactory.create(hosts=[HostFactory.create()])
    StorageAttachment.objects.filter(domain=stopped).update(active=False)
    for domain in (nowhere, silent, stopped):
        assert faults(partial(site.create, storage_domain=domain)) == {("storage_domain", "not_usable")}


def test_volume_of_an_image_lies_where_the_image_does_and_is_no_smaller(site: Site) -> None:
    other = StorageDomainFactory.create(hosts=[site.host])
    foreign = ImageFactory.create(storage_domain=site.domain, project=VolumeFactory.create().project)
    asked = partial(site.create, image=site.image)
    assert faults(partial(asked, storage_domain=other)) == {("image", "other_storage_domain")}
    assert faults(partial(asked, size_gib=3)) == {("size_gib", "out_of_range")}
    assert faults(partial(site.create, image=foreign)) == {("image", "not_usable")}
    assert Volume.objects.get(pk=asked(size_gib=4).target_id).image == site.image


def test_image_that_a_job_has_is_no_content_for_a_volume(site: Site) -> None:
    hold(site.image, kind="image.delete", project=None)
    assert faults(partial(site.create, image=Image.objects.get())) == {("image", "not_usable")}


def test_storage_domain_promises_its_capacity_as_often_as_it_is_overcommitted(site: Site) -> None:
    site.create(size_gib=980)
    assert faults(partial(site.create, size_gib=11)) == {("size_gib", "no_space")}
    with override("en"):
        assert message(partial(site.create, size_gib=11)) == "Storage domain “pool” has room for 10 GiB more."
    StorageDomain.objects.filter(pk=site.domain.pk).update(over_commit=2)
    site.create(size_gib=1010)
    assert faults(partial(site.create, size_gib=1)) == {("size_gib", "no_space")}


def test_storage_domain_of_unknown_capacity_is_not_limited(site: Site) -> None:
    StorageAttachment.objects.update(capacity_bytes=0)
    assert outcome(partial(site.create, size_gib=5000)) == "done"


def test_quotas_of_volumes_and_gib_are_claimed(site: Site) -> None:
    site.limit("volumes", 2)
    site.limit("volume_gib", 25)
    site.create()
    assert denial(partial(site.create, size_gib=16)).code == "quota_exceeded"
    site.create(size_gib=15)
    with override("en"):
        refused = denial(partial(site.create, size_gib=1))
    assert (refused.code, "“Volumes”" in str(refused.message)) == ("quota_exceeded", True)


def test_enlarging_claims_the_difference_while_it_lasts(site: Site) -> None:
    site.limit("volume_gib", 25)
    one, other = site.volume(), site.volume()
    assert denial(partial(site.resize, one, 16)).code == "quota_exceeded"
    site.resize(one, 14)
    assert denial(partial(site.resize, other, 12)).code == "quota_exceeded", "4 of 5 GiB are claimed"
    site.resize(other, 11)


def test_enlarging_claims_room_of_the_storage_domain(site: Site) -> None:
    volume = site.volume(size_gib=900)
    assert faults(partial(site.resize, volume, 1000)) == {("size_gib", "no_space")}
    site.resize(volume, 990)
    assert faults(partial(site.create, size_gib=1)) == {("size_gib", "no_space")}


def test_volume_is_never_made_smaller(site: Site) -> None:
    volume = site.volume(size_gib=10)
    for size_gib in (10, 9, 0, -5):
        assert faults(partial(site.resize, volume, size_gib)) == {("size_gib", "volume_shrink")}
    assert faults(partial(site.resize, volume, MAX_DISK_GIB + 1)) == {("size_gib", "out_of_range")}


def test_storage_that_enlarges_nothing_says_so(site: Site) -> None:
    StorageDomain.objects.update(kind=DomainKind.LVM)
    with override("en"):
        refused = denial(partial(site.resize, site.volume(), 20))
    assert (refused.code, "“pool” (LVM)" in str(refused.message)) == ("not_growable", True)


def test_rename_changes_what_is_given(site: Site) -> None:
    volume = site.volume(name="old", description="before")
    volume_edit(actor=site.actor, volume=volume, name=" new ")
    volume.refresh_from_db()
    assert (volume.name, volume.description) == ("new", "before")
    assert faults(partial(volume_edit, actor=site.actor, volume=volume, name="")) == {("name", "required")}


def test_attached_volume_is_not_deleted(site: Site) -> None:
    disk = site.data_disk()
    refused = denial(partial(volume_delete, actor=site.actor, volume=disk.volume))
    assert refused.code == "in_use"
    assert refused.holder == Holder("instance", str(disk.instance_id), disk.instance.name)


def test_attach_takes_the_volume_at_once_and_holds_both(site: Site) -> None:
    instance, volume = site.instance(), site.volume()
    job = site.attach(instance, volume)
    disk = InstanceDisk.objects.get(volume=volume)
    assert (disk.instance, disk.position, disk.device_name, disk.is_boot) == (instance, 1, "vdb", False)
    assert set(job.locks.values_list("resource", flat=True)) == {instance.lock_name, volume.lock_name}
    instance.refresh_from_db()
    assert (instance.display_state.code, str(instance.display_state.label)) == ("updating", "업데이트 중")


def test_lowest_free_letter_is_taken(site: Site) -> None:
    instance = site.instance()
    for position in (1, 3):
        DataDiskFactory.create(instance=instance, volume=site.volume(), position=position)
    volume = site.volume()
    site.attach(instance, volume)
    assert InstanceDisk.objects.get(volume=volume).device_name == "vdc"


def test_instance_has_at_most_26_disks(site: Site) -> None:
    instance = site.instance()
    for position in range(1, MAX_DISKS):
        DataDiskFactory.create(instance=instance, volume=site.volume(size_gib=1), position=position)
    assert denial(partial(site.attach, instance, site.volume())).code == "too_many_disks"


def test_volume_elsewhere_is_not_attached(site: Site) -> None:
    instance, elsewhere = site.instance(), StorageDomainFactory.create(name="slow", hosts=[site.host])
    volume = VolumeFactory.create(project=site.project, storage_domain=elsewhere)
    asked = partial(site.attach, instance, volume)
    assert faults(asked) == {("instance", "other_storage_domain")}
    assert "“pool”" in message(asked)
    assert "“slow”" in message(asked)
    assert not InstanceDisk.objects.filter(volume=volume).exists()


def test_volume_of_another_project_is_not_attached(site: Site) -> None:
    other = Tenant()
    instance = site.instance()
    volume = VolumeFactory.create(project=other.project, storage_domain=site.domain)
    assert denial(partial(site.attach, instance, volume)).code == "permission_denied"
    MembershipFactory.create(user=site.actor.user, project=other.project)
    actor = type(site.actor)(site.actor.user)
    asked = partial(disk_attach, actor=actor, instance=instance, volume=volume)
    assert faults(asked) == {("instance", "other_project")}


def test_volume_that_is_not_made_yet_is_not_attached(site: Site) -> None:
    for status in (VolumeStatus.CREATING, VolumeStatus.FAILED):
        assert denial(partial(site.attach, site.instance(), site.volume(status=status))).code == "bad_state"


def test_boot_disk_stays_and_the_unattached_can_not_be_detached(site: Site) -> None:
    boot = site.instance().disks.get().volume
    assert denial(partial(site.detach, boot)).code == "boot_disk"
    assert denial(partial(site.detach, site.volume())).code == "not_attached"


def test_disk_waits_for_the_job_of_its_instance(site: Site) -> None:
    disk = site.data_disk()
    job = hold(disk.instance)
    for asked in (partial(site.detach, disk.volume), partial(site.resize, disk.volume, 20)):
        refused = denial(asked)
        assert (refused.code, refused.holder) == ("busy", job.as_holder)


def test_new_disk_makes_its_volume_in_the_instances_storage_domain(site: Site) -> None:
    instance = site.instance()
    job = disk_create(actor=site.actor, instance=instance, name="new", size_gib=7)
    volume = Volume.objects.get(name="new")
    assert (volume.storage_domain, volume.size_gib, volume.status) == (site.domain, 7, VolumeStatus.CREATING)
    assert (job.kind, job.params) == ("volume.attach", {"volume": str(volume.pk), "make": True})
    assert written() == [("disk.create", "accepted", "")]


def test_instance_takes_its_volumes_along_only_if_asked(site: Site) -> None:
    disk = site.data_disk()
    job = instance_delete(actor=site.actor, instance=disk.instance)
    assert set(job.locks.values_list("resource", flat=True)) == {disk.instance.lock_name}
    other = site.data_disk()
    job = instance_delete(actor=site.actor, instance=other.instance, delete_volumes=True)
    assert set(job.locks.values_list("resource", flat=True)) == {other.instance.lock_name, other.volume.lock_name}


def test_actions_on_volumes_are_in_the_order_of_the_toolbar() -> None:
    assert [action.name for action in VOLUME_ACTIONS] == ["edit", "attach", "detach", "resize", "delete"]


def test_claims_of_finished_jobs_do_not_count(site: Site) -> None:
    site.limit("volume_gib", 20)
    volume = site.volume()
    JobFactory.create(target=volume, kind="volume.resize", params={"size_gib": 20, "claimed_gib": 10}, status="failed")
    assert outcome(partial(site.resize, volume, 20)) == "done"


@pytest.mark.django_db(transaction=True)
def test_of_50_parallel_attaches_of_one_volume_one_wins() -> None:
    site = Site()
    volume = site.volume()
    instances = [site.instance(instance__memory_mib=64) for _ in range(10)]

    def attach(number: int) -> str:
        return outcome(lambda: site.attach(instances[number % 10], volume))

    answers = at_once(attach, range(50))
    assert answers.count("done") == 1
    assert set(answers) <= {"done", "busy", "in_use"}
    assert InstanceDisk.objects.filter(volume=volume).count() == 1
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_creates_and_growths_never_pass_the_quota() -> None:
    site = Site()
    site.limit("volume_gib", 60)
    volumes = [site.volume(size_gib=1) for _ in range(10)]

    def ask(number: int) -> str:
        if number % 2:
            return outcome(lambda: site.create(size_gib=10))
        return outcome(lambda: site.resize(volumes[number // 2], 11))

    answers = at_once(ask, range(20))
    assert answers.count("done") == 5
    assert set(answers) == {"done", "quota_exceeded"}


@pytest.mark.django_db(transaction=True)
def test_parallel_creates_never_promise_more_than_there_is() -> None:
    site = Site()
    answers = at_once(lambda _number: outcome(lambda: site.create(size_gib=200)), range(10))
    assert (answers.count("done"), set(answers)) == (4, {"done", "no_space"})


def test_boot_disk_counts_in_the_quotas(site: Site) -> None:
    site.limit("volume_gib", 20)
    site.volume(size_gib=15)
    instance = InstanceFactory.create(project=site.project, image=site.image, host=site.host)
    assert denial(partial(boot_disk_record, instance, 6)).code == "quota_exceeded"
    assert boot_disk_record(instance, 5).volume.size_gib == 5
    assert boot_disk_record(instance, 5) == instance.disks.get(), "made once"
