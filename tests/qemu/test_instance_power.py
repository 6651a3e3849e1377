"""The life of an instance on a real host, seen by virsh and by what the guest itself says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudia.core.policy import ActionDenied
from instances.enums import PowerState
from instances.models import Instance
from instances.services import instance_delete, instance_reboot, instance_start, instance_stop
from tests.qemu.lab import LabHost
from tests.qemu.site import Site, finish, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(lab_host: LabHost, tiny_image: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    # The heartbeat's own thread can't see this test's transaction.
    monkeypatch.setattr("cloudia.jobs.run.Heartbeat._beat", lambda self: None)
    site = make_site(lab_host, tiny_image)
    yield site
    site.clean()


def refreshed(instance: Instance) -> Instance:
    return Instance.objects.for_display().get(pk=instance.pk)


def test_instance_boots_stops_starts_reboots_and_goes(site: Site) -> None:
    """The one long journey with a guest that really runs; everything else is tested without waiting for boots."""
    instance = site.made()
    assert site.domains() == {instance.short_id: "running"}
    assert refreshed(instance).power_state == PowerState.RUNNING
    site.lab_host.wait_for_serial(instance.short_id, "TINY-READY")

    job = finish(instance_stop(actor=site.actor, instance=refreshed(instance)))
    assert job.status == "succeeded"
    assert "virsh destroy" not in job.steps.get().detail, "the guest went down by itself"
    assert site.domains() == {instance.short_id: "shut off"}
    assert refreshed(instance).power_state == PowerState.STOPPED
    assert "reboot: Power down" in site.lab_host.serial_log(instance.short_id)

    assert finish(instance_start(actor=site.actor, instance=refreshed(instance))).status == "succeeded"
    site.lab_host.wait_for_serial(instance.short_id, "TINY-READY", times=2)
    assert finish(instance_reboot(actor=site.actor, instance=refreshed(instance))).status == "succeeded"
    site.lab_host.wait_for_serial(instance.short_id, "TINY-READY", times=3)
    assert refreshed(instance).power_state == PowerState.RUNNING
    assert refreshed(instance).rebooted_at is not None

    with pytest.raises(ActionDenied) as refused:
        instance_delete(actor=site.actor, instance=refreshed(instance))
    assert refused.value.denial.code == "bad_state"
    finish(instance_stop(actor=site.actor, instance=refreshed(instance), force=True))
    assert finish(instance_delete(actor=site.actor, instance=refreshed(instance))).status == "succeeded"
    assert not Instance.objects.exists()
    site.assert_nothing_left()


def test_guest_that_ignores_the_power_button_is_cut_off_after_its_time(site: Site) -> None:
    instance = site.made()  # still in its boot loader: nobody listens to ACPI yet
    job = finish(instance_stop(actor=site.actor, instance=refreshed(instance), timeout_s=2))
    assert job.status == "succeeded"
    assert job.steps.get().detail.splitlines() == [
        f"virsh shutdown {instance.short_id} --mode agent,acpi",
        f"virsh destroy {instance.short_id}",
    ]
    assert site.domains() == {instance.short_id: "shut off"}


def test_forced_stop_asks_nobody(site: Site) -> None:
    instance = site.made()
    job = finish(instance_stop(actor=site.actor, instance=refreshed(instance), force=True))
    assert job.steps.get().detail == f"virsh destroy {instance.short_id}"


def test_instance_made_without_start_is_stopped(site: Site) -> None:
    instance = site.made(start=False)
    assert site.domains() == {instance.short_id: "shut off"}
    assert refreshed(instance).display_state.code == "stopped"


def test_domain_lost_on_the_host_comes_back_with_the_next_start(site: Site) -> None:
    instance = site.made(start=False)
    site.virsh("undefine", instance.short_id)
    assert finish(instance_start(actor=site.actor, instance=refreshed(instance))).status == "succeeded"
    assert site.domains() == {instance.short_id: "running"}


def test_instance_started_behind_our_back_is_not_deleted(site: Site) -> None:
    instance = site.made(start=False)
    job = instance_delete(actor=site.actor, instance=refreshed(instance))
    site.virsh("start", instance.short_id)
    assert finish(job).error_code == "bad_state"
    assert site.domains() == {instance.short_id: "running"}
    assert refreshed(instance).power_state == PowerState.RUNNING


def test_image_missing_from_the_pool_fails_the_create_cleanly(site: Site) -> None:
    job = site.create()
    site.hypervisor.volumes.delete(site.domain.pool_name, site.image.volume_name)
    job = finish(job)
    assert (job.status, job.step) == ("failed", "boot_disk")
    assert job.error_detail
    site.assert_nothing_left()
    assert refreshed(Instance.objects.get()).display_state.code == "error"
