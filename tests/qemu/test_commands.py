"""``setup`` and ``doctor`` on a real host, as an operator meets them."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from cloudia.accounts.enums import Role
from cloudia.accounts.models import AuditEntry, Membership, Project, User
from cloudia.hosts.models import Host
from cloudia.hosts.watcher.leadership import LOCK
from cloudia.virt import Endpoint, hypervisor
from instances.models import InstanceType
from networking.sync import synchronise
from storage.enums import DomainKind
from storage.models import Image, StorageAttachment, StorageDomain, Upload
from storage.services.files import sha256
from tests.factories import HostFactory
from tests.qemu.lab import LabHost

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]


def run(name: str, *words: str) -> str:
    """What the command says, in Korean."""
    out = io.StringIO()
    call_command(name, *words, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def korean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")


@pytest.fixture
def words(lab_host: LabHost, tiny_image: Path) -> list[str]:
    """The arguments of ``setup`` for the lab's host."""
    return ["--uri", lab_host.uri, "--pool", str(lab_host.local_dir / "setup"), "--image", str(tiny_image)]


@pytest.fixture(autouse=True)
def no_pool_left(db: None, lab_host: LabHost) -> Iterator[None]:
    """Volumes and pools go with the test's rows."""
    yield
    gateway = hypervisor(Endpoint(lab_host.uri))
    for domain in StorageDomain.objects.all():
        if gateway.pools.info(domain.pool_name):
            for volume in gateway.volumes.list(domain.pool_name):
                gateway.volumes.delete(domain.pool_name, volume.name)
            gateway.pools.remove(domain.pool_name)


def test_setup_makes_everything_a_first_instance_needs(words: list[str], tiny_image: Path) -> None:
    said = run("setup", *words)
    user, project, host = User.objects.get(), Project.objects.get(), Host.objects.get()
    password = re.search(r"admin.*: (\S{16,}) ", said)
    assert password
    assert user.check_password(password[1])
    assert Membership.objects.filter(user=user, project=project, role=Role.MANAGER).exists()
    assert list(InstanceType.objects.values_list("name", flat=True)) == ["Tiny", "Small", "Medium", "Large"]
    assert host.reachable
    assert host.cpus > 0
    assert "tcg" in host.accelerators
    attachment, image = StorageAttachment.objects.get(), Image.objects.get()
    assert attachment.active
    assert attachment.available_bytes > 0
    assert host.network.chassis
    assert [str(subnet) for vpc in project.vpcs.all() for subnet in vpc.subnets.all()] == ["default"]
    volume = hypervisor(host.endpoint).volumes.info(image.storage_domain.pool_name, image.volume_name)
    assert volume
    assert (volume.format, volume.capacity_bytes) == ("qcow2", image.virtual_bytes)
    assert Path(volume.path).read_bytes() == tiny_image.read_bytes()


def test_setup_twice_changes_nothing_and_says_nothing(words: list[str]) -> None:
    run("setup", *words)
    entries = AuditEntry.objects.count()
    assert run("setup", *words) == ""
    assert AuditEntry.objects.count() == entries


def test_setup_goes_on_where_a_silent_host_stopped_it(words: list[str], lab_host: LabHost) -> None:
    with pytest.raises(CommandError):
        run("setup", "--uri", "qemu+unix:///system?socket=/nowhere/libvirt-sock", *words[2:])
    Host.objects.update(uri=lab_host.uri)
    assert "admin" not in run("setup", *words)
    assert StorageAttachment.objects.filter(active=True).exists()
    assert Image.objects.filter(status="available").exists()


def doctor() -> tuple[str, int]:
    """What it says, and its exit status."""
    out = io.StringIO()
    try:
        call_command("doctor", stdout=out, no_color=True)
    except SystemExit as end:
        return out.getvalue(), int(str(end.code))
    return out.getvalue(), 0


@pytest.fixture
def led(db: None) -> Iterator[None]:
    """As if a watcher led: this test's session has its lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a worker took notes: real ones are tried in tests/integration/jobs/test_worker.py."""
    monkeypatch.setattr("instances.management.commands.doctor.workers_answer", lambda: True)


@pytest.mark.usefixtures("led", "working")
def test_doctor_finds_nothing_wrong_after_setup(words: list[str]) -> None:
    run("setup", *words)
    synchronise(force=True)  # as a watcher would; the lab still has what the test before made
    said, status = doctor()
    assert status == 0, said
    assert said.count("✓") == 11


