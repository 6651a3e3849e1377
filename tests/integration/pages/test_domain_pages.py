"""Pages about storage domains: everybody sees how full they are, operators everything else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cloudia.hosts.models import Host
from cloudia.jobs.models import Job
from storage.enums import DomainKind, StrayKind
from storage.models import StorageDomain, StrayFile
from tests.factories import HostFactory, ImageFactory, StorageDomainFactory, VolumeFactory
from tests.integration.pages.conftest import HTMX

pytestmark = pytest.mark.django_db
LIST = "/storage-domains/"


def url(name: str, domain: StorageDomain, *more: object) -> str:
    return reverse(f"storagedomain-{name}", args=[domain.pk, *more])


@pytest.fixture
def domain(db: None) -> StorageDomain:
    return StorageDomainFactory.create(name="fast", kind=DomainKind.SHARED_DIR, path="/srv/fast")


def test_member_sees_room_but_not_where_it_is(manager: Client, domain: StorageDomain) -> None:
    host = HostFactory.create(name="kvm-secret")
    domain.attachments.create(host=host, active=True, capacity_bytes=100 * 2**30, available_bytes=40 * 2**30)
    VolumeFactory.create(storage_domain=domain, size_gib=50)
    for path in (LIST, url("detail", domain)):
        page = manager.get(path).content.decode()
        assert "60 GiB / 100 GiB" in page
        assert "50 GiB / 1000 GiB" in page  # ten times the capacity may be promised
        assert "kvm-secret" not in page
        assert "/srv/fast" not in page
        assert "Attach to host" not in page


def test_dialogs_of_operators_do_not_exist_for_members(manager: Client, domain: StorageDomain) -> None:
    host = HostFactory.create()
    domain.attachments.create(host=host)
    for name in ("edit", "delete", "attach", "garbage", "scan", "clean"):
        assert manager.get(url(name, domain)).status_code == 404
        assert manager.post(url(name, domain)).status_code in {404, 405}
    assert manager.get(url("detach", domain, host.pk)).status_code == 404
    assert manager.get(f"{LIST}new/").status_code == 404


def test_broken_host_says_why(operator: Client, domain: StorageDomain) -> None:
    works, broken = HostFactory.create(), HostFactory.create()
    domain.attachments.create(host=works, active=True)
    domain.attachments.create(host=broken, problem_texts={"en": "Is its file system mounted?"})
    assert "Does not work on 1 of 2 hosts" in operator.get(LIST).content.decode()
    assert "Is its file system mounted?" in operator.get(url("detail", domain)).content.decode()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("dir", {"path"}),
        ("shared_dir", {"path"}),
        ("nfs", {"server", "source"}),
        ("lvm", {"source"}),
        ("rbd", {"server", "source", "username", "secret"}),
    ],
)
def test_form_asks_for_what_the_kind_needs(operator: Client, kind: str, fields: set[str]) -> None:
    page = operator.get(f"{LIST}new/", {"kind_choice": kind}).content.decode()
    shown = {name for name in ("path", "server", "source", "username", "secret") if f'name="{name}"' in page}
    assert shown == fields


def test_operator_makes_one_and_is_told_what_is_wrong(operator: Client) -> None:
    form = {
        "kind_choice": "nfs",
        "name": "nfs",
        "server": "a b",
        "source": "export",
        "media": "hdd",
        "over_commit": "1",
    }
    refused = operator.post(f"{LIST}new/", form, headers=HTMX)
    assert refused.status_code == 422
    assert "Enter a host name or an IP address." in refused.content.decode()
    assert "Enter the exported directory, like /export/cloudia." in refused.content.decode()
    made = operator.post(f"{LIST}new/", form | {"server": "nfs.example", "source": "/export"}, headers=HTMX)
    assert made.status_code == 204
    domain = StorageDomain.objects.get()
    assert (domain.kind, domain.server, domain.source, domain.media) == ("nfs", "nfs.example", "/export", "hdd")


def test_operator_edits_and_deletes(operator: Client, domain: StorageDomain) -> None:
    operator.post(url("edit", domain), {"name": "faster", "media": "hdd", "over_commit": "2.5"}, headers=HTMX)
    domain.refresh_from_db()
    assert (domain.name, domain.media, str(domain.over_commit)) == ("faster", "hdd", "2.50")
    operator.post(url("delete", domain), headers=HTMX)
    assert not StorageDomain.objects.exists()


def test_key_is_never_shown_and_stays_when_nothing_is_typed(operator: Client) -> None:
    domain = StorageDomainFactory.create(kind=DomainKind.RBD, path="", server="mon", source="vms", username="c")
    domain.set_secret("c2VjcmV0a2V5")
    domain.save()
    for name in ("detail", "edit"):
        assert "c2VjcmV0a2V5" not in operator.get(url(name, domain)).content.decode()
    operator.post(url("edit", domain), {"name": "ceph", "media": "ssd", "over_commit": "1", "secret": ""})
    domain.refresh_from_db()
    assert (domain.name, domain.secret) == ("ceph", "c2VjcmV0a2V5")


def test_host_that_is_gone_for_good_is_forgotten_after_a_warning(operator: Client, domain: StorageDomain) -> None:
    host = HostFactory.create()
    domain.attachments.create(host=host, active=True)
    address = url("forget", domain, host.pk)
    assert address not in operator.get(url("detail", domain)).content.decode()
    Host.objects.update(reachable=False)
    assert address in operator.get(url("detail", domain)).content.decode()
    assert "gone for good" in operator.get(address, headers=HTMX).content.decode()
    operator.post(address, headers=HTMX)
    assert not domain.attachments.exists()


def test_hosts_get_and_lose_it_by_jobs(operator: Client, domain: StorageDomain) -> None:
    host, other = HostFactory.create(), HostFactory.create()
    assert operator.post(url("attach", domain), {"host": str(host.pk)}, headers=HTMX).status_code == 204
    Job.objects.all().delete()
    for one in (host, other):
        domain.attachments.create(host=one, active=True)
    page = operator.get(url("attach", domain)).content.decode()
    assert "Every host has it already." in page
    operator.post(url("detach", domain, host.pk), headers=HTMX)
    assert Job.objects.get().kind == "storage_domain.detach"
    assert "Being detached" in operator.get(url("detail", domain)).content.decode()


def test_left_files_are_chosen_and_asked_about(operator: Client, domain: StorageDomain) -> None:
    domain.attachments.create(host=HostFactory.create(), active=True)
    old = timezone.now() - timedelta(hours=2)
    orphan = StrayFile.objects.create(
        domain=domain, kind=StrayKind.ORPHAN, name="00000000-0000-4000-8000-000000000001", seen_at=old
    )
    new = StrayFile.objects.create(domain=domain, kind=StrayKind.ORPHAN, name="00000000-0000-4000-8000-000000000002")
    foreign = StrayFile.objects.create(domain=domain, kind=StrayKind.FOREIGN, name="<b>notes</b>.txt", seen_at=old)
    page = operator.get(url("garbage", domain)).content.decode()
    assert f'value="{orphan.pk}" aria-label="Select {orphan.name}">' in page
    assert f'value="{new.pk}" aria-label="Select {new.name}" disabled>' in page
    assert "&lt;b&gt;notes" in page
    assert f'value="{foreign.pk}"' not in page
    assert orphan.name in operator.get(url("clean", domain), {"files": [str(orphan.pk), "x"]}).content.decode()
    for stray in (new, foreign):
        operator.post(url("clean", domain), {"files": [str(stray.pk)]}, headers=HTMX)
    assert not Job.objects.exists()
    operator.post(url("clean", domain), {"files": [str(orphan.pk)]}, headers=HTMX)
    assert Job.objects.get().params == {"names": [orphan.name]}


def test_list_asks_equally_often_for_one_and_for_many(operator: Client) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            operator.get(LIST)
        return len(queries)

    hosts = [HostFactory.create(), HostFactory.create()]
    ImageFactory.create(storage_domain=StorageDomainFactory.create(hosts=hosts))
    operator.get(LIST)
    one = asked()
    for _number in range(5):
        VolumeFactory.create(storage_domain=StorageDomainFactory.create(hosts=hosts))
    assert asked() == one
