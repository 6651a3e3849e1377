"""Volumes: the list with its filters, a volume with who has it, and its dialogs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudia.accounts.models import Project, Quota
from cloudia.jobs.models import Job
from storage.models import StorageDomain, Volume
from tests.factories import (
    DataDiskFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    StorageDomainFactory,
    VolumeFactory,
)
from tests.integration.pages.conftest import HTMX

GIB = 2**30


@pytest.fixture
def domain(db: None) -> StorageDomain:
    """One that a host has."""
    return StorageDomainFactory.create(name="nfs-ssd", hosts=[HostFactory.create()])


@pytest.fixture
def volume(project: Project, domain: StorageDomain) -> Volume:
    """One that nothing uses."""
    return VolumeFactory.create(name="data", project=project, storage_domain=domain)


@pytest.fixture
def attached(project: Project, domain: StorageDomain) -> Volume:
    """One that an instance has."""
    instance = InstanceFactory.create(name="db-1", project=project, image=ImageFactory.create(storage_domain=domain))
    return DataDiskFactory.create(instance=instance).volume


def names(answer: Any) -> set[str]:
    """The rows of a list."""
    return set(re.findall(r'data-name="([^"]*)" data-live', answer.content.decode()))


def errors(answer: Any) -> dict[str, str]:
    """What stands at which field."""
    return dict(re.findall(r'invalid-feedback d-block" id="id_(\w+)_error">(.*?)</div>', answer.content.decode()))


def test_list_shows_only_the_project(manager: Client, volume: Volume) -> None:
    VolumeFactory.create(name="foreign")
    assert names(manager.get("/volumes/")) == {"data"}


def test_list_is_narrowed(manager: Client, volume: Volume, attached: Volume) -> None:
    elsewhere = VolumeFactory.create(name="slow", project=volume.project, status="failed")
    everything = {"data", "slow", attached.name}
    expected = {
        "attached=true": {attached.name},
        "attached=false": {"data", "slow"},
        f"storage_domain={elsewhere.storage_domain_id}": {"slow"},
        "status=failed": {"slow"},
        "search=dat": {"data"} | {name for name in everything if "dat" in name},
        f"search={volume.short_id}": {"data"},
        "attached=x&storage_domain=x&status=x&page=x": everything,
    }
    assert {query: names(manager.get(f"/volumes/?{query}")) for query in expected} == expected


@pytest.mark.parametrize("path", ["", "edit/", "delete/", "row/"])
def test_volume_of_another_project_is_not_there(manager: Client, path: str) -> None:
    assert manager.get(f"/volumes/{VolumeFactory.create().pk}/{path}").status_code == 404


def test_list_asks_the_database_equally_often_for_one_row_and_for_thirty(manager: Client, attached: Volume) -> None:
    like, counts = attached.attachment.instance, []
    manager.get("/account/")  # the session's first request asks more
    for more in (1, 30):
        for _number in range(more):
            instance = InstanceFactory.create(project=like.project, image=like.image, host=like.host)
            DataDiskFactory.create(instance=instance)
            VolumeFactory.create(project=like.project, storage_domain=attached.storage_domain)
        with CaptureQueriesContext(connection) as queries:
            assert manager.get("/volumes/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 20


def test_row_and_page_lead_to_the_instance_that_has_it(manager: Client, attached: Volume) -> None:
    for path in ("", "row/"):
        page = manager.get(f"/volumes/{attached.pk}/{path}").content.decode()
        assert f"/instances/{attached.attachment.instance.pk}/" in page
        assert "In use" in page


def test_page_of_a_volume_offers_what_the_toolbar_does(manager: Client, volume: Volume) -> None:
    page = manager.get(f"/volumes/{volume.pk}/").content.decode()
    assert re.findall(r'data-act="(\w+)"', page) == ["edit", "attach", "detach", "resize", "delete"]
    assert f"/volumes/{volume.pk}/edit/" in page


def test_volume_is_made_by_a_job(manager: Client, project: Project, domain: StorageDomain) -> None:
    typed = {"name": "ledger", "size_gib": 20, "storage_domain": domain.pk}
    answer = manager.post("/volumes/new/", typed, headers=HTMX)
    made = Volume.objects.get(name="ledger")
    assert (answer.status_code, made.project, made.size_gib) == (204, project, 20)
    assert f"/jobs/{Job.objects.get(target_id=made.pk).pk}/" in answer.headers["HX-Trigger"]


def test_image_fixes_the_place_and_the_least_size(manager: Client, project: Project, domain: StorageDomain) -> None:
    StorageDomainFactory.create(name="another", hosts=[HostFactory.create()])
    image = ImageFactory.create(storage_domain=domain, virtual_bytes=30 * GIB)
    fields = manager.get(
        f"/volumes/new/?image={image.pk}&size_gib=10&name=kept",
        headers={**HTMX, "HX-Target": "volume-fields"},
    ).content.decode()
    assert 'value="30"' in fields
    assert 'value="kept"' in fields
    assert "At least 30 GiB" in fields
    assert "nfs-ssd" in fields
    assert "another" not in fields


@pytest.mark.parametrize("query", ["image=x", "size_gib=x", "size_gib=99999999999999999999", "storage_domain=x"])
def test_form_bears_any_address(manager: Client, domain: StorageDomain, query: str) -> None:
    assert manager.get(f"/volumes/new/?{query}", headers=HTMX).status_code == 200


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"size_gib": "0"}, "size_gib"),
        ({"size_gib": "99999"}, "size_gib"),
        ({"size_gib": "many"}, "size_gib"),
        ({"storage_domain": ""}, "storage_domain"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    manager: Client, domain: StorageDomain, typed: dict[str, str], field: str
) -> None:
    given = {"name": "data", "size_gib": "10", "storage_domain": str(domain.pk), **typed}
    answer = manager.post("/volumes/new/", given, headers=HTMX)
    assert (answer.status_code, set(errors(answer))) == (422, {field})
    assert not Volume.objects.exists()


def test_what_was_promised_too_often_is_said_at_the_size(manager: Client, domain: StorageDomain) -> None:
    domain.attachments.update(capacity_bytes=10 * GIB)  # over-committed ten times
    answer = manager.post("/volumes/new/", {"name": "x", "size_gib": 101, "storage_domain": domain.pk}, headers=HTMX)
    assert "has room for 100 GiB more" in errors(answer)["size_gib"]


def test_quota_is_shown_and_kept(manager: Client, project: Project, domain: StorageDomain) -> None:
    Quota.objects.create(project=project, resource="volume_gib", limit=5)
    dialog = manager.get("/volumes/new/?size_gib=6", headers=HTMX).content.decode()
    assert 'class="text-bad">6</strong>' in dialog
    answer = manager.post("/volumes/new/", {"name": "x", "size_gib": 6, "storage_domain": domain.pk}, headers=HTMX)
    assert answer.status_code == 409
    assert not Volume.objects.exists()


def test_volume_is_renamed(manager: Client, volume: Volume) -> None:
    assert manager.post(f"/volumes/{volume.pk}/edit/", {"name": "ledger"}, headers=HTMX).status_code == 204
    volume.refresh_from_db()
    assert volume.name == "ledger"


def test_delete_says_what_is_lost_and_asks_for_the_name(manager: Client, volume: Volume) -> None:
    path = f"/volumes/{volume.pk}/delete/"
    assert "What is on its 10 GiB is lost." in manager.get(path, headers=HTMX).content.decode()
    manager.post(path, {"confirm_name": "dat"}, headers=HTMX)
    assert not Job.objects.exists()
    assert manager.post(path, {"confirm_name": "data"}, headers=HTMX).status_code == 204
    assert Job.objects.get().kind == "volume.delete"


def test_attached_volume_is_not_deleted_and_the_dialog_leads_to_the_instance(manager: Client, attached: Volume) -> None:
    path = f"/volumes/{attached.pk}/delete/"
    dialog = manager.get(path, headers=HTMX).content.decode()
    assert f"/instances/{attached.attachment.instance.pk}/" in dialog
    assert "data-confirm-button" not in dialog
    assert manager.post(path, {"confirm_name": attached.name}, headers=HTMX).status_code == 409


def test_viewer_sees_everything_and_changes_nothing(viewer: Client, volume: Volume, domain: StorageDomain) -> None:
    assert viewer.get(f"/volumes/{volume.pk}/").status_code == 200
    typed = {"name": "x", "size_gib": 1, "storage_domain": domain.pk, "confirm_name": "data"}
    for path in ("/volumes/new/", f"/volumes/{volume.pk}/edit/", f"/volumes/{volume.pk}/delete/"):
        assert viewer.post(path, typed, headers=HTMX).status_code == 403
    assert Volume.objects.get().name == "data"


def test_nothing_to_put_it_in_is_said(manager: Client) -> None:
    assert "There is no storage yet." in manager.get("/volumes/new/", headers=HTMX).content.decode()
