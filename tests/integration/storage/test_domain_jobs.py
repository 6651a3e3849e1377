"""Hosts get storage domains and lose them, whatever happens on the way."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from cloudia.accounts.actor import shell_actor
from cloudia.core.errors import InputError, OperationFailed
from cloudia.core.policy import ActionDenied
from cloudia.hosts.models import Host
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job, JobLock
from storage.enums import DomainKind
from storage.models import StorageAttachment, StorageDomain
from storage.services.domains import storage_domain_attach, storage_domain_detach, storage_domain_forget
from tests.factories import BootDiskFactory, HostFactory, ImageFactory, InstanceFactory, StorageDomainFactory
from tests.integration.storage.world import Killed, World, finish

pytestmark = pytest.mark.django_db
PLACE = "/mnt/shared"


def attach(domain: StorageDomain, host: Host) -> Job:
    return finish(storage_domain_attach(actor=shell_actor(), domain=domain, host=host))


def detach(domain: StorageDomain, host: Host) -> Job:
    attachment = domain.attachments.get(host=host)
    return finish(storage_domain_detach(actor=shell_actor(), attachment=attachment))


def shared(**values: str) -> StorageDomain:
    return StorageDomainFactory.create(**({"kind": DomainKind.SHARED_DIR, "path": PLACE} | values))


def attached(domain: StorageDomain) -> set[str]:
    return set(domain.attachments.filter(active=True).values_list("host__name", flat=True))


def test_local_directory_is_made_on_its_one_host(world: World) -> None:
    domain, host, other = StorageDomainFactory.create(), HostFactory.create(), HostFactory.create()
    assert attach(domain, host).status == JobStatus.SUCCEEDED
    seen = domain.attachments.get()
    assert (seen.host, seen.active, seen.capacity_bytes > seen.available_bytes > 0) == (host, True, True)
    assert world.of(host).made == [domain.path]
    with pytest.raises(ActionDenied) as refused:
        storage_domain_attach(actor=shell_actor(), domain=domain, host=other)
    assert refused.value.denial.code == "local_storage"


def test_shared_directory_is_proved_on_the_second_host(world: World) -> None:
    domain, one, two = shared(), HostFactory.create(), HostFactory.create()
    files = world.mount(PLACE, one, two)
    attach(domain, one)
    assert attach(domain, two).status == JobStatus.SUCCEEDED
    assert attached(domain) == {one.name, two.name}
    assert set(files) == {domain.pool_name}  # the marker; no probe is left


@pytest.mark.parametrize("mounted", [True, False])
def test_directory_that_is_not_the_same_is_refused_and_nothing_is_left(world: World, mounted: bool) -> None:
    domain, one, two = shared(), HostFactory.create(), HostFactory.create()
    world.mount(PLACE, one)
    if mounted:
        world.mount(PLACE, two)
    attach(domain, one)
    job = attach(domain, two)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "not_mounted" if mounted else "not_a_directory")
    assert attached(domain) == {one.name}
    assert world.of(two).defined == {}
    assert world.of(two).made == []


def test_copy_of_the_files_is_not_taken_for_the_files(world: World) -> None:
    domain, one, two = shared(), HostFactory.create(), HostFactory.create()
    files = world.mount(PLACE, one)
    attach(domain, one)
    world.mount(PLACE, two).update(files)
    job = attach(domain, two)
    assert (job.error_code, attached(domain)) == ("not_shared", {one.name})
    assert set(files) == {domain.pool_name}


def test_place_of_another_storage_domain_is_refused(world: World) -> None:
    first, second = shared(), shared(name="second")
    host = HostFactory.create()
    files = world.mount(PLACE, host)
    attach(first, host)
    assert attach(second, host).error_code == "not_empty"
    assert set(files) == {first.pool_name}
    assert set(world.of(host).defined) == {first.pool_name}


@pytest.mark.parametrize(
    ("kind", "values", "place"),
    [
        (DomainKind.NFS, {"server": "nfs", "source": "/export"}, "nfs:/export"),
        (DomainKind.RBD, {"server": "mon", "source": "vms", "username": "cloudia"}, "mon:vms"),
        (DomainKind.LVM, {"source": "vg0"}, "vg0"),
    ],
)
def test_other_kinds_reach_libvirt_as_they_were_entered(
    world: World, kind: DomainKind, values: dict[str, str], place: str
) -> None:
    domain, host = StorageDomainFactory.create(kind=kind, path="", **values), HostFactory.create()
    domain.set_secret("a2V5")
    domain.save()
    files = world.mount(place, host)
    assert attach(domain, host).status == JobStatus.SUCCEEDED
    spec = world.of(host).defined[domain.pool_name]
    assert (spec.host, spec.source, spec.username, spec.secret) == (
        values.get("server", ""), values["source"], values.get("username", ""), "a2V5",
    )  # fmt: skip
    assert set(files) == ({domain.pool_name} if kind == DomainKind.NFS else set())  # block devices need no marker


def test_host_that_has_it_gets_it_no_second_time(world: World) -> None:
    host = HostFactory.create()
    domain = StorageDomainFactory.create(hosts=[host])
    with pytest.raises(InputError) as refused:
        storage_domain_attach(actor=shell_actor(), domain=domain, host=host)
    assert refused.value.fields["host"][0].code == "taken"


def test_host_loses_it_and_files_stay(world: World) -> None:
    domain, one, two = shared(), HostFactory.create(), HostFactory.create()
    files = world.mount(PLACE, one, two)
    attach(domain, one)
    attach(domain, two)
    ImageFactory.create(storage_domain=domain)
    assert detach(domain, two).status == JobStatus.SUCCEEDED
    assert (attached(domain), world.of(two).defined) == ({one.name}, {})
    assert set(files) == {domain.pool_name}


def test_empty_storage_domain_leaves_its_last_host_and_goes_to_another(world: World) -> None:
    domain, one, two = StorageDomainFactory.create(), HostFactory.create(), HostFactory.create()
    attach(domain, one)
    assert detach(domain, one).status == JobStatus.SUCCEEDED
    assert world.of(one).places[domain.path] == {}
    domain.refresh_from_db()
    assert not domain.marked
    assert attach(domain, two).status == JobStatus.SUCCEEDED


def test_last_host_keeps_what_is_not_empty(world: World) -> None:
    host = HostFactory.create()
    domain = StorageDomainFactory.create(hosts=[host])
    ImageFactory.create(storage_domain=domain)
    with pytest.raises(ActionDenied) as refused:
        storage_domain_detach(actor=shell_actor(), attachment=domain.attachments.get())
    assert refused.value.denial.code == "last_host"


def test_host_keeps_it_while_an_instance_there_uses_it(world: World) -> None:
    one, two = HostFactory.create(), HostFactory.create()
    domain = StorageDomainFactory.create(kind=DomainKind.SHARED_DIR, hosts=[one, two])
    image = ImageFactory.create(storage_domain=domain)
    instance = InstanceFactory.create(host=one, image=image)
    BootDiskFactory.create(instance=instance)
    with pytest.raises(ActionDenied) as refused:
        storage_domain_detach(actor=shell_actor(), attachment=domain.attachments.get(host=one))
    holder = refused.value.denial.holder
    assert holder
    assert (refused.value.denial.code, holder.name) == ("in_use", instance.name)
    world.mount(domain.path, one, two)
    assert detach(domain, two).status == JobStatus.SUCCEEDED


def test_silent_host_keeps_it(world: World) -> None:
    one, two = HostFactory.create(), HostFactory.create()
    domain = StorageDomainFactory.create(kind=DomainKind.SHARED_DIR, hosts=[one, two])
    world.of(two).silent = True
    assert detach(domain, two).error_code == "host_unreachable"
    attachment = domain.attachments.get(host=two)
    assert not attachment.leaving
    assert not JobLock.objects.exists()


def gone(domain: StorageDomain, host: Host) -> None:
    Host.objects.filter(pk=host.pk).update(reachable=False)
    storage_domain_forget(actor=shell_actor(), attachment=domain.attachments.get(host=host))


def test_host_that_never_comes_back_is_forgotten(world: World) -> None:
    domain, one, two = shared(), HostFactory.create(), HostFactory.create()
    files = world.mount(PLACE, one, two)
    attach(domain, one)
    attach(domain, two)
    ImageFactory.create(storage_domain=domain)
    world.of(one).silent = True
    gone(domain, one)
    assert (attached(domain), set(files)) == ({two.name}, {domain.pool_name})
    assert not JobLock.objects.exists()
    world.of(one).silent = False
    Host.objects.update(reachable=True)
    assert attach(domain, one).status == JobStatus.SUCCEEDED  # it was not gone for good: its pool is found again


def test_empty_storage_goes_to_another_host_when_its_only_one_is_gone(world: World) -> None:
    domain, one, two = StorageDomainFactory.create(), HostFactory.create(), HostFactory.create()
    attach(domain, one)
    world.of(one).silent = True
    gone(domain, one)
    domain.refresh_from_db()
    assert not domain.marked
    assert attach(domain, two).status == JobStatus.SUCCEEDED


@pytest.mark.parametrize("code", ["host_answers", "in_use", "last_host", "busy"])
def test_host_is_not_forgotten_while_something_needs_it(world: World, code: str) -> None:
    host = HostFactory.create(reachable=code == "host_answers")
    hosts = [host] if code == "last_host" else [host, HostFactory.create()]
    domain = StorageDomainFactory.create(kind=DomainKind.SHARED_DIR, hosts=hosts)
    image = ImageFactory.create(storage_domain=domain)
    if code == "in_use":
        BootDiskFactory.create(instance=InstanceFactory.create(host=host, image=image))
    if code == "busy":
        storage_domain_detach(actor=shell_actor(), attachment=domain.attachments.get(host=host))
    with pytest.raises(ActionDenied) as refused:
        storage_domain_forget(actor=shell_actor(), attachment=domain.attachments.get(host=host))
    assert (refused.value.denial.code, domain.attachments.count()) == (code, len(hosts))


def once(number: int, error: BaseException) -> Callable[[str], None]:
    """Fail at the ``number``-th call from now."""
    left = [number]

    def fail(_call: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise error

    return fail


CALLS = range(1, 13)  # more than any of these jobs makes, so that all are met
MOMENTS = pytest.mark.parametrize("moment", ["before", "after"])


class Trial:
    """A shared directory on fresh hosts, and a worker that fails at one call."""

    def __init__(self, world: World, *, first: bool = False) -> None:
        world.before = world.after = lambda _call: None
        self.world, self.place = world, f"/mnt/{uuid.uuid4()}"
        self.domain, self.one, self.two = shared(path=self.place), HostFactory.create(), HostFactory.create()
        self.files = world.mount(self.place, self.one, self.two)
        if not first:
            attach(self.domain, self.one)
        self.known = set(self.files)

    def attach(self, moment: str, number: int, error: BaseException) -> Job:
        setattr(self.world, moment, once(number, error))
        return attach(self.domain, self.two)


@MOMENTS
def test_killed_worker_changes_nothing_about_an_attach(world: World, moment: str) -> None:
    for number in CALLS:
        trial = Trial(world)
        assert trial.attach(moment, number, Killed()).status == JobStatus.SUCCEEDED
        assert attached(trial.domain) == {trial.one.name, trial.two.name}
        assert set(trial.files) == {trial.domain.pool_name}
        assert not JobLock.objects.exists()


@MOMENTS
@pytest.mark.parametrize("first", [True, False])
def test_failed_attach_leaves_nothing(world: World, moment: str, first: bool) -> None:
    failed = 0
    for number in CALLS:
        trial = Trial(world, first=first)
        job = trial.attach(moment, number, OperationFailed("broken"))
        if job.status == JobStatus.SUCCEEDED:  # it makes fewer calls
            continue
        failed += 1
        assert attached(trial.domain) == (set() if first else {trial.one.name})
        assert (world.of(trial.two).defined, set(trial.files)) == ({}, trial.known)
        assert StorageDomain.objects.get(pk=trial.domain.pk).marked is not first
    assert failed >= 5


@MOMENTS
def test_killed_worker_changes_nothing_about_a_detach(world: World, moment: str) -> None:
    for number in CALLS[:5]:
        trial = Trial(world)
        setattr(world, moment, once(number, Killed()))
        assert detach(trial.domain, trial.one).status == JobStatus.SUCCEEDED
        assert (StorageAttachment.objects.count(), trial.files, world.of(trial.one).defined) == (0, {}, {})
