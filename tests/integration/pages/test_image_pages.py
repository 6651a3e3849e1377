"""Images: the list with its filters, an image with what was made of it, dialogs, and the pages that bring new ones."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudia.accounts.models import Project
from cloudia.jobs.models import Job
from storage.models import Image, StorageDomain
from tests.factories import (
    BootDiskFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    ProjectFactory,
    StorageDomainFactory,
    UploadFactory,
    VolumeFactory,
)
from tests.integration.pages.conftest import HTMX

SHA256 = "0123456789abcdef" * 4


@pytest.fixture
def domain(db: None) -> StorageDomain:
    """One that a host has."""
    return StorageDomainFactory.create(name="nfs-ssd", hosts=[HostFactory.create()])


@pytest.fixture
def image(project: Project, domain: StorageDomain) -> Image:
    """One of the project."""
    return ImageFactory.create(name="golden", project=project, storage_domain=domain, sha256=SHA256)


def names(answer: Any) -> set[str]:
    """The rows of a list."""
    return set(re.findall(r'data-name="([^"]*)" data-live', answer.content.decode()))


def errors(answer: Any) -> dict[str, str]:
    """What stands at which field."""
    return dict(re.findall(r'invalid-feedback d-block" id="id_(\w+)_error">(.*?)</div>', answer.content.decode()))


def test_list_shows_the_project_s_and_public_images(manager: Client, image: Image) -> None:
    ImageFactory.create(name="everybody's")
    ImageFactory.create(name="foreign", project=ProjectFactory.create())
    assert names(manager.get("/images/")) == {"golden", "everybody&#x27;s"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("visibility=public", {"public"}),
        ("visibility=project", {"golden", "broken"}),
        ("status=failed", {"broken"}),
        ("os_type=Ubuntu", {"public"}),
        ("search=golden", {"golden"}),
        ("search=ubuntu", {"public"}),
        ("search=%00", set()),
        ("visibility=x&status=x&sort=--name&page=x", {"golden", "broken", "public"}),
    ],
)
def test_list_is_narrowed(manager: Client, image: Image, query: str, found: set[str]) -> None:
    ImageFactory.create(name="public", os_type="Ubuntu")
    ImageFactory.create(name="broken", status="failed", project=image.project)
    answer = manager.get(f"/images/?{query}")
    assert answer.status_code == 200
    assert names(answer) == found or "search=%00" in query


@pytest.mark.parametrize("path", ["/images/{pk}/", "/images/{pk}/edit/", "/images/{pk}/delete/", "/images/{pk}/row/"])
def test_image_of_another_project_is_not_there(manager: Client, path: str) -> None:
    foreign = ImageFactory.create(project=ProjectFactory.create())
    assert manager.get(path.format(pk=foreign.pk)).status_code == 404


@pytest.mark.parametrize("path", ["/images/", "/images/{pk}/", "/images/upload/"])
def test_pages_ask_the_database_equally_often_for_one_row_and_for_thirty(
    manager: Client, image: Image, path: str
) -> None:
    like, counts = InstanceFactory.create(project=image.project, image=image), []
    manager.get("/account/")  # the session's first request asks more
    for more in (1, 30):
        for _number in range(more):
            given = {"project": image.project, "storage_domain": image.storage_domain}
            UploadFactory.create(image=ImageFactory.create(**given, status="uploading"))
            BootDiskFactory.create(instance=InstanceFactory.create(project=image.project, image=image, host=like.host))
        with CaptureQueriesContext(connection) as queries:
            assert manager.get(path.format(pk=image.pk)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 20


def test_row_of_an_upload_says_how_far_it_is_and_goes_on(manager: Client, viewer: Client, project: Project) -> None:
    waiting = ImageFactory.create(project=project, status="uploading", name="half")
    UploadFactory.create(image=waiting, length_bytes=1000, received_bytes=437)
    row = manager.get(f"/images/{waiting.pk}/row/").content.decode()
    assert '<span class="num">43%</span>' in row
    assert f"/images/upload/?image={waiting.pk}" in row
    assert "/images/upload/" not in viewer.get(f"/images/{waiting.pk}/row/").content.decode()


def test_detail_shows_checksum_and_what_was_made_of_it(manager: Client, image: Image) -> None:
    instance = InstanceFactory.create(project=image.project, image=image, name="web-1")
    volume = VolumeFactory.create(project=image.project, image=image, name="copy-1")
    page = manager.get(f"/images/{image.pk}/").content.decode()
    assert f'data-copy="{SHA256}"' in page
    assert f"/instances/{instance.pk}/" in page
    assert f"/volumes/{volume.pk}/" in page


def test_detail_of_a_public_image_does_not_tell_what_others_made_of_it(
    manager: Client, operator: Client, domain: StorageDomain
) -> None:
    public = ImageFactory.create(storage_domain=domain)
    InstanceFactory.create(image=public, name="secret-project-x")
    assert "secret-project-x" not in manager.get(f"/images/{public.pk}/").content.decode()
    assert "secret-project-x" in operator.get(f"/images/{public.pk}/").content.decode()


def test_image_is_edited(manager: Client, image: Image) -> None:
    typed = {"name": "golden-2", "description": "x", "os_type": "Ubuntu", "os_version": "24.04", "deprecated": "on"}
    assert manager.post(f"/images/{image.pk}/edit/", typed, headers=HTMX).status_code == 204
    image.refresh_from_db()
    assert {name: str(getattr(image, name)) for name in typed} == {**typed, "deprecated": "True"}


def test_wrong_name_is_said_at_its_field(manager: Client, image: Image) -> None:
    answer = manager.post(f"/images/{image.pk}/edit/", {"name": ""}, headers=HTMX)
    assert (answer.status_code, set(errors(answer))) == (422, {"name"})


def test_delete_asks_for_the_name_and_starts_a_job(manager: Client, image: Image) -> None:
    path = f"/images/{image.pk}/delete/"
    assert manager.post(path, {"confirm_name": "gold"}, headers=HTMX).status_code == 200
    assert not Job.objects.exists()
    answer = manager.post(path, {"confirm_name": "golden"}, headers=HTMX)
    job = Job.objects.get(kind="image.delete")
    assert answer.status_code == 204
    assert f"/jobs/{job.pk}/" in answer.headers["HX-Trigger"]


def test_image_in_use_is_not_deleted_and_the_dialog_leads_to_who_uses_it(manager: Client, image: Image) -> None:
    instance = InstanceFactory.create(project=image.project, image=image, name="web-1")
    path = f"/images/{image.pk}/delete/"
    dialog = manager.get(path, headers=HTMX).content.decode()
    assert "“web-1” uses it." in dialog
    assert f"/instances/{instance.pk}/" in dialog
    assert "data-confirm-button" not in dialog
    assert manager.post(path, {"confirm_name": "golden"}, headers=HTMX).status_code == 409


def test_upload_page_offers_where_it_can_go(manager: Client, operator: Client, domain: StorageDomain) -> None:
    StorageDomainFactory.create(name="ceph", kind="rbd", hosts=[HostFactory.create()])
    StorageDomainFactory.create(name="nowhere")
    page = manager.get("/images/upload/").content.decode()
    assert re.findall(r"<option value=\"[0-9a-f-]+\"[^>]*>([^<]*)", page) == ["nfs-ssd · SSD · 600 GiB free"]
    assert 'name="public"' not in page
    assert 'name="public"' in operator.get("/images/upload/").content.decode()


def test_upload_page_knows_what_is_unfinished(manager: Client, project: Project, domain: StorageDomain) -> None:
    upload = UploadFactory.create(image=ImageFactory.create(project=project, status="uploading", name="half"))
    UploadFactory.create()  # of another project
    page = manager.get(f"/images/upload/?image={upload.image_id}").content.decode()
    assert re.findall(r'data-unfinished="([^"]*)"', page) == [str(upload.pk)]
    assert f'data-wanted="{upload.pk}"' in page
    assert "The upload of “half” stopped at 0%." in page


def test_without_storage_or_permission_the_pages_say_so(manager: Client, viewer: Client) -> None:
    assert "There is no storage yet." in manager.get("/images/upload/").content.decode()
    for path in ("/images/upload/", "/images/import/"):
        assert "Your role does not allow this." in viewer.get(path).content.decode()


def test_fetch_records_an_image_and_goes_to_it(manager: Client, project: Project, domain: StorageDomain) -> None:
    typed = {"url": "https://example.org/disk.qcow2", "name": "fetched", "storage_domain": domain.pk, "sha256": SHA256}
    answer = manager.post("/images/import/", {**typed, "os_type": "Debian", "os_version": "12"})
    made = Image.objects.get(name="fetched")
    assert answer.headers["Location"] == f"/images/{made.pk}/"
    assert (made.project, made.source_url, made.os_type) == (project, typed["url"], "Debian")
    assert Job.objects.get(target_id=made.pk).kind == "image.import"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": "ftp://example.org/x"}, "url"),
        ({"url": "http://127.0.0.1/x"}, "url"),
        ({"url": "http://169.254.169.254/x"}, "url"),
        ({"name": ""}, "name"),
        ({"sha256": "12"}, "sha256"),
        ({"storage_domain": ""}, "storage_domain"),
    ],
)
def test_what_is_wrong_with_a_fetch_is_said_at_its_field_and_nothing_is_lost(
    manager: Client, domain: StorageDomain, typed: dict[str, str], field: str
) -> None:
    given = {"url": "https://example.org/x", "name": "kept", "storage_domain": domain.pk, "description": "kept-text"}
    answer = manager.post("/images/import/", {**given, **typed})
    assert (answer.status_code, set(errors(answer))) == (422, {field})
    assert "kept-text" in answer.content.decode()
    assert not Image.objects.exists()


def test_members_make_no_public_images(manager: Client, operator: Client, domain: StorageDomain) -> None:
    for number, (browser, public) in enumerate(((manager, False), (operator, True))):
        typed = {"url": "https://example.org/x", "name": f"n{number}", "storage_domain": domain.pk, "public": "on"}
        assert browser.post("/images/import/", typed).status_code == 302
        assert Image.objects.get(name=f"n{number}").is_public is public


def test_search_finds_images_and_volumes(manager: Client, image: Image) -> None:
    VolumeFactory.create(name="golden-data", project=image.project)
    page = manager.get("/search/?q=golden").content.decode()
    assert f"/images/{image.pk}/" in page
    assert "golden-data" in page
