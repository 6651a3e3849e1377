"""The watcher on real hosts: what guests and people do behind CloudiA's back, and hosts that fall silent."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cloudia.hosts.models import Host
from cloudia.hosts.watcher import Watcher
from instances.enums import PowerState
from instances.models import Instance
from storage.models import StorageAttachment
from tests.factories import HostFactory, InstanceFactory
from tests.qemu.lab import LabHost
from tests.qemu.site import Site, make_site

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE_S = 1.0  # what people notice
HANG_S = 10.0


def wait_for(fact: Callable[[], object], seconds: float) -> float:
    """Wait until it is true; how long that took."""
    began = time.monotonic()
    while not fact():
        assert time.monotonic() < began + seconds, "it did not become true"
        time.sleep(0.02)
    return time.monotonic() - began


def power(instance: Instance) -> str:
    return Instance.objects.values_list("power_state", flat=True).get(pk=instance.pk)


def reachable(host: Host) -> bool:
    return Host.objects.values_list("reachable", flat=True).get(pk=host.pk)


@pytest.fixture
def watcher() -> Iterator[Callable[[], None]]:
    """Starts a watcher in this process, on threads."""
    watcher, stopping = Watcher(), threading.Event()

    def tick() -> None:
        while not stopping.wait(0.2):
            watcher.tick()
        followers = list(watcher.followers.values())
        watcher.stop()
        for follower in followers:
            follower.join()
        for looking in threading.enumerate():
            if looking.name.startswith("storage-"):
                looking.join()

    thread = threading.Thread(target=tick)
    yield thread.start
    stopping.set()
    thread.join()


@pytest.fixture
def site(lab_host: LabHost, tiny_image: Path) -> Iterator[Site]:
    site = make_site(lab_host, tiny_image)
    yield site
    site.clean()


@pytest.fixture
def other(lab_hosts: list[LabHost]) -> tuple[Host, LabHost]:
    """Another host."""
    lab_host = lab_hosts[1]
    return HostFactory.create(name=lab_host.name, uri=lab_host.uri, reachable=False), lab_host


def test_destroyed_guest_is_seen_stopped_at_once(site: Site, watcher: Callable[[], None]) -> None:
    instance = site.made()
    watcher()
    wait_for(lambda: reachable(site.host), 10)
    site.virsh("destroy", instance.short_id)
    wait_for(lambda: power(instance) == PowerState.STOPPED, AT_ONCE_S)
    site.virsh("start", instance.short_id)
    wait_for(lambda: power(instance) == PowerState.RUNNING, AT_ONCE_S)
    site.virsh("suspend", instance.short_id)
    wait_for(lambda: power(instance) == PowerState.PAUSED, AT_ONCE_S)


def test_guest_that_powers_itself_off_is_seen_stopped_at_once(site: Site, watcher: Callable[[], None]) -> None:
    instance = site.made()
    watcher()
    site.lab_host.wait_for_serial(instance.short_id, "TINY-READY")
    site.virsh("shutdown", instance.short_id, "--mode", "acpi")
    wait_for(lambda: site.domains()[instance.short_id] == "shut off", 60)
    wait_for(lambda: power(instance) == PowerState.STOPPED, AT_ONCE_S)


def test_domain_that_is_gone_is_absent_and_one_that_nobody_owns_is_told_once_and_kept(
    site: Site, watcher: Callable[[], None], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudia.hosts.watcher.follower.SYNC_S", 0.3)
    orphan, gone = site.made(start=False, name="orphan"), site.made(start=False, name="gone")
    orphan.disks.all().delete()
    orphan.delete()
    watcher()
    wait_for(lambda: "orphan" in caplog.text or orphan.short_id in caplog.text, 10)
    site.virsh("undefine", gone.short_id)
    wait_for(lambda: power(gone) == PowerState.ABSENT, AT_ONCE_S)
    time.sleep(1)  # some more looks
    assert caplog.text.count(orphan.short_id) == 1
    assert orphan.short_id in site.domains()


def test_hung_host_is_unreachable_while_the_other_is_watched_and_back_when_it_answers(
    site: Site, other: tuple[Host, LabHost], watcher: Callable[[], None]
) -> None:
    instance, (hung, lab_host) = site.made(), other
    guest = InstanceFactory.create(host=hung, power_state=PowerState.RUNNING)
    watcher()
    wait_for(lambda: reachable(hung) and reachable(site.host), 15)
    Instance.objects.filter(pk=guest.pk).update(power_state=PowerState.RUNNING)
    lab_host.hang()
    try:
        site.virsh("destroy", instance.short_id)
        wait_for(lambda: power(instance) == PowerState.STOPPED, AT_ONCE_S)
        wait_for(lambda: not reachable(hung), HANG_S)
        assert reachable(site.host)
        hung.refresh_from_db()
        assert hung.problem_texts.keys() == {"ko", "en"}
        assert power(guest) == PowerState.RUNNING  # not a guess
        site.virsh("start", instance.short_id)
        wait_for(lambda: power(instance) == PowerState.RUNNING, AT_ONCE_S)
    finally:
        lab_host.unhang()
    wait_for(lambda: reachable(hung), 10)
    wait_for(lambda: power(guest) == PowerState.ABSENT, 10)


def test_power_loss_of_a_host_is_seen_and_its_guests_are_stopped_when_it_is_back(
    site: Site, watcher: Callable[[], None]
) -> None:
    instance = site.made()
    watcher()
    wait_for(lambda: reachable(site.host), 10)
    site.lab_host.crash()
    wait_for(lambda: not reachable(site.host), 5)
    assert power(instance) == PowerState.RUNNING
    site.lab_host.restart()
    wait_for(lambda: reachable(site.host), 15)
    assert power(instance) == PowerState.STOPPED


def forget_pool(site: Site) -> None:
    """By hand; again if the watcher has started it between the two commands."""
    forgotten = False
    while not forgotten:
        with suppress(subprocess.CalledProcessError):
            site.virsh("pool-destroy", site.domain.pool_name)
            site.virsh("pool-undefine", site.domain.pool_name)
            forgotten = True


def test_attached_storage_is_measured_and_its_pool_comes_back(
    site: Site, watcher: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.observers.EVERY_S", 0.3)
    monkeypatch.setattr("cloudia.hosts.watcher.follower.SYNC_S", 0.3)
    attachments = StorageAttachment.objects.filter(host=site.host)
    attachments.update(active=False, capacity_bytes=0)
    watcher()
    wait_for(lambda: attachments.filter(active=True, capacity_bytes__gt=0).exists(), 10)
    forget_pool(site)
    wait_for(lambda: site.domain.pool_name in site.virsh("pool-list", "--name"), 10)


def test_directory_that_is_gone_is_told_and_not_made_again(
    site: Site, watcher: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.observers.EVERY_S", 0.3)
    monkeypatch.setattr("cloudia.hosts.watcher.follower.SYNC_S", 0.3)
    attachments = StorageAttachment.objects.filter(host=site.host)
    watcher()
    wait_for(lambda: attachments.filter(active=True, capacity_bytes__gt=0).exists(), 10)
    place = Path(site.domain.path)
    aside = place.rename(place.with_name("aside"))
    try:
        wait_for(lambda: attachments.filter(active=False).exists(), 10)
        assert attachments.get().problem
        assert not place.exists()
    finally:
        aside.rename(place)
    wait_for(lambda: attachments.filter(active=True).exists(), 10)
