"""Asking for an instance: what is recorded, what is refused, and that parallel requests never overbook a host."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.utils.translation import override

from cloudia.accounts.actor import Actor
from cloudia.accounts.enums import Origin, Role
from cloudia.accounts.models import AuditEntry, Project
from cloudia.core.errors import InputError, NoCapacity
from cloudia.core.policy import ActionDenied, Holder
from cloudia.hosts.enums import HostState
from cloudia.jobs.models import Job
from instances import services
from instances.enums import PowerState
from instances.models import Instance
from instances.services import instance_create, instance_start
from instances.wishes import Compute, InstanceWish
from networking.services.interfaces import InterfaceWish
from storage.models import Image, Volume
from storage.services.images import image_delete
from tests.factories import (
    BootDiskFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InstanceTypeFactory,
    MembershipFactory,
    OperatorFactory,
    ProjectFactory,
    SecurityGroupFactory,
    StorageDomainFactory,
    SubnetFactory,
    UserFactory,
)

GIB = 2**30


class Tenant:
    """A manager, their project with a subnet, and an image on one host with 16 CPUs and 8 GiB for guests."""

    def __init__(self, **host: Any) -> None:
        member = MembershipFactory.create()
        self.actor, self.project = Actor(member.user), member.project
        self.host = HostFactory.create(**{"memory_mib": 9216, "reserved_memory_mib": 1024, "vcpu_ratio": 1, **host})
        self.image: Image = ImageFactory.create(storage_domain=StorageDomainFactory.create(hosts=[self.host]))
        self.subnet = SubnetFactory.create(project=self.project)

    def wish(self, *, vcpus: int = 1, memory_mib: int = 1024, **values: Any) -> InstanceWish:
        usual = {"name": "web", "image": self.image, "interfaces": (InterfaceWish(subnet=self.subnet),)}
        return InstanceWish(**{**usual, "compute": Compute.by_hand(vcpus, memory_mib), **values})

    def create(self, **values: Any) -> Job:
        return instance_create(actor=self.actor, project=self.project, wish=self.wish(**values))

    def refused_at(self, **values: Any) -> set[tuple[str, str]]:
        """Field and code of everything that is wrong with the wish."""
        with pytest.raises(InputError) as refused:
            self.create(**values)
        return {(field, error.code) for field, errors in refused.value.fields.items() for error in errors}


@pytest.fixture
def tenant(db: None) -> Tenant:
    return Tenant()


def test_create_records_the_instance_its_disk_and_its_job(tenant: Tenant) -> None:
    job = tenant.create(name=" web ", vcpus=2, memory_mib=2048, boot_disk_gib=10)
    instance = Instance.objects.for_display().get()
    assert (job.target_id, job.kind, instance.current_job) == (instance.pk, "instance.create", job)
    assert (instance.name, instance.vcpus, instance.memory_mib, instance.host) == ("web", 2, 2048, tenant.host)
    assert instance.short_id == f"i-{instance.pk.hex[:8]}"
    assert instance.display_state.code == "creating"
    disk = instance.disks.get()
    assert (disk.is_boot, disk.device_name, disk.volume.size_gib) == (True, "vda", 10)
    link = instance.interfaces.get()
    assert (link.is_primary, link.interface.subnet, link.interface.address) == (True, tenant.subnet, "10.0.0.2")
    assert link.interface.owner == Holder("instance", str(instance.pk), "web")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.outcome, entry.job_id) == ("instance.create", "accepted", job.pk)


def test_instance_type_fixes_vcpus_and_memory(tenant: Tenant) -> None:
    kind = InstanceTypeFactory.create(vcpus=2, memory_mib=512)
    tenant.create(compute=Compute.of_type(kind))
    instance = Instance.objects.get()
    assert (instance.vcpus, instance.memory_mib, instance.instance_type) == (2, 512, kind)


@pytest.mark.parametrize(
    "name", ['a "quoted" <b>name</b> & more', "it's", "한글 이름 🚀", "a/b\\c", "'; DROP TABLE instances;--", "x" * 128]
)
def test_any_single_line_is_a_name(tenant: Tenant, name: str) -> None:
    tenant.create(name=name)
    assert Instance.objects.get().name == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "required"),
        ("   ", "required"),
        ("x" * 129, "too_long"),
        ("x" * 10_000, "too_long"),
        ("two\nlines", "invalid"),
        ("tab\there", "invalid"),
        ("nul\0", "invalid"),
        ("line\u2028separator", "invalid"),
    ],
)
def test_name_that_is_not_one_line_is_refused(tenant: Tenant, name: str, code: str) -> None:
    assert tenant.refused_at(name=name) == {("name", code)}


@pytest.mark.parametrize("vcpus", [0, -1, 256, 10**9])
def test_impossible_number_of_vcpus_is_refused(tenant: Tenant, vcpus: int) -> None:
    assert ("vcpus", "out_of_range") in tenant.refused_at(vcpus=vcpus)


@pytest.mark.parametrize("memory_mib", [0, -1, 63, 10**12])
def test_impossible_amount_of_memory_is_refused(tenant: Tenant, memory_mib: int) -> None:
    assert ("memory_mib", "out_of_range") in tenant.refused_at(memory_mib=memory_mib)


def test_maximum_below_the_start_is_refused(tenant: Tenant) -> None:
    compute = Compute.by_hand(4, 2048, max_vcpus=2, max_memory_mib=1024)
    assert tenant.refused_at(compute=compute) == {("max_vcpus", "below_current"), ("max_memory_mib", "below_current")}


def test_boot_disk_smaller_than_the_image_is_refused(tenant: Tenant) -> None:
    assert tenant.refused_at(boot_disk_gib=tenant.image.minimum_gib - 1) == {("boot_disk_gib", "out_of_range")}


def test_everything_wrong_is_said_at_once(tenant: Tenant) -> None:
    wrong = tenant.refused_at(name="", boot_disk_gib=0, compute=Compute.by_hand(0, 0))
    assert {field for field, _code in wrong} == {
        "name",
        "boot_disk_gib",
        "vcpus",
        "memory_mib",
        "max_vcpus",
        "max_memory_mib",
    }


def test_interfaces_stand_in_the_order_asked_for_with_their_groups(tenant: Tenant) -> None:
    group = SecurityGroupFactory.create(project=tenant.project)
    other = SubnetFactory.create(vpc=tenant.subnet.vpc, project=tenant.project, cidr="10.0.1.0/24")
    tenant.create(
        interfaces=(
            InterfaceWish(subnet=other, security_groups=(group,)),
            InterfaceWish(subnet=tenant.subnet, address="10.0.0.77"),
        )
    )
    links = Instance.objects.get().interfaces.all()
    assert [(link.position, link.interface.address) for link in links] == [(0, "10.0.1.2"), (1, "10.0.0.77")]
    assert [list(link.interface.security_groups.all()) for link in links] == [[group], []]


def test_wrong_interface_is_refused_where_it_is_wrong(tenant: Tenant) -> None:
    foreign = InterfaceWish(subnet=SubnetFactory.create(), security_groups=(SecurityGroupFactory.create(),))
    good = InterfaceWish(subnet=tenant.subnet)
    assert tenant.refused_at(interfaces=(good, foreign)) == {
        ("interfaces.1.subnet", "other_project"),
        ("interfaces.1.subnet", "other_vpc"),
        ("interfaces.1.security_groups", "other_project"),
    }
    assert tenant.refused_at(interfaces=()) == {("interfaces", "required")}
    outside = InterfaceWish(subnet=tenant.subnet, address="10.9.9.9")
    assert tenant.refused_at(interfaces=(good, outside)) == {("interfaces.1.ip_address", "outside")}
    assert not Instance.objects.exists()


def test_refused_wish_leaves_nothing(tenant: Tenant) -> None:
    tenant.refused_at(name="")
    assert (Instance.objects.count(), Volume.objects.count(), Job.objects.count()) == (0, 0, 0)
    assert [(entry.outcome, entry.code) for entry in AuditEntry.objects.all()] == [("refused", "invalid")]


@pytest.mark.parametrize("change", [{"deprecated": True}, {"status": "failed"}])
def test_image_that_is_not_offered_is_refused(tenant: Tenant, change: dict[str, Any]) -> None:
    Image.objects.filter(pk=tenant.image.pk).update(**change)
    assert tenant.refused_at() == {("image", "not_usable")}


def test_image_deleted_meanwhile_is_refused(tenant: Tenant) -> None:
    wish = tenant.wish()
    Image.objects.all().delete()
    with pytest.raises(InputError) as refused:
        instance_create(actor=tenant.actor, project=tenant.project, wish=wish)
    assert list(refused.value.fields) == ["image"]


def test_image_of_another_project_is_refused(tenant: Tenant) -> None:
    Image.objects.update(project=ProjectFactory.create())
    assert tenant.refused_at() == {("image", "not_usable")}


def test_instance_type_of_another_project_is_refused(tenant: Tenant) -> None:
    kind = InstanceTypeFactory.create(project=ProjectFactory.create())
    assert tenant.refused_at(compute=Compute.of_type(kind)) == {("instance_type", "not_usable")}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_managers_create(tenant: Tenant, role: Role) -> None:
    tenant.actor = Actor(MembershipFactory.create(project=tenant.project, role=role).user)
    with pytest.raises(ActionDenied) as refused:
        tenant.create()
    assert refused.value.denial.code == "permission_denied"


def test_member_of_another_project_may_not_create_here(tenant: Tenant) -> None:
    tenant.actor = Actor(MembershipFactory.create().user)
    with pytest.raises(ActionDenied):
        tenant.create()


def test_instance_of_a_service_account_belongs_to_its_origin(tenant: Tenant) -> None:
    service = UserFactory.create(is_service=True, origin=Origin.KUBERNETES, display_name="shop-k8s")
    MembershipFactory.create(user=service, project=tenant.project)
    tenant.actor = Actor(service)
    tenant.create()
    instance = Instance.objects.get()
    assert (instance.origin, instance.owner_name) == (Origin.KUBERNETES, "shop-k8s")


def refusal(tenant: Tenant, **values: Any) -> str:
    with pytest.raises(NoCapacity) as refused, override("en"):
        tenant.create(**values)
    with override("en"):
        return str(refused.value.message)


def test_no_room_says_which_limit_of_which_host(tenant: Tenant) -> None:
    assert refusal(tenant, memory_mib=8193) == (
        f"No host has room: {tenant.host.name} (memory: 8193 MiB needed, 8192 MiB free)."
    )
    assert refusal(tenant, vcpus=17) == f"No host has room: {tenant.host.name} (vCPUs: 17 needed, 16 free)."
    tenant.host.state = HostState.MAINTENANCE
    tenant.host.save()
    assert refusal(tenant) == f"No host has room: {tenant.host.name} (in maintenance)."
    tenant.host.state, tenant.host.reachable = HostState.ACTIVE, False
    tenant.host.save()
    assert refusal(tenant) == f"No host has room: {tenant.host.name} (does not answer)."
    tenant.host.reachable = True
    tenant.host.save()
    tenant.host.network.delete()
    assert refusal(tenant) == f"No host has room: {tenant.host.name} (is not connected to the network (OVN))."


def test_host_without_the_storage_is_no_candidate(tenant: Tenant) -> None:
    domain = tenant.image.storage_domain
    tenant.host.attachments.update(active=False, problem_texts={"en": "The pool is not there."})
    there = f"storage domain “{domain.name}” does not work there: The pool is not there"
    assert refusal(tenant) == f"No host has room: {tenant.host.name} ({there})."
    tenant.host.attachments.update(active=True, leaving=True)
    assert (
        refusal(tenant) == f"No host has room: {tenant.host.name} (storage domain “{domain.name}” is being detached)."
    )
    tenant.host.attachments.all().delete()
    assert refusal(tenant) == "No host has the storage this instance needs."


def test_instance_goes_where_most_memory_is_free(tenant: Tenant) -> None:
    larger = HostFactory.create(memory_mib=65_536)
    tenant.image.storage_domain.attachments.create(host=larger, active=True)
    tenant.create()
    assert Instance.objects.get().host == larger


def test_stopped_instances_take_no_room(tenant: Tenant) -> None:
    InstanceFactory.create(host=tenant.host, image=tenant.image, memory_mib=8192, max_memory_mib=8192)
    tenant.create(memory_mib=8192)


def test_start_is_refused_when_its_host_is_full(tenant: Tenant) -> None:
    InstanceFactory.create(
        host=tenant.host, image=tenant.image, memory_mib=8000, max_memory_mib=8000, power_state=PowerState.RUNNING
    )
    small = InstanceFactory.create(
        host=tenant.host, image=tenant.image, memory_mib=512, max_memory_mib=512, project=tenant.project
    )
    with pytest.raises(NoCapacity):
        instance_start(actor=tenant.actor, instance=small)


def test_instance_deleted_meanwhile_is_said_to_be_gone(tenant: Tenant) -> None:
    instance = InstanceFactory.create(project=tenant.project)
    stale = Instance.objects.get(pk=instance.pk)
    Instance.objects.all().delete()
    with pytest.raises(ActionDenied) as refused:
        instance_start(actor=tenant.actor, instance=stale)
    assert refused.value.denial.code == "gone"


def test_readable_id_that_is_taken_is_not_given_again(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    InstanceFactory.create(short_id="i-00000001")
    ids = iter([uuid.UUID(int=1 << 96), free := uuid.UUID(int=2 << 96)])
    monkeypatch.setattr(uuid, "uuid4", lambda: next(ids))
    assert services._new_id() == free


@pytest.mark.django_db(transaction=True)
def test_parallel_creates_never_overbook_a_host() -> None:
    tenant = Tenant()

    def create(number: int) -> bool:
        try:
            instance_create(
                actor=Actor(tenant.actor.user), project=Project.objects.get(), wish=tenant.wish(name=f"n{number}")
            )
        except NoCapacity:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(12) as pool:
        accepted = list(pool.map(create, range(24)))
    assert accepted.count(True) == 8, "8 GiB hold eight guests of 1 GiB"
    assert Instance.objects.aggregate(memory=Sum("memory_mib"))["memory"] == 8192


def test_what_cannot_be_written_down_does_not_happen(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_values: object) -> None:
        raise RuntimeError("the audit trail is not there")

    monkeypatch.setattr("cloudia.accounts.audit.record", fail)
    with pytest.raises(RuntimeError):
        tenant.create()
    assert (Instance.objects.count(), Volume.objects.count(), Job.objects.count()) == (0, 0, 0)


def meanwhile(work: Callable[[], object]) -> Future[object]:
    """Begin ``work`` on another connection, and wait until it waits for a lock or is done."""

    def run() -> object:
        try:
            return work()
        finally:
            connection.close()

    future = ThreadPoolExecutor(1).submit(run)
    until = time.monotonic() + 30
    while not future.done() and time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                break
        time.sleep(0.05)
    return future


@pytest.mark.django_db(transaction=True)
def test_image_that_an_instance_is_just_made_of_is_not_deleted() -> None:
    tenant, operator = Tenant(), Actor(OperatorFactory.create())
    with transaction.atomic():
        tenant.create()
        deleting = meanwhile(lambda: image_delete(actor=operator, image=tenant.image))
        assert not deleting.done()
    with pytest.raises(ActionDenied) as refused:
        deleting.result(30)
    assert refused.value.denial.code == "in_use"
    assert set(Job.objects.values_list("kind", flat=True)) == {"instance.create"}


@pytest.mark.django_db(transaction=True)
def test_no_instance_is_made_of_an_image_that_is_just_being_deleted() -> None:
    tenant, operator = Tenant(), Actor(OperatorFactory.create())
    with transaction.atomic():
        image_delete(actor=operator, image=tenant.image)
        creating = meanwhile(tenant.create)
        assert not creating.done()
    with pytest.raises(InputError) as refused:
        creating.result(30)
    assert set(refused.value.fields) == {"image"}
    assert not Instance.objects.exists()


@pytest.mark.parametrize("how", ["broken", "unattached"])
def test_start_is_refused_with_the_name_of_the_storage_that_does_not_work(tenant: Tenant, how: str) -> None:
    domain = tenant.image.storage_domain
    instance = InstanceFactory.create(host=tenant.host, image=tenant.image, memory_mib=512, project=tenant.project)
    BootDiskFactory.create(instance=instance)
    if how == "broken":
        domain.attachments.update(active=False, problem_texts={"en": "The pool is not there."})
    else:
        domain.attachments.all().delete()
    problem = "does not work there: The pool is not there" if how == "broken" else "is not attached to it"
    with pytest.raises(NoCapacity) as refused, override("en"):
        instance_start(actor=tenant.actor, instance=instance)
    with override("en"):
        assert str(refused.value) == f"No host has room: {tenant.host} (storage domain “{domain}” {problem})."
    assert not Job.objects.exists()
