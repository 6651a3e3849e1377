"""Data disks of a real guest: what virsh says, and what the guest itself sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudia.jobs.models import Job, JobLock
from instances.disk_services import disk_attach, disk_create, disk_detach, volume_resize
from instances.models import Instance, InstanceDisk
from instances.services import instance_delete, instance_start, instance_stop
from storage.models import Volume
from storage.services.volumes import volume_create, volume_delete
from tests.qemu.disks import disks_by_page, disks_by_virsh
from tests.qemu.lab import LabHost
from tests.qemu.site import Site, finish, make_site

pytestmark = pytest.mark.django_db
SECTORS = 2 * 2**20  # of 512 bytes, in one GiB


@pytest.fixture
def site(lab_host: LabHost, tiny_image: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    # The heartbeat's own thread can't see this test's transaction.
    monkeypatch.setattr("cloudia.jobs.run.Heartbeat._beat", lambda self: None)
    site = make_site(lab_host, tiny_image)
    yield site
    site.clean()


def done(job: Job) -> Job:
    job = finish(job)
    assert job.status == "succeeded", job.error_texts
    return job


def volume_of(site: Site, name: str = "data", size_gib: int = 1) -> Volume:
    job = volume_create(
        actor=site.actor, project=site.project, name=name, storage_domain=site.domain, size_gib=size_gib
    )
    return Volume.objects.get(pk=done(job).target_id)


def attach(site: Site, instance: Instance, volume: Volume) -> Job:
    return done(disk_attach(actor=site.actor, instance=instance, volume=volume))


def grow(site: Site, volume: Volume, size_gib: int) -> Job:
    return done(volume_resize(actor=site.actor, volume=volume, size_gib=size_gib))


def assert_all_agree(site: Site, instance: Instance) -> None:
    assert disks_by_virsh(site, instance, inactive=True) == disks_by_page(instance)
    if site.domains()[instance.short_id] == "running":
        assert disks_by_virsh(site, instance) == disks_by_page(instance)
    assert not JobLock.objects.exists()


def seen_by_guest(site: Site, instance: Instance, device: str) -> tuple[str, int]:
    """Serial number and sectors."""
    words = f"cat /sys/block/{device}/serial; echo; cat /sys/block/{device}/size"
    serial, sectors = site.lab_host.guest(instance.short_id, words).split()
    return serial, int(sectors)


def serial_of(volume: Volume) -> str:
    return volume.pk.hex[:20]


def test_guest_sees_each_disk_as_it_comes_grows_and_goes(site: Site) -> None:
    instance = site.made()
    site.lab_host.wait_for_serial(instance.short_id, "TINY-READY")
    volume = volume_of(site)
    attach(site, instance, volume)
    assert_all_agree(site, instance)
    assert seen_by_guest(site, instance, "vdb") == (serial_of(volume), SECTORS)
    grow(site, volume, 3)
    assert seen_by_guest(site, instance, "vdb") == (serial_of(volume), 3 * SECTORS)
    volume.refresh_from_db()
    assert volume.size_gib == 3
    boot = instance.disks.get(is_boot=True).volume
    grow(site, boot, 2)
    assert seen_by_guest(site, instance, "vda") == (serial_of(boot), 2 * SECTORS)

    done(instance_stop(actor=site.actor, instance=instance, force=True))
    done(instance_start(actor=site.actor, instance=instance))
    site.lab_host.wait_for_serial(instance.short_id, "TINY-READY", times=2)
    assert seen_by_guest(site, instance, "vdb") == (serial_of(volume), 3 * SECTORS)

    done(disk_detach(actor=site.actor, volume=volume))
    assert "vdb" not in site.lab_host.guest(instance.short_id, "ls /sys/block").split()
    assert_all_agree(site, instance)
    assert done(volume_delete(actor=site.actor, volume=volume)).status == "succeeded"
    assert str(volume.pk) not in site.files()


def test_definition_of_a_stopped_instance_follows(site: Site) -> None:
    instance, volume = site.made(start=False), volume_of(site)
    attach(site, instance, volume)
    assert_all_agree(site, instance)
    grow(site, volume, 2)
    assert site.hypervisor.volumes.info(site.domain.pool_name, volume.volume_name).capacity_bytes == 2 * 2**30  # type: ignore[union-attr]
    other = Volume.objects.get(
        pk=done(disk_create(actor=site.actor, instance=instance, name="new", size_gib=1)).params["volume"]
    )
    assert disks_by_page(instance)["vdc"] == str(other.pk)
    assert (other.status, str(other.pk) in site.files()) == ("available", True)
    done(disk_detach(actor=site.actor, volume=volume))
    assert_all_agree(site, instance)
    assert set(disks_by_page(instance)) == {"vda", "vdc"}
    attach(site, instance, volume)
    assert disks_by_page(instance)["vdb"] == str(volume.pk), "the lowest free letter"
    assert_all_agree(site, instance)


def test_guest_that_does_not_let_go_keeps_its_disk(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instances.disk_work.DETACH_TIMEOUT_S", 1.0)
    instance, volume = site.made(start=False), volume_of(site)
    attach(site, instance, volume)
    site.virsh("start", instance.short_id, "--paused")  # a guest that answers nobody
    Instance.objects.filter(pk=instance.pk).update(power_state="running")
    job = finish(disk_detach(actor=site.actor, volume=volume))
    assert (job.status, job.error_code) == ("failed", "guest_keeps_device")
    assert_all_agree(site, instance)
    assert disks_by_page(instance)["vdb"] == str(volume.pk)


@pytest.mark.parametrize("too", [False, True], ids=["kept", "deleted"])
def test_data_volume_is_kept_unless_asked(site: Site, too: bool) -> None:
    instance, volume = site.made(start=False), volume_of(site)
    attach(site, instance, volume)
    done(instance_delete(actor=site.actor, instance=instance, delete_volumes=too))
    assert site.files() == (set() if too else {str(volume.pk)})
    assert Volume.objects.count() == (0 if too else 1)
    assert not InstanceDisk.objects.exists()
    assert not JobLock.objects.exists()


def test_volume_of_an_image_is_a_reference_to_it(site: Site) -> None:
    job = volume_create(
        actor=site.actor,
        project=site.project,
        name="copy",
        storage_domain=site.domain,
        size_gib=2,
        image=site.image,
    )
    info = site.hypervisor.volumes.info(site.domain.pool_name, str(done(job).target_id))
    assert info is not None
    assert info.capacity_bytes == 2 * 2**30
    assert info.backing_path is not None
    assert info.backing_path.endswith(site.image.volume_name)
