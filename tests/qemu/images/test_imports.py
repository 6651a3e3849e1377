"""Images fetched from the web."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.utils.translation import override

from cloudia.accounts import quotas
from cloudia.jobs.models import Job
from cloudia.virt.errors import no_space
from storage.models import Image
from storage.services.images import image_delete
from tests.qemu.images.bring import MIB, Server, assert_nothing_left, fetched, sha256
from tests.qemu.site import Site, finish

pytestmark = pytest.mark.django_db
LITTLE = 2 * MIB  # less than half of the file


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


def test_import_by_the_page_is_whole_or_nothing(site: Site, server: type[Server], client: Client) -> None:
    """With the checksum that was typed there; a wrong one leaves nothing but the reason."""
    client.force_login(site.actor.user, backend="cloudia.accounts.backends.PeopleBackend")
    client.get("/", {"project": str(site.project.pk)})
    form = {"storage_domain": str(site.domain.pk), "url": f"{server.address}/disk.qcow2"}  # type: ignore[attr-defined]
    for name, checksum, status in (("right", sha256(server.content), "succeeded"), ("wrong", "0" * 64, "failed")):
        answer = client.post("/images/import/", {**form, "name": name, "sha256": checksum})
        assert answer.status_code == 302, answer.content.decode()
        job = finish(Job.objects.get(target_name=name))
        assert (job.status, job.error_code) == (status, "" if status == "succeeded" else "bad_checksum")
    assert site.files() - {site.domain.pool_name} == {Image.objects.get(name="right").volume_name}


@pytest.mark.parametrize("path", ["/away", "/away?again"])
def test_import_is_not_led_to_the_metadata_service(site: Site, server: type[Server], path: str) -> None:
    job = finish(fetched(site, path))
    assert (job.status, job.error_code) == ("failed", "address_not_allowed")
    assert_nothing_left(site)


def test_import_that_the_pool_has_no_room_for_leaves_nothing(site: Site, server: type[Server]) -> None:
    with site.lab_host.little_room(Path(site.domain.path), LITTLE):
        job = finish(fetched(site))
        assert (job.status, job.error_code) == ("failed", "no_space")
        assert_nothing_left(site)
    with override("ko"):
        assert job.error_texts["ko"] == str(no_space().message)
    finish(
        image_delete(actor=site.actor, image=Image.objects.get(name="fetched"))
    )  # it stays until somebody has read why
    assert quotas.level(site.project, "images").used == 0
