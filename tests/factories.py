"""Rows for tests: real ones in the real database, with everything a row needs unless the test says otherwise.

Call ``InstanceFactory.create(...)``: unlike ``InstanceFactory(...)`` it is typed.
"""

# mypy: disable-error-code="no-untyped-call"
# (factory_boy's declarations have no annotations)

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone
from factory.declarations import LazyAttribute, LazyFunction, PostGeneration, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory
from factory.faker import Faker

from cloudia.accounts.enums import Role
from cloudia.accounts.models import Membership, Project, User
from cloudia.hosts.models import Host
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job, JobLock, JobStep, Lockable
from instances.enums import DesiredState, PowerState
from instances.models import Instance, InstanceDisk, InstanceType
from storage.enums import ImageStatus
from storage.models import Image, StorageAttachment, StorageDomain, Volume

GIB = 2**30


class UserFactory(DjangoModelFactory[User]):
    """A person who can't log in by password; ``password="…"`` sets one."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = Sequence(lambda n: f"user-{n}")
    password = PostGeneration(lambda user, create, value: _set_password(user, value))


def _set_password(user: User, value: str | None) -> None:
    if value:
        user.set_password(value)
    else:
        user.set_unusable_password()
    user.save()


class OperatorFactory(UserFactory):
    """An operator of the installation."""

    is_operator = True


class ProjectFactory(DjangoModelFactory[Project]):
    """A tenant."""

    class Meta:
        model = Project

    name = Sequence(lambda n: f"project-{n}")


class MembershipFactory(DjangoModelFactory[Membership]):
    """A manager of a project."""

    class Meta:
        model = Membership

    user = SubFactory(UserFactory)
    project = SubFactory(ProjectFactory)
    role = Role.MANAGER


class HostFactory(DjangoModelFactory[Host]):
    """A host that answers and has room: 16 CPUs, 64 GiB."""

    class Meta:
        model = Host

    name = Sequence(lambda n: f"kvm-{n:02}")
    uri = LazyAttribute(lambda host: f"qemu+tls://{host.name}/system")
    reachable = True
    last_seen_at = LazyFunction(timezone.now)
    hostname = SelfAttribute("name")
    cpu_model = "Skylake-Server"
    cpus = 16
    memory_mib = 65_536
    libvirt_version = "9.0.0"
    qemu_version = "7.2.9"
    accelerators = LazyFunction(lambda: ["kvm", "tcg"])


class StorageDomainFactory(DjangoModelFactory[StorageDomain]):
    """A folder; ``hosts=[…]`` attaches it there."""

    class Meta:
        model = StorageDomain
        skip_postgeneration_save = True

    name = Sequence(lambda n: f"dir-{n:02}")
    path = LazyAttribute(lambda domain: f"/var/lib/cloudia/{domain.name}")

    hosts = PostGeneration(lambda domain, create, hosts: _attach(domain, hosts or ()))


def _attach(domain: StorageDomain, hosts: Iterable[Host]) -> None:
    for host in hosts:
        StorageAttachment.objects.create(
            domain=domain, host=host, active=True, capacity_bytes=1000 * GIB, available_bytes=600 * GIB
        )


class ImageFactory(DjangoModelFactory[Image]):
    """A public image that is ready."""

    class Meta:
        model = Image

    name = Sequence(lambda n: f"image-{n}")
    storage_domain = SubFactory(StorageDomainFactory)
    os_type = "Debian"
    os_version = "12"
    status = ImageStatus.AVAILABLE
    virtual_bytes = 4 * GIB
    file_bytes = GIB // 2


class InstanceTypeFactory(DjangoModelFactory[InstanceType]):
    """A public type: 2 vCPUs, 4 GiB."""

    class Meta:
        model = InstanceType

    name = Sequence(lambda n: f"type-{n}")
    vcpus = 2
    memory_mib = 4096


class InstanceFactory(DjangoModelFactory[Instance]):
    """A stopped instance on a host, without disks."""

    class Meta:
        model = Instance

    short_id = LazyAttribute(lambda instance: f"i-{instance.id.hex[:8]}")
    id = Faker("uuid4", cast_to=None)
    name = Sequence(lambda n: f"instance-{n}")
    project = SubFactory(ProjectFactory)
    host = SubFactory(HostFactory)
    image = SubFactory(ImageFactory)
    vcpus = 2
    max_vcpus = SelfAttribute("vcpus")
    memory_mib = 2048
    max_memory_mib = SelfAttribute("memory_mib")
    desired_state = DesiredState.STOPPED
    power_state = PowerState.STOPPED
    observed_at = LazyFunction(timezone.now)


class BootDiskFactory(DjangoModelFactory[InstanceDisk]):
    """The boot disk of an instance, with its volume."""

    class Meta:
        model = InstanceDisk

    instance = SubFactory(InstanceFactory)
    volume = LazyAttribute(
        lambda disk: Volume.objects.create(
            name=f"{disk.instance.name}-boot"[-128:],
            project=disk.instance.project,
            storage_domain=disk.instance.image.storage_domain,
            image=disk.instance.image,
            size_gib=8,
        )
    )
    position = 0
    is_boot = True


class JobFactory(DjangoModelFactory[Job]):
    """A job about ``target`` as history; :func:`hold` makes one that has it now."""

    class Meta:
        model = Job

    class Params:
        target = SubFactory(InstanceFactory)

    kind = "instance.start"
    project = SelfAttribute("target.project")
    target_type = LazyAttribute(lambda job: job.target._meta.model_name)
    target_id = SelfAttribute("target.pk")
    target_name = LazyAttribute(lambda job: str(job.target))
    status = JobStatus.SUCCEEDED
    started_at = LazyFunction(lambda: timezone.now() - timedelta(seconds=9))
    finished_at = LazyAttribute(lambda job: None if job.status in {"pending", "running"} else timezone.now())


class JobStepFactory(DjangoModelFactory[JobStep]):
    """The first step of a job."""

    class Meta:
        model = JobStep

    job = SubFactory(JobFactory)
    number = 1
    name = "start"


def hold(target: Lockable, kind: str = "instance.start", **values: Any) -> Job:
    """A running job that has ``target`` locked."""
    job = JobFactory.create(target=target, kind=kind, **{"status": JobStatus.RUNNING, **values})
    JobLock.objects.create(resource=target.lock_name, job=job)
    type(target)._default_manager.filter(pk=target.pk).update(current_job=job)
    target.current_job = job
    return job
