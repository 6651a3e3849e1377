"""A worker killed, or a step failing, before and after every step of every operation on a real host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from cloudia.core.errors import OperationFailed
from cloudia.jobs.models import Job, JobLock
from cloudia.jobs.operation import Step
from cloudia.jobs.run import Run
from cloudia.jobs.runner import run_job
from instances import operations
from instances.models import Instance
from instances.services import instance_delete, instance_reboot, instance_start, instance_stop
from networking.models import NetworkInterface
from tests.qemu.lab import LabHost
from tests.qemu.site import Site, finish, make_site

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs, not even the runner's own handling."""


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


def start(site: Site) -> Job:
    return instance_start(actor=site.actor, instance=stopped(site))


def stop(site: Site) -> Job:
    return instance_stop(actor=site.actor, instance=running(site), force=True)


def reboot(site: Site) -> Job:
    return instance_reboot(actor=site.actor, instance=running(site), hard=True)


def delete(site: Site) -> Job:
    return instance_delete(actor=site.actor, instance=stopped(site))


# What is asked for, and how the host looks afterwards.
REQUESTS: dict[type[operations.InstanceOperation], tuple[Callable[[Site], Job], str]] = {
    operations.CreateInstance: (Site.create, "running"),
    operations.StartInstance: (start, "running"),
    operations.StopInstance: (stop, "shut off"),
    operations.RebootInstance: (reboot, "running"),
    operations.DeleteInstance: (delete, "gone"),
}
POINTS = [
    pytest.param(operation, step, when, id=f"{operation.kind}-{step}-{when}")
    for operation in operations.ALL
    for step in operation.step_labels()
    for when in ("before", "after")
]


def test_every_operation_is_covered() -> None:
    assert set(REQUESTS) == set(operations.ALL)


def sabotage(
    monkeypatch: pytest.MonkeyPatch,
    operation: type[operations.InstanceOperation],
    name: str,
    when: str,
    error: BaseException,
    times: int,
) -> None:
    """Let ``error`` happen ``when`` the step ``name`` is done, so many times."""
    honest = operation.steps.fget  # type: ignore[attr-defined]  # it is a property
    left = [times]

    def broken(step: Step) -> Step:
        def do(run: Run) -> None:
            if when == "after":
                step.do(run)
            if left[0]:
                left[0] -= 1
                raise error
            if when == "before":
                step.do(run)

        return replace(step, do=do)

    def steps(self: operations.InstanceOperation) -> list[Step]:
        return [broken(step) if step.name == name else step for step in honest(self)]

    monkeypatch.setattr(operation, "steps", property(steps))


def deliver_past_the_kill(job_id: str) -> None:
    try:
        run_job(job_id)
    except Killed:
        Job.objects.filter(pk=job_id).update(lease_until=timezone.now() - timedelta(seconds=1))


def assert_looks(site: Site, job: Job, wanted: str) -> None:
    if wanted == "gone":
        assert not Instance.objects.exists()
        assert not NetworkInterface.objects.exists()
        site.assert_nothing_left()
        return
    instance = Instance.objects.for_display().get(pk=job.target_id)
    assert site.domains() == {instance.short_id: wanted}
    assert site.files() == {str(disk.volume_id) for disk in instance.disks.all()}
    assert instance.display_state.code == {"running": "running", "shut off": "stopped"}[wanted]
    assert not JobLock.objects.exists()


@pytest.mark.parametrize(("operation", "step", "when"), POINTS)
def test_worker_killed_at_a_step_ends_as_if_it_had_not_been(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    operation: type[operations.InstanceOperation],
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
    job = site.create()
    sabotage(monkeypatch, operations.CreateInstance, step, when, OperationFailed("no luck", code="no_luck"), times=1)
    job = finish(job)
    assert (job.status, job.step, job.error_code) == ("failed", step, "no_luck")
    site.assert_nothing_left()
    assert Instance.objects.for_display().get().display_state.code == "error"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "operation",
    [operations.StartInstance, operations.StopInstance, operations.RebootInstance, operations.DeleteInstance],
)
def test_operation_that_fails_shows_what_really_is(
    site: Site, monkeypatch: pytest.MonkeyPatch, operation: type[operations.InstanceOperation], when: str
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
