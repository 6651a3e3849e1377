"""Images on a real host: uploaded, imported, converted, refused, deleted; killed and failing at every step."""

from __future__ import annotations

import hashlib
import http.server
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from cloudia.core.errors import InputError, OperationFailed
from cloudia.core.policy import ActionDenied
from cloudia.jobs.models import Job, JobLock
from cloudia.jobs.operation import Step
from cloudia.jobs.run import Run
from cloudia.jobs.runner import run_job
from storage import image_operations as operations
from storage.models import Image, Upload
from storage.services.images import image_delete, image_fetch
from storage.services.uploads import upload_create, upload_receive, uploads_expire
from tests.qemu.lab import LabHost
from tests.qemu.site import Site, finish, make_site

pytestmark = pytest.mark.django_db
MIB = 1 << 20


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs, not even the runner's own handling."""


class Pieces:
    """A body in pieces; an exception among them is raised."""

    def __init__(self, *pieces: bytes | BaseException) -> None:
        self.pieces = list(pieces)

    def read(self, wait_s: float) -> bytes | None:
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, BaseException):
            raise piece
        return piece


@pytest.fixture
def site(
    lab_host: LabHost, tiny_image: Path, monkeypatch: pytest.MonkeyPatch, settings: LazySettings, tmp_path: Path
) -> Iterator[Site]:
    monkeypatch.setattr("cloudia.jobs.run.Heartbeat._beat", lambda self: None)
    settings.SCRATCH_DIR = tmp_path / "scratch"
    site = make_site(lab_host, tiny_image)
    yield site
    site.clean()
    assert not settings.SCRATCH_DIR.exists() or not list(settings.SCRATCH_DIR.iterdir())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A qcow2 file of 16 MiB in which 5 MiB are random."""
    raw, path = tmp_path / "raw", tmp_path / "disk.qcow2"
    raw.write_bytes(os.urandom(5 * MIB) + bytes(11 * MIB))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    return path


def begun(site: Site, size: int, name: str = "brought", **wish: Any) -> Upload:
    image = upload_create(
        actor=site.actor, storage_domain=site.domain, length_bytes=size, name=name, project=site.project, **wish
    )
    return Upload.objects.get(image=image)


def send(site: Site, upload: Upload, *pieces: bytes | BaseException) -> int:
    upload = Upload.objects.select_related("image__storage_domain").get(pk=upload.pk)
    return upload_receive(actor=site.actor, upload=upload, offset=upload.received_bytes, source=Pieces(*pieces))


def uploaded(site: Site, content: bytes, name: str = "brought", **wish: Any) -> Job:
    """The job that makes an image of what was uploaded."""
    upload = begun(site, len(content), name, **wish)
    send(site, upload, *(content[start : start + MIB] for start in range(0, len(content), MIB)))
    return Job.objects.get(target_id=upload.image_id)


def in_pool(site: Site, name: str, to: Path) -> Path:
    """The volume as virsh sees it."""
    site.virsh("vol-download", "--pool", site.domain.pool_name, name, str(to))
    return to


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def assert_nothing_left(site: Site) -> None:
    assert site.files() <= {site.domain.pool_name}
    assert not Upload.objects.exists()
    assert not JobLock.objects.exists()


def test_uploaded_qcow2_is_the_same_file_and_a_disk_for_clones(site: Site, file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    job = finish(uploaded(site, content, sha256=sha256(content), os_type="Debian"))
    image = Image.objects.get(pk=job.target_id)
    assert (job.status, image.status, image.sha256) == ("succeeded", "available", sha256(content))
    assert (image.format, image.virtual_bytes, image.file_bytes) == ("qcow2", 16 * MIB, len(content))
    assert in_pool(site, image.volume_name, tmp_path / "back").read_bytes() == content
    volumes = site.hypervisor.volumes
    clone = volumes.ensure_linked_clone(site.domain.pool_name, "clone", image.volume_name, 16 * MIB)
    assert 'type="qcow2"' in site.virsh("vol-dumpxml", "--pool", site.domain.pool_name, "clone").replace("'", '"')
    shown = subprocess.check_output(["qemu-img", "info", "-U", "--output=json", clone.path], text=True)
    assert '"backing-filename-format": "qcow2"' in shown
    volumes.delete(site.domain.pool_name, "clone")


def test_until_the_end_nobody_sees_an_image_in_the_pool(site: Site, file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    upload = begun(site, len(content))
    send(site, upload, content)
    back = in_pool(site, str(upload.image_id), tmp_path / "back").read_bytes()
    assert (back[:4096], back[4096:]) == (bytes(4096), content[4096:])


@pytest.mark.parametrize("format", ["raw", "vmdk", "vhdx", "vpc", "vdi"])
def test_other_formats_become_qcow2_with_the_same_disk(site: Site, file: Path, tmp_path: Path, format: str) -> None:
    source = tmp_path / "source"
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", format, file, source], check=True)
    job = finish(uploaded(site, source.read_bytes()))
    image = Image.objects.get(pk=job.target_id)
    assert (job.status, image.format, image.status) == ("succeeded", "qcow2", "available"), job.error_texts
    back = in_pool(site, image.volume_name, tmp_path / "back")
    subprocess.run(["qemu-img", "compare", "-f", format, "-F", "qcow2", source, back], check=True)
    assert site.files() - {site.domain.pool_name} == {image.volume_name}
    assert image.file_bytes == back.stat().st_size


def test_broken_connection_keeps_what_came(site: Site, file: Path) -> None:
    content = file.read_bytes()
    upload = begun(site, len(content))
    assert send(site, upload, content[:1000]) == 1000
    assert send(site, upload, content[1000 : 2 * MIB]) == 2 * MIB
    with pytest.raises(Killed):
        send(site, upload, content[2 * MIB : 3 * MIB], Killed())
    upload.refresh_from_db()
    assert upload.received_bytes == 2 * MIB  # what was on its way is sent again
    send(site, upload, content[2 * MIB :])
    job = finish(Job.objects.get(target_id=upload.image_id))
    assert (job.status, Image.objects.get(pk=upload.image_id).sha256) == ("succeeded", sha256(content))


def test_second_writer_is_refused_until_the_first_is_silent(site: Site, file: Path) -> None:
    content = file.read_bytes()
    upload = begun(site, len(content))
    Upload.objects.filter(pk=upload.pk).update(writer="another", changed_at=timezone.now())
    with pytest.raises(ActionDenied) as refused:
        send(site, upload, content)
    assert refused.value.denial.code == "busy"
    Upload.objects.filter(pk=upload.pk).update(changed_at=timezone.now() - timedelta(seconds=6))
    assert send(site, upload, content) == len(content)


def test_upload_that_is_deleted_leaves_nothing(site: Site, file: Path) -> None:
    upload = begun(site, file.stat().st_size)
    send(site, upload, file.read_bytes()[: 2 * MIB])
    job = finish(image_delete(actor=site.actor, image=upload.image))
    assert job.status == "succeeded"
    assert not Image.objects.filter(pk=upload.image_id).exists()
    assert_nothing_left(site)


def test_upload_without_news_is_given_up(site: Site, file: Path) -> None:
    upload = begun(site, file.stat().st_size)
    send(site, upload, file.read_bytes()[: 2 * MIB])
    assert uploads_expire() == 0
    Upload.objects.update(changed_at=timezone.now() - timedelta(hours=25))
    assert uploads_expire() == 1
    finish(Job.objects.get())
    assert_nothing_left(site)


def malicious(path: Path, *words: str, change: Callable[[bytearray], None] | None = None) -> bytes:
    subprocess.run(["qemu-img", "create", "-q", *words[:-1], path, words[-1]], check=True)
    content = bytearray(path.read_bytes())
    if change:
        change(content)
    return bytes(content)


def backed(name: bytes) -> Callable[[bytearray], None]:
    def change(content: bytearray) -> None:
        content[8:20] = (2048).to_bytes(8, "big") + len(name).to_bytes(4, "big")
        content[2048 : 2048 + len(name)] = name

    return change


def giant(content: bytearray) -> None:
    content[24:32] = (1 << 52).to_bytes(8, "big")


def vmdk(canary: Path) -> bytes:
    lines = ["version=1", "CID=1", "parentCID=ffffffff", 'createType="monolithicFlat"', f'RW 8 FLAT "{canary}" 0']
    return "\n".join(["# Disk DescriptorFile", *lines]).encode()


def test_malicious_files_are_refused_and_nothing_else_is_read(site: Site, tmp_path: Path) -> None:
    """Nobody has opened the canary that they name: its time of access, which was set far back, is as it was."""
    canary = site.lab_host.local_dir / "canary.raw"
    canary.write_bytes(b"secret" * 1000)
    os.utime(canary, (0, 0))
    name, disk = str(canary).encode(), tmp_path / "x"
    files = {
        "absolute": (malicious(disk, "-f", "qcow2", "1M", change=backed(name)), "backing_file"),
        "relative": (malicious(disk, "-f", "qcow2", "1M", change=backed(b"../canary.raw")), "backing_file"),
        "json": (malicious(disk, "-f", "qcow2", "1M", change=backed(b'json:{"file.filename":"/x"}')), "backing_file"),
        "nbd": (malicious(disk, "-f", "qcow2", "1M", change=backed(b"nbd://127.0.0.1:10809")), "backing_file"),
        "vmdk": (vmdk(canary), "bad_format"),
        "gzip": (b"\x1f\x8b\x08" + bytes(5000), "bad_format"),
        "text": (b"<html>" + bytes(5000), "bad_format"),
        "giant": (malicious(disk, "-f", "qcow2", "1M", change=giant), "too_large"),
    }  # fmt: skip
    for kind, (content, code) in files.items():
        upload = begun(site, len(content), kind)
        with pytest.raises(InputError) as refused:
            send(site, upload, content)
        assert refused.value.fields["file"][0].code == code, kind
        assert not Image.objects.filter(name=kind).exists()
    assert canary.stat().st_atime == 0
    assert_nothing_left(site)
    canary.unlink()


def late(path: Path, canary: bytes) -> dict[str, tuple[bytes, str]]:
    """What shows only when all of it is there."""

    def l1(content: bytearray) -> None:
        at = int.from_bytes(content[40:48], "big")
        content[at : at + 8] = (1 << 63 | 1 << 50).to_bytes(8, "big")

    sparse = malicious(path, "-f", "vmdk", "1M").replace(b"monolithicSparse", b"monolithicFlat\0\0")
    iso = bytearray(MIB)
    iso[0x8000:0x8006] = b"\x01CD001"
    good = malicious(path, "-f", "qcow2", "1M")
    return {
        "table": (malicious(path, "-f", "qcow2", "1M", change=l1), "bad_image"),
        "cut": (good[:100_000], "bad_image"),
        "extent": (sparse.replace(b'SPARSE "x"', b'FLAT "/x"'), "data_file"),
        "iso": (bytes(iso), "bad_format"),
        "vhdx": (malicious(path, "-f", "vhdx", "8M")[: 2 * MIB], "bad_image"),
    }


def test_files_that_show_it_late_fail_with_the_reason(site: Site, tmp_path: Path) -> None:
    for kind, (content, code) in late(tmp_path / "x", b"").items():
        job = finish(uploaded(site, content, kind))
        assert (job.status, job.error_code) == ("failed", code), kind
        assert Image.objects.get(pk=job.target_id).status == "failed"
        assert_nothing_left(site)


def test_wrong_checksum_is_refused(site: Site, file: Path) -> None:
    job = finish(uploaded(site, file.read_bytes(), sha256="0" * 64))
    assert (job.status, job.error_code) == ("failed", "bad_checksum")
    assert_nothing_left(site)


def test_second_image_of_one_name_is_refused_while_the_first_is_offered(site: Site, file: Path) -> None:
    upload = begun(site, 10_000, "same")
    with pytest.raises(InputError) as refused:
        begun(site, 10_000, "same")
    assert refused.value.fields["name"][0].code == "taken"
    Image.objects.filter(pk=upload.image_id).update(deprecated=True)
    begun(site, 10_000, "same")


class Server(http.server.BaseHTTPRequestHandler):
    """A web server with one file; its class attributes say how it behaves."""

    content = b""
    stop_after = 0  # bytes of the first answer; then the connection breaks
    asked: list[str] = []

    def do_GET(self) -> None:  # the library's name
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        type(self).asked.append(self.headers.get("Range") or "")
        if self.path.startswith("/away"):
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
            self.end_headers()
            return
        rest = self.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        self.end_headers()
        stop, type(self).stop_after = self.stop_after, 0
        self.wfile.write(rest[:stop] if stop else rest)

    def log_message(self, *words: Any) -> None:
        """Quietly."""


@pytest.fixture
def server(file: Path, settings: LazySettings) -> Iterator[type[Server]]:
    """It serves ``file`` on this machine, which the settings allow."""
    settings.IMPORT_ALLOWED = ["127.0.0.0/8"]
    Server.content, Server.stop_after, Server.asked = file.read_bytes(), 0, []
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Server.address = f"http://127.0.0.1:{running.server_port}"  # type: ignore[attr-defined]  # for the tests below
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield Server
    running.shutdown()
    thread.join()
    running.server_close()


def fetched(site: Site, path: str = "/disk.qcow2?signature=secret", **wish: Any) -> Job:
    url = Server.address + path  # type: ignore[attr-defined]  # see the fixture
    return image_fetch(
        actor=site.actor, storage_domain=site.domain, url=url, name="fetched", project=site.project, **wish
    )


def test_import_fetches_checks_and_forgets_the_address(site: Site, server: type[Server]) -> None:
    job = finish(fetched(site, sha256=sha256(server.content)))
    image = Image.objects.get(pk=job.target_id)
    assert (job.status, image.status, image.sha256) == ("succeeded", "available", sha256(server.content))
    assert (image.source_url, image.file_bytes) == ("", len(server.content))
    assert "secret" not in repr(job.params) + repr([step.detail for step in job.steps.all()])


def test_import_goes_on_where_the_connection_broke(
    site: Site, server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.transfer.SEGMENT_BYTES", MIB)
    server.stop_after = 3 * MIB
    job = finish(fetched(site))
    assert job.status == "succeeded", job.error_texts
    assert Image.objects.get(pk=job.target_id).sha256 == sha256(server.content)
    assert len(server.asked) == 2
    assert server.asked[1].startswith("bytes=")


@pytest.mark.parametrize("path", ["/away", "/away?again"])
def test_import_is_not_led_to_the_metadata_service(site: Site, server: type[Server], path: str) -> None:
    job = finish(fetched(site, path))
    assert (job.status, job.error_code) == ("failed", "address_not_allowed")
    assert_nothing_left(site)


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


REQUESTS: list[tuple[Any, Callable[[Site, Path], Job]]] = [
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


def sabotage(monkeypatch: pytest.MonkeyPatch, operation: Any, name: str, when: str, error: BaseException) -> None:
    """Let ``error`` happen once, before or after the step ``name`` is done."""
    honest = operation.steps.fget
    left = [error]

    def broken(step: Step) -> Step:
        def do(run: Run) -> None:
            if when == "after":
                step.do(run)
            if left:
                raise left.pop()
            if when == "before":
                step.do(run)

        return replace(step, do=do)

    def steps(self: Any) -> list[Step]:
        return [broken(step) if step.name == name else step for step in honest(self)]

    monkeypatch.setattr(operation, "steps", property(steps))


def deliver_past_the_kill(job_id: str) -> None:
    try:
        run_job(job_id)
    except Killed:
        Job.objects.filter(pk=job_id).update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize(("operation", "ask", "step", "when"), POINTS)
def test_worker_killed_at_a_step_ends_as_if_it_had_not_been(
    site: Site,
    file: Path,
    server: type[Server],
    monkeypatch: pytest.MonkeyPatch,
    operation: Any,
    ask: Callable[[Site, Path], Job],
    step: str,
    when: str,
) -> None:
    job = ask(site, file)
    sabotage(monkeypatch, operation, step, when, Killed())
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
    operation: Any,
    ask: Callable[[Site, Path], Job],
    step: str,
    when: str,
) -> None:
    job = ask(site, file)
    sabotage(monkeypatch, operation, step, when, OperationFailed("no luck", code="no_luck"))
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
