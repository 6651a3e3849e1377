"""Data disks, file systems, the first user and scripts on the create page: drawn, refused at their row, and made."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from cloudia.accounts.enums import Role
from cloudia.accounts.models import Project
from instances.models import Instance, InstanceDisk, UserScript
from storage.models import Image, Volume
from tests.factories import FileSystemFactory, InstanceFactory, MembershipFactory, StorageDomainFactory, VolumeFactory
from tests.integration.api.conftest import client_of
from tests.integration.pages.conftest import HTMX
from tests.integration.pages.test_instance_pages import filled

pytestmark = pytest.mark.django_db
SCRIPT = "#!/bin/sh\necho hello\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIcrHZCWRmlLf3F1FpF8dPVTrRqFvR1XLxRrqrCmJFfs somebody"


def rows(name: str, *entries: dict[str, Any]) -> dict[str, str]:
    """The rows of a list, as the page sends them."""
    count = {f"{name}-TOTAL_FORMS": str(len(entries)), f"{name}-INITIAL_FORMS": "0"}
    values = {f"{name}-{number}-{key}": str(value) for number, row in enumerate(entries) for key, value in row.items()}
    return {**count, **values}


def script(name: str, stage: str = "boot", content: str = SCRIPT) -> dict[str, str]:
    return {"name": name, "stage": stage, "content": content}


def typed(page: str, name: str) -> list[str]:
    """The values of a list's controls called ``name``, in their order."""
    return re.findall(rf'name="[a-z_]+-\d+-{name}"(?: [^>]*)? value="([^"]*)"', page) or re.findall(
        rf'value="([^"]*)"[^>]* name="[a-z_]+-\d+-{name}"', page
    )


@pytest.fixture
def form(project: Project) -> dict[str, Any]:
    return filled(project)


@pytest.fixture
def volume(form: dict[str, Any], project: Project) -> Volume:
    """One that fits."""
    domain = Image.objects.get(pk=form["image"]).storage_domain
    volume: Volume = VolumeFactory.create(project=project, storage_domain=domain, name="vol-old")
    return volume


def test_everything_is_made_as_filled_in(manager: Client, form: dict[str, Any], volume: Volume) -> None:
    lists = {
        **rows("new_volumes", {"name": "vol-new", "size_gib": 5}),
        **rows("scripts", script("one.sh"), script("two.sh", "pre-network")),
    }
    guest = {"username": "admin1", "password": "correct horse", "password_again": "correct horse"}
    guest["ssh_keys"] = f"\n{KEY}\r\n"
    answer = manager.post("/instances/new/", {**form, **lists, **guest, "volumes": [str(volume.pk)]})
    assert answer.status_code == 302, answer.content.decode()
    instance = Instance.objects.get()
    assert [disk.volume.name for disk in instance.disks.all()] == ["web-boot", "vol-old", "vol-new"]
    assert (instance.guest.username, instance.guest.ssh_keys) == ("admin1", KEY)
    assert instance.guest.password_hash.startswith("$6$")
    scripts = [(row.number, row.name, row.stage) for row in UserScript.objects.all()]
    assert scripts == [(1, "one.sh", "boot"), (2, "two.sh", "pre-network")]
    assert instance.current_job
    assert "correct horse" not in str(instance.current_job.params)


def test_everything_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    manager: Client, form: dict[str, Any], volume: Volume, project: Project
) -> None:
    foreign = VolumeFactory.create(project=project, storage_domain=StorageDomainFactory.create(name="far"), name="far")
    share = FileSystemFactory.create(project=project)
    wrong = {
        **rows("new_volumes", {"name": "", "size_gib": 5}, {"name": "ok", "size_gib": -1}),
        **rows("filesystems", {"filesystem": share.pk, "mount_path": "/etc"}),
        **rows("scripts", script("one.sh", content="echo")),
        "volumes": [str(volume.pk), str(foreign.pk)],
        "username": "root",
        "password": "long enough",
        "password_again": "long enough",
        "ssh_keys": f"{KEY}\n\nnonsense",
    }
    answer = manager.post("/instances/new/", {**form, **wrong})
    page = answer.content.decode()
    assert (answer.status_code, Instance.objects.count()) == (422, 0)
    # A new volume without a name stops at the form; the rest is the service's to say.
    assert "This field is required." in page
    assert page.count('value="long enough"') == 2

    wrong |= rows("new_volumes", {"name": "a", "size_gib": 5}, {"name": "ok", "size_gib": -1})
    page = manager.post("/instances/new/", {**form, **wrong}).content.decode()
    said = {
        "far: All disks of an instance are in one storage domain",
        "Enter a number from 1 to",
        "The guest needs /etc for itself.",
        "Begin with #! and the interpreter",
        "is a name that operating systems use themselves",
        "Line 3: Begin with the type of the key",
    }
    assert {words for words in said if words not in page} == set()
    assert page.count('value="long enough"') == 2


