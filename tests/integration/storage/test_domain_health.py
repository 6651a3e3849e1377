"""What the watcher finds of storage domains, in words."""

from __future__ import annotations

import pytest
from django.utils import translation

from cloudia.virt import PoolInfo
from storage.enums import DomainKind
from storage.models import StorageAttachment, StorageDomain
from storage.observers import _mark, look
from storage.pools import marker_ensure, pool_ensure
from storage.selectors import host_with
from tests.factories import HostFactory, StorageDomainFactory, VolumeFactory
from tests.integration.storage.world import World, file

pytestmark = pytest.mark.django_db


class Seen:
    """A shared directory on one host."""

    def __init__(self, world: World) -> None:
        self.host = HostFactory.create()
        self.domain: StorageDomain = StorageDomainFactory.create(kind=DomainKind.SHARED_DIR, hosts=[self.host])
        self.files = world.mount(self.domain.path, self.host)
        self.there = world.of(self.host)
        pool_ensure(self.domain, self.host)
        marker_ensure(self.domain, self.host)
        StorageDomain.objects.update(marked=True)

    def look(self) -> StorageAttachment:
        look(self.host)
        return self.domain.attachments.get()


@pytest.fixture
def seen(world: World, monkeypatch: pytest.MonkeyPatch) -> Seen:
    monkeypatch.setattr("storage.observers.close_old_connections", lambda: None)  # here it is the test's own
    return Seen(world)


def test_working_pool_is_measured(seen: Seen) -> None:
    found = seen.look()
    assert (found.active, found.problem) == (True, "")
    assert found.capacity_bytes > found.available_bytes > 0


@pytest.mark.parametrize("how", ["undefined", "stopped"])
def test_pool_that_vanished_comes_back(seen: Seen, how: str) -> None:
    if how == "undefined":
        seen.there.defined.clear()
    else:
        seen.there.stopped.add(seen.domain.pool_name)
    assert seen.look().active
    assert set(seen.there.defined) == {seen.domain.pool_name}


def test_missing_mount_is_told_and_not_filled(seen: Seen) -> None:
    """What is mounted is gone, the directory below is there and empty."""
    seen.there.places[seen.domain.path] = {}
    found = seen.look()
    assert not found.active
    with translation.override("en"):
        assert found.problem == (
            f"{seen.domain.path} on {seen.host} does not have the files of this storage domain."
            " Is its file system mounted?"
        )
    assert seen.there.places[seen.domain.path] == {}
    seen.there.places[seen.domain.path] = seen.files
    assert seen.look().active


def test_missing_directory_is_not_made(seen: Seen) -> None:
    del seen.there.places[seen.domain.path]
    seen.there.defined.clear()
    found = seen.look()
    assert (found.active, seen.there.made) == (False, [])
    assert found.problem


def test_silent_host_tells_nothing(seen: Seen) -> None:
    before = seen.look()
    seen.there.silent = True
    after = seen.look()
    assert (after.active, after.checked_at) == (True, before.checked_at)


def test_host_that_is_losing_it_is_left_alone(seen: Seen) -> None:
    seen.domain.attachments.update(leaving=True)
    seen.there.defined.clear()
    seen.look()
    assert seen.there.defined == {}


def test_host_that_loses_it_during_a_look_does_not_get_it_back(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow_look(attachment: StorageAttachment) -> PoolInfo | None:
        attachment.delete()
        pool: PoolInfo | None = seen.there.pools.info(seen.domain.pool_name)
        return pool

    monkeypatch.setattr("storage.observers._working_pool", slow_look)
    look(seen.host)
    assert not seen.domain.attachments.exists()


def test_left_files_are_looked_for_every_hour(seen: Seen, world: World) -> None:
    name = "00000000-0000-4000-8000-000000000001"
    seen.files[name] = file(name)
    seen.look()
    assert seen.domain.strays.get().name == name
    world.calls.clear()
    seen.look()
    assert "list" not in world.calls


def test_broken_host_is_not_written_through(seen: Seen, world: World) -> None:
    other = HostFactory.create(name="a")
    StorageAttachment.objects.create(domain=seen.domain, host=other, active=False)
    assert host_with(seen.domain) == seen.host


@pytest.fixture
def unmarked(seen: Seen) -> Seen:
    """As storage domains were before there were markers."""
    del seen.files[seen.domain.pool_name]
    StorageDomain.objects.update(marked=False)
    return seen


def is_marked(seen: Seen) -> tuple[bool, bool]:
    """Whether the row says so, and whether the marker is there."""
    return StorageDomain.objects.get().marked, seen.domain.pool_name in seen.files


def test_storage_without_marker_gets_it_on_its_only_host(unmarked: Seen) -> None:
    assert unmarked.look().active
    assert is_marked(unmarked) == (True, True)


def test_storage_without_marker_gets_it_where_its_files_are(unmarked: Seen, world: World) -> None:
    other = HostFactory.create()
    StorageAttachment.objects.create(domain=unmarked.domain, host=other)
    world.mount(unmarked.domain.path, other)
    pool_ensure(unmarked.domain, other)
    volume = VolumeFactory.create(storage_domain=unmarked.domain)
    unmarked.files[volume.volume_name] = file(volume.volume_name)
    look(other)
    there = StorageAttachment.objects.get(host=other)
    assert (there.active, is_marked(unmarked)) == (False, (False, False))
    with translation.override("en"):
        assert "does not have the files of this storage domain" in there.problem
    look(unmarked.host)
    assert is_marked(unmarked) == (True, True)


def test_empty_storage_without_marker_on_several_hosts_is_told(unmarked: Seen) -> None:
    other = StorageAttachment.objects.create(domain=unmarked.domain, host=HostFactory.create())
    look(unmarked.host)
    found = unmarked.domain.attachments.get(host=unmarked.host)
    with translation.override("en"):
        assert "not proved that the hosts see the same files" in found.problem
    assert is_marked(unmarked) == (False, False)
    other.delete()
    assert unmarked.look().active
    assert is_marked(unmarked) == (True, True)


def test_storage_that_is_being_detached_gets_no_marker(unmarked: Seen) -> None:
    attachment = StorageAttachment.objects.select_related("domain", "host").get()
    StorageAttachment.objects.update(leaving=True)
    _mark(attachment)
    assert is_marked(unmarked) == (False, False)
