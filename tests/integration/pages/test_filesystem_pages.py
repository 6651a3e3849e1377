"""Pages of file systems, and the tab of an instance."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cloudia.accounts.models import Project
from instances.enums import PowerState
from instances.models import Instance
from storage.models import FileSystem, FileSystemPlace
from tests.factories import (
    ExternalNetworkFactory,
    FileSystemFactory,
    InstanceFactory,
    InterfaceFactory,
    MountFactory,
    SubnetFactory,
    VPCFactory,
)
from tests.integration.pages.conftest import HTMX

pytestmark = pytest.mark.django_db


def text(answer: Any) -> str:
    content: str = answer.content.decode()
    return content


@pytest.fixture
def instance(project: Project) -> Instance:
    """Stopped, in a VPC with a way out."""
    vpc = VPCFactory.create(project=project, external_network=ExternalNetworkFactory.create())
    made = InstanceFactory.create(project=project, name="web-1", host__features=["virtiofs"])
    InterfaceFactory.create(instance=made, subnet=SubnetFactory.create(project=project, vpc=vpc))
    return made


@pytest.fixture
def team(project: Project) -> FileSystem:
    return FileSystemFactory.create(project=project, name="team", size_gib=4096)


def test_list_says_what_it_is_and_who_mounts_it(manager: Client, team: FileSystem, instance: Instance) -> None:
    MountFactory.create(instance=instance, filesystem=team)
    FileSystemFactory.create(name="foreign")
    page = text(manager.get(reverse("filesystem-list")))
    for words in ("team", "NFS", "4096 GiB", "nfs.example:/srv/share", "web-1"):
        assert words in page
    assert "foreign" not in page
    assert "team" not in text(manager.get(reverse("filesystem-list"), {"kind": "virtiofs"}, headers=HTMX))


def test_list_asks_as_often_for_one_as_for_many(manager: Client, project: Project) -> None:
    counts = []
    manager.get(reverse("filesystem-list"))  # the first page also reads what is the same for all
    for more in (1, 9):
        for _number in range(more):
            MountFactory.create(instance__project=project)
        with CaptureQueriesContext(connection) as queries:
            manager.get(reverse("filesystem-list"))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_page_says_where_it_is(manager: Client, project: Project, instance: Instance) -> None:
    row = FileSystemFactory.create(project=project, kind="virtiofs", export="", path="/srv/shares/x")
    assert instance.host
    FileSystemPlace.objects.create(filesystem=row, host=instance.host, problem_texts={"en": "no such directory"})
    page = text(manager.get(reverse("filesystem-detail", args=[row.pk])))
    assert "/srv/shares/x" in page
    assert "no such directory" in page


def test_export_is_registered_by_its_dialog(manager: Client) -> None:
    address = reverse("filesystem-create")
    assert "nfs.example.com:/srv/share" in text(manager.get(address, headers=HTMX))
    wrong = manager.post(address, {"kind": "nfs", "name": "team", "export": "nowhere"}, headers=HTMX)
    assert wrong.status_code == 422
    assert "Enter server and directory" in text(wrong)
    assert manager.post(address, {"kind": "nfs", "name": "team", "export": "nfs:/srv"}, headers=HTMX).status_code == 204
    assert FileSystem.objects.get().export == "nfs:/srv"


def test_directory_of_the_hosts_is_for_operators_where_there_are_roots(
    manager: Client, operator: Client, settings: LazySettings
) -> None:
    address = reverse("filesystem-create")
    assert "shared by operators" in text(manager.get(address, {"kind": "virtiofs"}, headers=HTMX))
    settings.VIRTIOFS_ROOTS = ["/srv/shares"]
    offered = text(operator.get(address, {"kind": "virtiofs"}, headers=HTMX))
    assert "/srv/shares" in offered
    assert "stay on their host" in offered


def test_file_system_is_renamed_and_deleted(manager: Client, team: FileSystem) -> None:
    edit, delete = (reverse(f"filesystem-{name}", args=[team.pk]) for name in ("edit", "delete"))
    assert "team" in text(manager.get(edit, headers=HTMX))
    assert manager.post(edit, {"name": "crew", "size_gib": ""}, headers=HTMX).status_code == 204
    team.refresh_from_db()
    assert (team.name, team.size_gib) == ("crew", None)
    assert manager.post(delete, headers=HTMX).status_code == 204
    assert not FileSystem.objects.exists()


def test_tab_mounts_moves_and_removes(manager: Client, instance: Instance, team: FileSystem) -> None:
    tab, add = (reverse(name, args=[instance.pk]) for name in ("instance-filesystems", "mount-add"))
    assert "No file systems" in text(manager.get(tab))
    assert "team · NFS" in text(manager.get(add, headers=HTMX))
    wrong = manager.post(add, {"filesystem": str(team.pk), "mount_path": "/etc"}, headers=HTMX)
    assert (wrong.status_code, "needs /etc for itself" in text(wrong)) == (422, True)
    done = manager.post(add, {"filesystem": str(team.pk), "mount_path": "/mnt/team"}, headers=HTMX)
    assert done.status_code == 204
    assert "/mnt/team" in text(manager.get(tab))
    edit, remove = (reverse(name, args=[instance.pk, team.pk]) for name in ("mount-edit", "mount-remove"))
    assert "/mnt/team" in text(manager.get(edit, headers=HTMX))
    assert manager.post(edit, {"mount_path": "/mnt/crew"}, headers=HTMX).status_code == 204
    assert instance.mounts.get().mount_path == "/mnt/crew"
    assert "What is stored in it stays" in text(manager.get(remove, headers=HTMX))
    assert manager.post(remove, headers=HTMX).status_code == 204
    assert not instance.mounts.exists()


def test_dialog_says_beforehand_what_can_not_be_and_what_follows(
    manager: Client, instance: Instance, project: Project
) -> None:
    subnet = SubnetFactory.create(project=project, name="subnet-storage")
    FileSystemFactory.create(project=project, name="far", subnet=subnet)
    shared = FileSystemFactory.create(project=project, name="scratch", kind="virtiofs", export="", path="/srv/shares/x")
    assert instance.host
    FileSystemPlace.objects.create(filesystem=shared, host=instance.host, usable=True)
    page = text(manager.get(reverse("mount-add", args=[instance.pk]), headers=HTMX))
    assert "subnet-storage" in page
    assert "stays on its host" in page
    Instance.objects.update(power_state=PowerState.RUNNING)
    assert "Only possible when stopped" in text(manager.get(reverse("mount-add", args=[instance.pk]), headers=HTMX))


def test_dialog_says_nothing_of_hosts_where_nothing_from_a_host_can_be_chosen(
    manager: Client, instance: Instance, team: FileSystem
) -> None:
    """A directory of the host that is mounted already can't be chosen again."""
    values = {"kind": "virtiofs", "export": "", "path": "/srv/shares/x"}
    shared = FileSystemFactory.create(project=team.project, name="scratch", **values)
    assert instance.host
    FileSystemPlace.objects.create(filesystem=shared, host=instance.host, usable=True)
    MountFactory.create(instance=instance, filesystem=shared)
    page = text(manager.get(reverse("mount-add", args=[instance.pk]), headers=HTMX))
    assert "mounted already" in page
    assert "stays on its host" not in page


@pytest.mark.parametrize(("kind", "place"), [("nfs", "export"), ("virtiofs", "path")])
def test_all_that_is_missing_is_said_at_once(operator: Client, project: Project, kind: str, place: str) -> None:
    operator.get(reverse("filesystem-list"), {"project": str(project.pk)})
    page = text(operator.post(reverse("filesystem-create"), {"kind": kind}, headers=HTMX))
    assert all(f'id="id_{name}_error"' in page for name in ("name", place))


def test_what_nobody_may_register_has_no_button(manager: Client) -> None:
    """The style sheet takes the button away."""
    address = reverse("filesystem-create")
    assert "kind-denied" in text(manager.get(address, {"kind": "virtiofs"}, headers=HTMX))
    assert "kind-denied" not in text(manager.get(address, {"kind": "nfs"}, headers=HTMX))


def test_list_names_three_who_mount_it_and_counts_the_others(manager: Client, team: FileSystem) -> None:
    for number in range(5):
        MountFactory.create(instance__project=team.project, instance__name=f"web-{number}", filesystem=team)
    page = text(manager.get(reverse("filesystem-list")))
    assert sum(f"web-{number}" in page for number in range(5)) == 3
    assert "2 more" in page
