"""Images on a real host: uploaded, converted, broken off, given up, deleted."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from cloudia.core.errors import InputError
from cloudia.core.policy import ActionDenied
from cloudia.jobs.models import Job
from storage.models import Image, Upload
from storage.services.images import image_delete
from storage.services.uploads import uploads_expire
from tests.qemu.faults import Killed
from tests.qemu.images.bring import MIB, assert_nothing_left, begun, in_pool, send, sha256, uploaded
from tests.qemu.site import Site, finish

pytestmark = pytest.mark.django_db


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


def test_pool_that_vanishes_keeps_what_came(site: Site, file: Path) -> None:
    """Its directory is gone for a while, as when a mount is lost: the upload says so, and goes on when it is back."""
    content, folder = file.read_bytes(), Path(site.domain.path)
    upload, away = begun(site, len(content)), folder.with_name("away")
    send(site, upload, content[: 2 * MIB])
    folder.rename(away)
    try:
        with pytest.raises(ActionDenied) as lost:
            send(site, upload, content[2 * MIB : 3 * MIB])
    finally:
        away.rename(folder)
    assert "No such file or directory" in str(lost.value)
    upload.refresh_from_db()
    assert (upload.received_bytes, upload.writer) == (2 * MIB, "")
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


def test_second_image_of_one_name_is_refused_while_the_first_is_offered(site: Site, file: Path) -> None:
    upload = begun(site, 10_000, "same")
    with pytest.raises(InputError) as refused:
        begun(site, 10_000, "same")
    assert refused.value.fields["name"][0].code == "taken"
    Image.objects.filter(pk=upload.image_id).update(deprecated=True)
    begun(site, 10_000, "same")
