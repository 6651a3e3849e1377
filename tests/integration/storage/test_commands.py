"""``storage_garbage``, and what ``doctor`` says of storage."""

from __future__ import annotations

import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from cloudia.core.errors import HostUnreachable
from cloudia.hosts.models import Host
from cloudia.jobs.models import Job
from storage.enums import DomainKind, StrayKind
from storage.management.diagnosis import findings, findings_on
from storage.models import StorageDomain, StrayFile
from storage.pools import marker_ensure, pool_ensure
from tests.factories import HostFactory, StorageDomainFactory, VolumeFactory
from tests.integration.storage.world import World, file, finish

pytestmark = pytest.mark.django_db


class Seen:
    """A shared directory on one host, with its marker and a left file."""

    def __init__(self, world: World) -> None:
        self.host: Host = HostFactory.create(name="kvm-a")
        self.domain: StorageDomain = StorageDomainFactory.create(
            name="nas", kind=DomainKind.SHARED_DIR, hosts=[self.host], marked=True
        )
        self.files = world.mount(self.domain.path, self.host)
        self.there = world.of(self.host)
        pool_ensure(self.domain, self.host)
        marker_ensure(self.domain, self.host)
        self.left = str(uuid4())
        self.files[self.left] = file(self.left)

    def doctor(self) -> list[tuple[str, str]]:
        with translation.override("en"):
            found = [*findings_on(self.host, self.there), *findings()]  # type: ignore[arg-type]  # it stands for one
        return [(finding.what, finding.remedy) for finding in found]


@pytest.fixture
def seen(world: World, monkeypatch: pytest.MonkeyPatch) -> Seen:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    monkeypatch.setattr("storage.management.commands.storage_garbage.finish", finish)
    return Seen(world)


def run(*words: str) -> list[list[str]]:
    """The lines that the command prints, in their columns."""
    out = io.StringIO()
    call_command("storage_garbage", *words, stdout=out)
    return [line.split("\t") for line in out.getvalue().splitlines()]


def test_report_has_a_line_for_each_stray_file(seen: Seen) -> None:
    volume = VolumeFactory.create(storage_domain=seen.domain, name="data")
    lines = {line[1]: line for line in run("--domain", "nas")}
    ids = {str(stray.pk): stray for stray in StrayFile.objects.all()}
    assert {line[0] for line in lines.values()} == set(ids)
    assert lines[StrayKind.ORPHAN][2:3] + lines[StrayKind.ORPHAN][4:] == [str(1 << 30), "nas", seen.left, ""]
    assert lines[StrayKind.MISSING][4:] == ["nas", str(volume.pk), "data"]


def test_chosen_file_is_deleted_when_it_is_old_enough(seen: Seen) -> None:
    (line,) = run()
    with pytest.raises(CommandError, match="an hour"):
        run("--delete", line[0])
    assert seen.left in seen.files
    StrayFile.objects.update(seen_at=timezone.now() - timedelta(hours=2))
    assert run("--delete", line[0]) == []
    assert set(seen.files) == {seen.domain.pool_name}


@pytest.mark.parametrize("words", [["--domain", "other"], ["--delete", str(uuid4())], ["--delete", "x"]])
def test_what_there_is_not_is_refused(seen: Seen, words: list[str]) -> None:
    with pytest.raises(CommandError):
        run(*words)
    assert not Job.objects.exists()


def test_doctor_finds_nothing_wrong(seen: Seen) -> None:
    assert seen.doctor() == [(f"kvm-a, nas ({seen.domain.path}): 60.0 GiB free", "")]


def test_doctor_tells_of_a_pool_that_is_gone_or_stopped(seen: Seen) -> None:
    seen.there.stopped.add(seen.domain.pool_name)
    start = f"virsh -c {seen.host.uri} pool-start {seen.domain.pool_name}"
    assert seen.doctor() == [(f"kvm-a, nas ({seen.domain.path}): the pool is not active", start)]
    seen.there.defined.clear()
    attach = "python manage.py attach_storage nas kvm-a"
    assert seen.doctor() == [(f"kvm-a, nas ({seen.domain.path}): the pool is not there", attach)]


def test_doctor_tells_of_a_missing_mount(seen: Seen) -> None:
    del seen.files[seen.domain.pool_name]
    ((what, remedy),) = seen.doctor()
    assert "does not have the files of this storage domain" in what
    assert remedy == f"findmnt {seen.domain.path}  # kvm-a"


def test_doctor_tells_of_a_full_pool_and_of_one_that_does_not_answer(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.integration.storage.world.FREE", 1 << 20)
    assert seen.doctor() == [(f"kvm-a, nas ({seen.domain.path}): 0.0 GiB free", f"df -h {seen.domain.path}")]
    seen.there.silent = True
    ((what, remedy),) = seen.doctor()
    assert what == f"kvm-a, nas ({seen.domain.path}): {HostUnreachable('no answer')}"
    assert "pool-start" in remedy


def test_doctor_tells_of_missing_files_and_how_to_see_them(seen: Seen) -> None:
    volume = VolumeFactory.create(storage_domain=seen.domain)
    run()
    assert seen.doctor()[1:] == [
        (f"nas: 1 files are missing, among them {volume.pk}", "python manage.py storage_garbage --domain nas")
    ]
