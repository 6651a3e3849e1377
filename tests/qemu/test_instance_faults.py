"""A worker killed, or a step failing, before and after every step of every operation on a real host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudia.core.errors import OperationFailed
from cloudia.jobs.models import Job, JobLock
from instances import operations
from instances.base_operation import InstanceOperation
from instances.disk_wishes import DiskWish
from instances.models import Instance
from instances.services import instance_delete, instance_reboot, instance_start, instance_stop
from networking.models import NetworkInterface
from tests.qemu.faults import Killed, deliver_past_the_kill, points, sabotage
from tests.qemu.lab import LabHost
from tests.qemu.site import Site, finish, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(lab_host: LabHost, tiny_image: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("cloudia.jobs.run.Heartbeat._beat", lambda self: None)
    site = make_site(lab_host, tiny_image)
    yield site
    site.clean()


def stopped(site: Site) -> Instance:
    return Instance.objects.for_display().get(pk=site.made(start=False).pk)


def running(site: Site) -> Instance:
    return Instance.objects.for_display().get(pk=site.made().pk)


def create(site: Site) -> Job:
    """With everything that creation has steps for: a volume that is there, and a new one."""
    return site.create(volumes=(DiskWish(volume=site.volume()), DiskWish(name="new", size_gib=1)))


def start(site: Site) -> Job:
    return instance_start(actor=site.actor, instance=stopped(site))


def stop(site: Site) -> Job:
    return instance_stop(actor=site.actor, instance=running(site), force=True)


def reboot(site: Site) -> Job:
    return instance_reboot(actor=site.actor, instance=running(site), hard=True)


def delete(site: Site) -> Job:
    return instance_delete(actor=site.actor, instance=stopped(site))


# What is asked for, and how the host looks afterwards.
REQUESTS: dict[type[InstanceOperation], tuple[Callable[[Site], Job], str]] = {
    operations.CreateInstance: (create, "running"),
    operations.StartInstance: (start, "running"),
    operations.StopInstance: (stop, "shut off"),
    operations.RebootInstance: (reboot, "running"),
    operations.DeleteInstance: (delete, "gone"),
}


def test_every_operation_is_covered() -> None:
    assert set(REQUESTS) == set(operations.ALL)


def assert_looks(site: Site, job: Job, wanted: str) -> None:
    if wanted == "gone":
        assert not Instance.objects.exists()
        assert not NetworkInterface.objects.exists()
        site.assert_nothing_left()
        return
    instance = Instance.objects.for_display().get(pk=job.target_id)
    assert site.domains() == {instance.short_id: wanted}
    assert site.files() == {f"{instance.pk}.seed", *(str(disk.volume_id) for disk in instance.disks.all())}
    assert instance.display_state.code == {"running": "running", "shut off": "stopped"}[wanted]
    assert not JobLock.objects.exists()


@pytest.mark.parametrize(("operation", "step", "when"), points(operations.ALL))
def test_worker_killed_at_a_step_ends_as_if_it_had_not_been(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    operation: type[InstanceOperation],
    step: str,
    when: str,
) -> None:
    ask, wanted = REQUESTS[operation]
    job = ask(site)
    sabotage(monkeypatch, operation, step, when, Killed(), times=1)
    job = finish(job, deliver_past_the_kill)
    assert (job.status, job.interruptions) == ("succeeded", 1)
    assert_looks(site, job, wanted)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", sorted(operations.CreateInstance.step_labels()))
def test_create_that_fails_at_a_step_leaves_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    old = site.volume()
    job = site.create(volumes=(DiskWish(volume=old), DiskWish(name="new", size_gib=1)))
    sabotage(monkeypatch, operations.CreateInstance, step, when, OperationFailed("no luck", code="no_luck"), times=1)
    job = finish(job)
    assert (job.status, job.step, job.error_code) == ("failed", step, "no_luck")
    site.assert_nothing_left(old)
    assert Instance.objects.for_display().get().display_state.code == "error"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "operation",
    [operations.StartInstance, operations.StopInstance, operations.RebootInstance, operations.DeleteInstance],
)
def test_operation_that_fails_shows_what_really_is(
    site: Site, monkeypatch: pytest.MonkeyPatch, operation: type[InstanceOperation], when: str
) -> None:
    ask, _wanted = REQUESTS[operation]
    job = ask(site)
    first = next(iter(operation.step_labels()))
    sabotage(monkeypatch, operation, first, when, OperationFailed("no luck", code="no_luck"), times=10)
    job = finish(job)
    assert (job.status, job.error_code) == ("failed", "no_luck")
    instance = Instance.objects.for_display().get()
    shown = {"running": "running", "shut off": "stopped", None: "error"}[site.domains().get(instance.short_id)]
    assert instance.display_state.code == shown
    assert not JobLock.objects.exists()
