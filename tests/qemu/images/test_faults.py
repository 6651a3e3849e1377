"""Workers killed, and errors, at every step between a file and an image."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudia.core.errors import OperationFailed
from cloudia.jobs.models import Job, JobLock
from cloudia.jobs.operation import Operation
from storage import image_operations as operations
from storage.models import Image, Upload
from storage.services.images import image_delete
from tests.qemu.faults import Killed, deliver_past_the_kill, sabotage
from tests.qemu.images.bring import Server, assert_nothing_left, fetched, uploaded
from tests.qemu.site import Site, finish

pytestmark = pytest.mark.django_db


def finishing(site: Site, file: Path) -> Job:
    return uploaded(site, file.read_bytes())


def converting(site: Site, file: Path) -> Job:
    source = file.parent / "source.vmdk"
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "vmdk", file, source], check=True)
    return uploaded(site, source.read_bytes())


def importing(site: Site, file: Path) -> Job:
    return fetched(site)


def deleting(site: Site, file: Path) -> Job:
    job = finish(uploaded(site, file.read_bytes()))
    return image_delete(actor=site.actor, image=Image.objects.get(pk=job.target_id))


REQUESTS: list[tuple[type[Operation], Callable[[Site, Path], Job]]] = [
    (operations.FinishImage, finishing),
    (operations.FinishImage, converting),
    (operations.ImportImage, importing),
    (operations.DeleteImage, deleting),
]
POINTS = [
    pytest.param(operation, ask, step, when, id=f"{ask.__name__}-{step}-{when}")
    for operation, ask in REQUESTS
    for step in operation.step_labels()
    for when in ("before", "after")
]


@pytest.mark.parametrize(("operation", "ask", "step", "when"), POINTS)
def test_worker_killed_at_a_step_ends_as_if_it_had_not_been(
    site: Site,
    file: Path,
    server: type[Server],
    monkeypatch: pytest.MonkeyPatch,
    operation: type[Operation],
    ask: Callable[[Site, Path], Job],
    step: str,
    when: str,
) -> None:
    job = ask(site, file)
    sabotage(monkeypatch, operation, step, when, Killed(), times=1)
    job = finish(job, deliver_past_the_kill)
    assert (job.status, job.interruptions) == ("succeeded", 1), job.error_texts
    images = Image.objects.exclude(pk=site.image.pk)
    assert [image.status for image in images] == ([] if ask is deleting else ["available"])
    assert site.files() - {site.domain.pool_name} == {image.volume_name for image in images}
    assert not Upload.objects.exists()
    assert not JobLock.objects.exists()


@pytest.mark.parametrize(
    ("operation", "ask", "step", "when"), [point for point in POINTS if "delet" not in str(point.id)]
)
def test_failing_step_leaves_nothing_but_the_reason(
    site: Site,
    file: Path,
    server: type[Server],
    monkeypatch: pytest.MonkeyPatch,
    operation: type[Operation],
    ask: Callable[[Site, Path], Job],
    step: str,
    when: str,
) -> None:
    job = ask(site, file)
    sabotage(monkeypatch, operation, step, when, OperationFailed("no luck", code="no_luck"), times=1)
    job = finish(job)
    assert (job.status, job.step, job.error_code) == ("failed", step, "no_luck")
    assert Image.objects.get(pk=job.target_id).status == "failed"
    assert_nothing_left(site)


def test_cancelled_job_leaves_nothing(site: Site, file: Path) -> None:
    job = uploaded(site, file.read_bytes())
    Job.objects.filter(pk=job.pk).update(status="cancelling")
    job = finish(job)
    assert job.status == "cancelled"
    assert Image.objects.get(pk=job.target_id).status == "failed"
    assert_nothing_left(site)