@pytest.mark.usefixtures("working")
def test_doctor_names_what_is_wrong_and_how_to_mend_it(words: list[str], lab_host: LabHost) -> None:
    run("setup", *words)
    HostFactory.create(name="away", uri="qemu+unix:///system?socket=/nowhere/libvirt-sock")
    pool = StorageDomain.objects.get().pool_name
    subprocess.run(["virsh", "-q", "-c", lab_host.uri, "pool-destroy", pool], check=True)
    said, status = doctor()
    assert status == 1
    assert "python manage.py watch_hosts" in said
    assert f"virsh -c '{lab_host.uri}' pool-start {pool}" in said
    assert "virsh -c 'qemu+unix:///system?socket=/nowhere/libvirt-sock' version" in said


def test_shared_storage_is_proved_on_the_second_host(lab_hosts: list[LabHost]) -> None:
    for host in lab_hosts:
        run("register_host", host.name, host.uri)
    place = lab_hosts[0].lab.shared_dir / "proved"
    with pytest.raises(CommandError):  # nobody has mounted anything there
        run("attach_storage", "shared", lab_hosts[0].name, "--path", str(place), "--shared")
    assert not place.exists()
    place.mkdir()
    assert run("attach_storage", "shared", lab_hosts[0].name)
    run("attach_storage", "shared", lab_hosts[1].name)
    domain = StorageDomain.objects.get()
    assert domain.kind == DomainKind.SHARED_DIR
    assert StorageAttachment.objects.filter(active=True).count() == 2
    second = hypervisor(Endpoint(lab_hosts[1].uri))
    assert [volume.name for volume in second.volumes.list(domain.pool_name)] == [domain.pool_name]  # and no probe
    second.pools.remove(domain.pool_name)


def test_local_directory_of_another_host_is_refused_as_shared(lab_hosts: list[LabHost]) -> None:
    for host in lab_hosts:
        run("register_host", host.name, host.uri)
    run("attach_storage", "local", lab_hosts[0].name, "--path", str(lab_hosts[0].local_dir / "one"))
    with pytest.raises(CommandError):
        run("attach_storage", "local", lab_hosts[1].name)
    assert StorageAttachment.objects.count() == 1


def test_failed_import_leaves_neither_row_nor_volume(words: list[str], tiny_image: Path, tmp_path: Path) -> None:
    run("setup", *words[:4])
    cut = tmp_path / "cut.qcow2"
    cut.write_bytes(tiny_image.read_bytes()[:-100_000])
    with pytest.raises(CommandError):
        run("import_image", str(cut), "--name", "cut")
    domain = StorageDomain.objects.get()
    assert not Image.objects.exists()
    volumes = hypervisor(Host.objects.get().endpoint).volumes.list(domain.pool_name)
    assert {volume.name for volume in volumes} <= {domain.pool_name}  # the mark of the storage domain


def test_import_that_was_killed_is_taken_up_again(words: list[str], tiny_image: Path) -> None:
    run("setup", *words[:4])
    half = Image.objects.create(name="half", storage_domain=StorageDomain.objects.get(), status="importing")
    Upload.objects.create(image=half, length_bytes=5000, checksum=sha256(tiny_image))
    said = run("import_image", str(tiny_image), "--name", "half", "--os-type", "Debian")
    image = Image.objects.get()
    assert (said.strip(), image.status, image.os_type) == (str(image.pk), "available", "Debian")
    again = run("import_image", str(tiny_image), "--name", "half")
    assert again == said


def test_unsafe_image_is_refused_with_the_reason(words: list[str], tiny_image: Path, tmp_path: Path) -> None:
    run("setup", *words[:4])
    overlay = tmp_path / "overlay.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", tiny_image, overlay], check=True)
    with pytest.raises(CommandError, match=str(tiny_image)):
        run("import_image", str(overlay), "--name", "overlay")
    assert not Image.objects.exists()


def test_doctor_without_a_database_says_so_and_nothing_else() -> None:
    environment = {**os.environ, "DATABASE_URL": "postgresql://cloudia@/cloudia?host=/nowhere"}
    answer = subprocess.run(
        [sys.executable, "manage.py", "doctor"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 1
    assert answer.stdout.count("✗") == 1
    assert answer.stdout.count("✓") == 0