def test_passwords_are_typed_twice(manager: Client, form: dict[str, Any]) -> None:
    answer = manager.post("/instances/new/", {**form, "password": "long enough", "password_again": "long enouhg"})
    assert answer.status_code == 422
    assert "The two passwords differ." in answer.content.decode()


def test_empty_password_is_the_default_one(manager: Client, form: dict[str, Any]) -> None:
    manager.post("/instances/new/", form)
    assert (Instance.objects.get().guest.username, Instance.objects.get().guest.password_hash) == ("cloudia", "")


def test_another_image_resets_the_volumes_that_no_longer_fit(
    manager: Client, form: dict[str, Any], volume: Volume, project: Project
) -> None:
    here = {**form, "volumes": [str(volume.pk)]}
    page = manager.post("/instances/new/volumes/", here, headers=HTMX).content.decode()
    assert f'value="{volume.pk}" checked' in page
    other = filled(project)["image"]
    page = manager.post("/instances/new/volumes/", {**here, "image": other}, headers=HTMX).content.decode()
    assert f'value="{volume.pk}" disabled' in page
    assert "These volumes are no longer chosen: <strong>vol-old</strong>" in page
    assert "All disks of an instance are in one storage domain" in page


def test_who_has_taken_a_volume_meanwhile_is_said(
    manager: Client, form: dict[str, Any], volume: Volume, project: Project
) -> None:
    first = InstanceFactory.create(project=project, image=Image.objects.get(), name="quicker")
    InstanceDisk.objects.create(instance=first, volume=volume, position=1)
    answer = manager.post("/instances/new/", {**form, "volumes": [str(volume.pk)]})
    page = answer.content.decode()
    assert (answer.status_code, "“quicker” uses it." in page, str(volume.pk) in page) == (422, True, False)


def test_hosts_without_a_chosen_directory_are_not_counted(
    manager: Client, form: dict[str, Any], project: Project
) -> None:
    share = FileSystemFactory.create(project=project, kind="virtiofs", export="", path="/srv/shares/x")
    one = rows("filesystems", {"filesystem": str(share.pk), "mount_path": "/mnt/x"})
    for more, there in (({}, True), (one, False)):
        page = manager.post("/instances/new/summary/", {**form, **more}).content.decode()
        assert ("1 host" in page) is there
        assert ("0 hosts" in page) is not there


def test_the_same_can_be_asked_for_by_a_program(
    manager: Client, form: dict[str, Any], volume: Volume, project: Project
) -> None:
    more = {"volumes": [str(volume.pk)], "password": "long enough", "password_again": "long enough"}
    page = manager.post("/instances/new/summary/", {**form, **more, **rows("scripts", script("a"))}).content.decode()
    shown = json.loads(unescape(re.findall(r'<pre class="code" tabindex="0">(.*?)</pre>', page, re.DOTALL)[0]))
    assert "long enough" not in page
    shown["cloud_init"]["password"] = "long enough"
    client = client_of(MembershipFactory.create(project=project, role=Role.MANAGER).user)
    answer = client.post("/api/v1/instances/", shown, format="json")
    assert answer.status_code == 202, answer.json()
    made = Instance.objects.get()
    assert (made.name, [disk.volume for disk in made.disks.filter(is_boot=False)]) == (form["name"], [volume])
    assert [row.name for row in made.scripts.all()] == ["a"]


