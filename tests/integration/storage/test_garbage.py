"""Files without rows, rows without files: what is found, and what may be deleted."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from cloudia.accounts.actor import shell_actor
from cloudia.core.errors import InputError
from cloudia.core.policy import Holder
from cloudia.jobs.enums import JobStatus
from cloudia.virt import VolumeInfo
from storage import garbage
from storage.enums import DomainKind, StrayKind, VolumeStatus
from storage.models import StorageAttachment, StorageDomain, StrayFile
from storage.pools import gateway, pool_ensure
from storage.services.domains import storage_domain_clean, storage_domain_scan
from tests.factories import HostFactory, ImageFactory, StorageDomainFactory, VolumeFactory
from tests.integration.storage.world import World, file, finish

pytestmark = pytest.mark.django_db


class Place:
    """A storage domain on a host, with files."""

    def __init__(self, world: World) -> None:
        self.host = HostFactory.create()
        self.domain: StorageDomain = StorageDomainFactory.create(kind=DomainKind.SHARED_DIR, hosts=[self.host])
        self.files = world.mount(self.domain.path, self.host)
        pool_ensure(self.domain, self.host)

    def put(self, *names: str, backing: str | None = None) -> None:
        for name in names:
            self.files[name] = file(name, backing=backing)

    def scan(self) -> dict[str, str]:
        garbage.scan(self.domain, gateway(self.host).volumes)
        return dict(self.domain.strays.values_list("name", "kind"))

    def grow_old(self) -> None:
        self.domain.strays.update(seen_at=timezone.now() - timedelta(hours=2))


@pytest.fixture
def place(world: World) -> Place:
    return Place(world)


def test_what_rows_own_is_not_reported(place: Place) -> None:
    volume, image = (factory.create(storage_domain=place.domain) for factory in (VolumeFactory, ImageFactory))
    place.put(str(volume.pk), f"{volume.pk}.seed", str(image.pk), f"{image.pk}.part", place.domain.pool_name)
    assert place.scan() == {}
    place.domain.refresh_from_db()
    assert place.domain.scanned_at


def test_left_missing_and_foreign_files_are_told_apart(place: Place) -> None:
    volume, left = VolumeFactory.create(storage_domain=place.domain), str(uuid4())
    VolumeFactory.create(storage_domain=place.domain, status=VolumeStatus.CREATING)
    place.put(left, f"{left}.seed", "notes.txt", left.upper().replace("-", ""))
    found = place.scan()
    assert found == {
        left: StrayKind.ORPHAN,
        f"{left}.seed": StrayKind.ORPHAN,
        str(volume.pk): StrayKind.MISSING,
        "notes.txt": StrayKind.FOREIGN,
        left.upper().replace("-", ""): StrayKind.FOREIGN,
    }
    assert place.domain.strays.get(kind=StrayKind.MISSING).holder_name == volume.name


def test_image_whose_file_is_gone_is_told(place: Place) -> None:
    image = ImageFactory.create(storage_domain=place.domain)
    place.scan()
    assert [(stray.kind, stray.name) for stray in place.domain.strays.all()] == [(StrayKind.MISSING, image.volume_name)]


def test_report_remembers_since_when_and_forgets_what_was_put_right(place: Place) -> None:
    volume, left = VolumeFactory.create(storage_domain=place.domain), str(uuid4())
    place.put(left)
    place.scan()
    place.grow_old()
    since = place.domain.strays.get(name=left).seen_at
    place.put(str(volume.pk))
    assert place.scan() == {left: StrayKind.ORPHAN}
    assert place.domain.strays.get().seen_at == since


def test_file_that_a_clone_begins_with_is_kept(place: Place) -> None:
    base, clone = str(uuid4()), str(uuid4())
    place.put(base)
    place.put(clone, backing=base)
    assert place.scan() == {clone: StrayKind.ORPHAN}


def test_chosen_files_are_deleted_and_nothing_else(place: Place) -> None:
    one, two = str(uuid4()), str(uuid4())
    place.put(one, two, "notes.txt", place.domain.pool_name)
    place.scan()
    place.grow_old()
    chosen = place.domain.strays.filter(name=one)
    job = finish(storage_domain_clean(actor=shell_actor(), domain=place.domain, files=chosen))
    assert job.status == JobStatus.SUCCEEDED
    assert set(place.files) == {two, "notes.txt", place.domain.pool_name}
    assert set(place.domain.strays.values_list("name", flat=True)) == {two, "notes.txt"}


@pytest.mark.parametrize("what", ["new", "foreign", "missing", "elsewhere"])
def test_other_files_can_not_be_chosen(place: Place, world: World, what: str) -> None:
    kinds = {"foreign": StrayKind.FOREIGN, "missing": StrayKind.MISSING}
    domain = Place(world).domain if what == "elsewhere" else place.domain
    stray = StrayFile.objects.create(domain=domain, kind=kinds.get(what, StrayKind.ORPHAN), name=str(uuid4()))
    if what != "new":
        StrayFile.objects.update(seen_at=timezone.now() - timedelta(hours=2))
        stray.refresh_from_db()
    with pytest.raises(InputError) as refused:
        storage_domain_clean(actor=shell_actor(), domain=place.domain, files=[stray])
    assert set(refused.value.fields) == {"files"}


@pytest.mark.parametrize("change", ["owned", "backing", "young"])
def test_last_look_keeps_what_something_has_come_to_need(place: Place, change: str) -> None:
    name = str(uuid4())
    place.put(name)
    place.scan()
    place.grow_old()
    chosen = list(place.domain.strays.all())
    job = storage_domain_clean(actor=shell_actor(), domain=place.domain, files=chosen)
    if change == "owned":
        VolumeFactory.create(id=name, storage_domain=place.domain)
    elif change == "backing":
        place.put(str(uuid4()), backing=name)
    else:
        place.domain.strays.update(seen_at=timezone.now())
    assert finish(job).status == JobStatus.SUCCEEDED
    assert name in place.files


def test_file_of_a_guest_that_nobody_knows_is_kept(place: Place, world: World) -> None:
    """On another host than the one that the file is deleted through."""
    name, other = str(uuid4()), HostFactory.create()
    StorageAttachment.objects.create(domain=place.domain, host=other, active=True)
    world.of(other).guests["by-hand"] = name
    place.put(name)
    place.scan()
    place.grow_old()
    job = finish(storage_domain_clean(actor=shell_actor(), domain=place.domain, files=place.domain.strays.all()))
    assert (job.status, list(place.files)) == (JobStatus.SUCCEEDED, [name])
    assert "domain by-hand has it" in job.steps.get(name="delete").detail


def test_nothing_is_deleted_while_a_host_can_not_be_asked(place: Place, world: World) -> None:
    name, other = str(uuid4()), HostFactory.create()
    StorageAttachment.objects.create(domain=place.domain, host=other, active=True)
    world.of(other).silent = True
    place.put(name)
    place.scan()
    place.grow_old()
    job = finish(storage_domain_clean(actor=shell_actor(), domain=place.domain, files=place.domain.strays.all()))
    assert (job.status, job.error_code, list(place.files)) == (JobStatus.FAILED, "host_unreachable", [name])


def test_scan_is_a_job(place: Place) -> None:
    place.put(str(uuid4()))
    assert finish(storage_domain_scan(actor=shell_actor(), domain=place.domain)).status == JobStatus.SUCCEEDED
    assert place.domain.strays.count() == 1


def test_row_that_came_or_went_during_the_look_is_no_stray(place: Place) -> None:
    gone, new = str(uuid4()), VolumeFactory.create(storage_domain=place.domain)
    holder = garbage.Owned(gone, Holder("volume", gone, "gone"), expected=True)
    found: list[VolumeInfo] = [file(gone)]
    strays = garbage.strays_among(place.domain, found, {gone: holder}, garbage.owned_in(place.domain))
    assert (strays, new.volume_name) == ([], str(new.pk))
