"""Images through the API: uploads by tus 1.0, imports, edits; what is said, and what is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone
from rest_framework.test import APIClient

from cloudia.accounts.enums import Role
from cloudia.accounts.models import AuditEntry, Project, Quota
from cloudia.jobs.models import Job
from storage.enums import DomainKind
from storage.models import Image, StorageDomain, Upload
from tests.factories import (
    HostFactory,
    ImageFactory,
    ProjectFactory,
    StorageDomainFactory,
    UploadFactory,
    VolumeFactory,
)
from tests.integration.api.conftest import BASE, Body

UPLOADS = f"{BASE}/images/uploads/"
TYPE = "application/offset+octet-stream"
SPOKEN: dict[str, Any] = {"HTTP_TUS_RESUMABLE": "1.0.0"}


@pytest.fixture
def domain(db: None) -> StorageDomain:
    return StorageDomainFactory.create(hosts=[HostFactory.create()])


@pytest.fixture
def upload(project: Project, domain: StorageDomain) -> Upload:
    return UploadFactory.create(image__project=project, image__storage_domain=domain, image__name="coming")


def metadata(**values: object) -> str:
    return ",".join(f"{key} {base64.b64encode(str(value).encode()).decode()}" for key, value in values.items())


def begin(client: APIClient, length: object = 5000, headers: Body | None = None, **values: Any) -> Any:
    given = {"HTTP_UPLOAD_LENGTH": str(length), "HTTP_UPLOAD_METADATA": metadata(**values), **SPOKEN, **(headers or {})}
    return client.post(UPLOADS, **given)


def patch(client: APIClient, upload: Upload, content: Any, offset: object = 0, **headers: Any) -> Any:
    given = {"HTTP_UPLOAD_OFFSET": str(offset), **SPOKEN, **headers}
    return client.generic("PATCH", f"{UPLOADS}{upload.pk}/", content, content_type=given.pop("type", TYPE), **given)


def codes(answer: Any) -> dict[str, str]:
    return {field: found[0]["code"] for field, found in answer.json()["fields"].items()}


def test_options_say_what_is_spoken(manager: APIClient, settings: LazySettings) -> None:
    answer = manager.options(UPLOADS)
    assert (answer.status_code, answer["Tus-Version"], answer["Tus-Resumable"]) == (204, "1.0.0", "1.0.0")
    assert set(answer["Tus-Extension"].split(",")) == {"creation", "termination", "expiration"}
    assert answer["Tus-Max-Size"] == str(settings.MAX_IMAGE_GIB * 2**30)


def test_upload_begins_with_an_image_that_waits_for_its_file(
    manager: APIClient, project: Project, domain: StorageDomain
) -> None:
    wish: Body = {
        "name": "우분투",
        "project": project.pk,
        "storage_domain": domain.pk,
        "os_type": "Ubuntu",
        "sha256": "a" * 64,
    }
    answer = begin(manager, **wish)
    assert answer.status_code == 201
    upload = Upload.objects.get()
    assert answer["Location"] == f"http://testserver{UPLOADS}{upload.pk}/"
    assert (answer["Upload-Offset"], answer["Upload-Image"]) == ("0", str(upload.image_id))
    assert (upload.image.name, upload.image.status, upload.checksum) == ("우분투", "uploading", "a" * 64)
    shown = manager.get(f"{BASE}/images/{upload.image_id}/").json()
    assert shown["upload"]["id"] == str(upload.pk)
    assert shown["actions"]["delete"]["allowed"]


@pytest.mark.parametrize(("headers", "status"), [
    ({"HTTP_TUS_RESUMABLE": "0.2.2"}, 412), ({"HTTP_UPLOAD_LENGTH": ""}, 400), ({"HTTP_UPLOAD_LENGTH": "-1"}, 400),
    ({"HTTP_UPLOAD_LENGTH": "many"}, 400), ({"HTTP_UPLOAD_LENGTH": "0"}, 400), ({"HTTP_UPLOAD_LENGTH": "9" * 19}, 413),
    ({"HTTP_UPLOAD_METADATA": "name ???"}, 400), ({"HTTP_UPLOAD_METADATA": ""}, 400),
])  # fmt: skip
def test_bad_beginnings_are_refused(
    manager: APIClient, project: Project, domain: StorageDomain, headers: Body, status: int
) -> None:
    answer = begin(manager, headers=headers, name="x", project=project.pk, storage_domain=domain.pk)
    assert (answer.status_code, answer["Tus-Resumable"]) == (status, "1.0.0")
    assert not Image.objects.exists()


def test_wrong_fields_are_named(manager: APIClient, project: Project, domain: StorageDomain, upload: Upload) -> None:
    known: Body = {"name": "x", "project": project.pk, "storage_domain": domain.pk}
    refused = {
        "name": {**known, "name": "coming"},
        "storage_domain": {**known, "storage_domain": project.pk},
        "project": {**known, "project": ProjectFactory.create().pk},
        "sha256": {**known, "sha256": "no"},
        "colour": {**known, "colour": "red"},
    }
    expected = {
        "name": "taken",
        "storage_domain": "does_not_exist",
        "project": "does_not_exist",
        "sha256": "invalid",
        "colour": "unknown_field",
    }
    assert {field: codes(begin(manager, **wish))[field] for field, wish in refused.items()} == expected


def test_storage_that_can_not_take_it_is_refused(manager: APIClient, project: Project, domain: StorageDomain) -> None:
    nowhere = StorageDomainFactory.create()
    ceph = StorageDomainFactory.create(kind=DomainKind.RBD, hosts=[HostFactory.create()])
    for other in (nowhere, ceph):
        assert (
            codes(begin(manager, name="x", project=project.pk, storage_domain=other.pk))["storage_domain"]
            == "not_usable"
        )
    full = begin(manager, length=601 * 2**30, name="x", project=project.pk, storage_domain=domain.pk)
    assert codes(full)["storage_domain"] == "no_space"


def test_quota_and_role_are_asked(
    manager: APIClient, member: Callable[[Role], APIClient], project: Project, domain: StorageDomain
) -> None:
    wish: Body = {"name": "x", "storage_domain": domain.pk}
    assert begin(member(Role.VIEWER), project=project.pk, **wish).status_code == 403
    assert begin(manager, **wish).status_code == 403  # public ones are the operators'
    Quota.objects.create(project=project, resource="images", limit=0)
    answer = begin(manager, project=project.pk, **wish)
    assert (answer.status_code, answer.json()["code"]) == (409, "quota_exceeded")
    assert not Image.objects.exists()


def test_head_says_how_far_it_is(manager: APIClient, upload: Upload) -> None:
    Upload.objects.update(received_bytes=4096)
    answer = manager.head(f"{UPLOADS}{upload.pk}/", **SPOKEN)
    assert (answer.status_code, answer.content) == (200, b"")
    assert (answer["Upload-Offset"], answer["Upload-Length"]) == ("4096", str(8 * 2**20))
    assert answer["Cache-Control"] == "no-store"
    assert answer["Upload-Expires"].endswith("GMT")
    assert manager.head(f"{UPLOADS}{upload.pk}/").status_code == 412


def test_bytes_are_only_taken_as_the_protocol_says(manager: APIClient, upload: Upload) -> None:
    asked = [
        patch(manager, upload, b"x", type="application/json"),
        patch(manager, upload, b"x", HTTP_TUS_RESUMABLE="2.0.0"),
        patch(manager, upload, b"x", offset=""),
        patch(manager, upload, b"x", offset=10),
        patch(manager, upload, b"x", offset=8 * 2**20),
    ]
    expected = [
        (415, "unsupported_media_type"), (412, "precondition_failed"), (400, "invalid"),
        (409, "offset_mismatch"), (413, "too_large"),
    ]  # fmt: skip
    assert [(answer.status_code, answer.json()["code"]) for answer in asked] == expected
    assert Upload.objects.get().received_bytes == 0


def test_first_bytes_are_kept_back_and_counted(manager: APIClient, upload: Upload) -> None:
    assert patch(manager, upload, b"x" * 100)["Upload-Offset"] == "100"
    answer = patch(manager, upload, b"y" * 50, offset=100)
    assert (answer.status_code, answer["Upload-Offset"]) == (204, "150")
    row = Upload.objects.get()
    assert (row.received_bytes, bytes(row.head), row.writer) == (150, b"x" * 100 + b"y" * 50, "")


def test_file_that_can_not_be_an_image_is_refused_at_once_and_leaves_nothing(
    manager: APIClient, upload: Upload
) -> None:
    answer = patch(manager, upload, b"\x1f\x8b" + bytes(5000))
    assert (answer.status_code, codes(answer)) == (400, {"file": "bad_format"})
    assert not Image.objects.exists()
    assert AuditEntry.objects.get().code == "bad_format"
    assert manager.head(f"{UPLOADS}{upload.pk}/", **SPOKEN).status_code == 404


def test_second_sender_waits(manager: APIClient, upload: Upload) -> None:
    Upload.objects.update(writer="another", changed_at=timezone.now())
    answer = patch(manager, upload, b"x")
    assert (answer.status_code, answer.json()["code"]) == (409, "busy")
    Upload.objects.update(changed_at=timezone.now() - timedelta(seconds=6))
    assert patch(manager, upload, b"x").status_code == 204


def test_upload_of_others_is_not_there(upload: Upload, member: Callable[[Role], APIClient]) -> None:
    Image.objects.update(project=ProjectFactory.create())
    stranger = member(Role.MANAGER)
    assert stranger.head(f"{UPLOADS}{upload.pk}/", **SPOKEN).status_code == 404
    assert patch(stranger, upload, b"x").status_code == 404
    assert stranger.delete(f"{UPLOADS}{upload.pk}/", **SPOKEN).status_code == 404


def test_given_up_upload_goes_with_its_image(manager: APIClient, upload: Upload) -> None:
    Upload.objects.update(writer="somebody")
    answer = manager.delete(f"{UPLOADS}{upload.pk}/", **SPOKEN)
    assert (answer.status_code, Job.objects.get().kind) == (204, "image.delete")
    assert Upload.objects.get().writer == ""
    refused = patch(manager, upload, b"x")
    assert (refused.status_code, refused.json()["code"]) == (409, "busy")


def test_import_is_a_job_and_its_address_is_nowhere(
    manager: APIClient, project: Project, domain: StorageDomain
) -> None:
    url = "https://example.org/disk.qcow2?signature=secret"
    body = {"url": url, "name": "x", "project": str(project.pk), "storage_domain": str(domain.pk)}
    answer = manager.post(f"{BASE}/images/import/", body)
    assert (answer.status_code, answer.json()["kind"]) == (202, "image.import")
    image = Image.objects.get()
    assert (image.source_url, image.status) == (url, "importing")
    shown = manager.get(f"{BASE}/images/{image.pk}/").content + answer.content
    assert b"secret" not in shown
    assert "secret" not in repr(Job.objects.values()) + repr(AuditEntry.objects.values())


@pytest.mark.parametrize(("changes", "fields"), [
    ({"url": "http://169.254.169.254/"}, {"url": "address_not_allowed"}),
    ({"url": "https://me:secret@example.org/"}, {"url": "bad_url"}),
    ({"url": "ftp://example.org/"}, {"url": "bad_url"}),
    ({"checksum": "abc"}, {"checksum": "invalid"}),
    ({"name": ""}, {"name": "blank"}),
])  # fmt: skip
def test_bad_imports_are_refused(
    manager: APIClient, project: Project, domain: StorageDomain, changes: Body, fields: Body
) -> None:
    body = {"url": "https://example.org/", "name": "x", "project": str(project.pk), "storage_domain": str(domain.pk)}
    answer = manager.post(f"{BASE}/images/import/", {**body, **changes})
    assert (answer.status_code, codes(answer)) == (400, fields)
    assert not Image.objects.exists()


def test_image_is_edited_and_deprecated(manager: APIClient, project: Project) -> None:
    image = ImageFactory.create(project=project, name="old")
    ImageFactory.create(project=project, name="taken")
    at = f"{BASE}/images/{image.pk}/"
    shown = manager.patch(at, {"name": "new", "os_type": "Ubuntu", "deprecated": True}).json()
    assert (shown["name"], shown["os_type"], shown["deprecated"]) == ("new", "Ubuntu", True)
    assert manager.patch(at, {"name": "taken"}).status_code == 200  # it is not offered any more
    assert codes(manager.patch(at, {"deprecated": False})) == {"name": "taken"}


def test_only_operators_make_images_public(manager: APIClient, operator: APIClient, project: Project) -> None:
    image = ImageFactory.create(project=project)
    at = f"{BASE}/images/{image.pk}/"
    assert manager.patch(at, {"project": None}, format="json").status_code == 403
    assert operator.patch(at, {"project": None}, format="json").json()["project"] is None
    assert codes(operator.patch(at, {"project": str(project.pk)})) == {"project": "not_usable"}
    assert manager.patch(at, {"name": "x"}).status_code == 403


def test_image_in_use_is_not_deleted(manager: APIClient, project: Project) -> None:
    image = ImageFactory.create(project=project)
    volume = VolumeFactory.create(project=project, image=image, storage_domain=image.storage_domain)
    answer = manager.delete(f"{BASE}/images/{image.pk}/")
    assert (answer.status_code, answer.json()["code"], answer.json()["holder"]["name"]) == (409, "in_use", volume.name)
    volume.delete()
    answer = manager.delete(f"{BASE}/images/{image.pk}/")
    assert (answer.status_code, answer.json()["kind"]) == (202, "image.delete")