def test_an_unfinished_form_is_no_request_yet(manager: Client, form: dict[str, Any]) -> None:
    page = manager.post("/instances/new/summary/", {**form, "name": ""}).content.decode()
    assert "Shown as soon as the form is complete." in page


def test_what_is_wrong_with_a_registered_script_leads_to_the_list_of_them(
    manager: Client, form: dict[str, Any]
) -> None:
    page = manager.post("/instances/new/", {**form, **rows("scripts", {**script("a"), "content": "no interpreter"})})
    assert 'href="#scripts"' in page.content.decode()


def test_rows_are_added_and_removed(manager: Client, form: dict[str, Any], project: Project) -> None:
    FileSystemFactory.create(project=project)
    two = rows("new_volumes", {"name": "a", "size_gib": 1}, {"name": "b", "size_gib": 2})
    page = manager.post("/instances/new/volumes/", {**form, **two, "add": "1"}, headers=HTMX).content.decode()
    assert typed(page, "name") == ["a", "b"]
    assert 'name="new_volumes-TOTAL_FORMS" value="3"' in page
    page = manager.post("/instances/new/volumes/", {**form, **two, "remove": "0"}, headers=HTMX).content.decode()
    assert typed(page, "name") == ["b"]
    page = manager.post("/instances/new/filesystems/", {**form, "add": "1"}, headers=HTMX).content.decode()
    assert 'name="filesystems-0-mount_path"' in page


def registered(page: str) -> list[str]:
    return re.findall(r'name="scripts-\d+-name" value="([^"]*)"', page)


def test_a_script_is_registered_moved_edited_and_removed(manager: Client, form: dict[str, Any]) -> None:
    def press(*entries: dict[str, str], **button: str) -> str:
        values = {**form, **rows("scripts", *entries), **button}
        return manager.post("/instances/new/scripts/", values, headers=HTMX).content.decode()

    one, two = script("one.sh"), script("two.sh", "pre-network")
    new = {"save": "1", "script_name": "new.sh", "script_order": "1", "script_stage": "boot", "script_content": SCRIPT}
    page = press(one, two, **new)
    assert registered(page) == ["new.sh", "one.sh", "two.sh"]
    assert "Registered user scripts: 3" in page
    assert registered(press(one, two, up="1")) == ["two.sh", "one.sh"]
    assert registered(press(one, two, remove="0")) == ["two.sh"]
    page = press(one, two, edit="1")
    assert 'name="script_name" value="two.sh"' in page
    assert 'name="script_number" value="1"' in page
    page = press(one, two, **{**new, "script_number": "1", "script_order": "2"})
    assert registered(page) == ["one.sh", "new.sh"]


def test_what_is_wrong_with_a_script_is_said_in_the_dialog(manager: Client, form: dict[str, Any]) -> None:
    values = {**form, **rows("scripts", script("one.sh")), "save": "1", "script_stage": "boot", "script_order": "9"}
    values |= {"script_name": "one.sh", "script_content": "echo"}
    answer = manager.post("/instances/new/scripts/", values, headers=HTMX)
    page = answer.content.decode()
    assert answer.headers["HX-Retarget"] == "#script-fields"
    assert "Another script has this name." in page
    assert "Begin with #! and the interpreter" in page
    assert ">\necho</textarea>" in page


@pytest.mark.parametrize("part", ["volumes", "filesystems", "scripts"])
@pytest.mark.parametrize("count", ["", "-1", "x", "99999999999999999999", "1e3", "٣"])
def test_a_lost_count_of_rows_breaks_nothing(part: str, count: str, manager: Client, form: dict[str, Any]) -> None:
    name = {"volumes": "new_volumes"}.get(part, part)
    values = {**form, f"{name}-TOTAL_FORMS": count}
    for button in ({"add": "1"}, {"remove": "5"}, {"up": "x"}, {"edit": "-3"}):
        answer = manager.post(f"/instances/new/{part}/", {**values, **button}, headers=HTMX)
        assert answer.status_code == 200
    assert manager.post("/instances/new/", values).status_code in {302, 422}
