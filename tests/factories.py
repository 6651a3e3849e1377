"""Rows for tests: real ones in the real database, with everything a row needs unless the test says otherwise.

Call ``InstanceFactory.create(...)``: unlike ``InstanceFactory(...)`` it is typed.
"""

# mypy: disable-error-code="no-untyped-call"
# (factory_boy's declarations have no annotations)

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from django.utils import timezone
from factory.declarations import (
    LazyAttribute,
    LazyFunction,
    PostGeneration,
    RelatedFactory,
    SelfAttribute,
    Sequence,
    SubFactory,
)
from factory.django import DjangoModelFactory
from factory.faker import Faker

from cloudia.accounts.enums import Role
from cloudia.accounts.models import Membership, Project, User
from cloudia.hosts.models import Host
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job, JobLock, JobStep, Lockable
from instances.affinity_models import AffinityGroup
from instances.enums import DesiredState, PowerState
from instances.launch_templates import LaunchTemplate
from instances.models import (
    Instance,
    InstanceDisk,
    InstanceGuest,
    InstanceInterface,
    InstanceMount,
    InstanceType,
    UserScript,
)
from networking.models import (
    VPC,
    ExternalNetwork,
    FloatingIP,
    HostNetwork,
    NetworkInterface,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Trace,
)
from networking.services.addresses import free_address, new_mac
from storage.enums import FileSystemKind, ImageStatus
from storage.models import FileSystem, Image, StorageAttachment, StorageDomain, Upload, Volume

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


class HostNetworkFactory(DjangoModelFactory[HostNetwork]):
    """A host's place in the network."""

    class Meta:
        model = HostNetwork

    chassis = LazyAttribute(lambda network: network.host.name)
    physical_networks = LazyFunction(lambda: ["public"])


class HostFactory(DjangoModelFactory[Host]):
    """A host that answers, is connected and has room: 16 CPUs, 64 GiB; ``network=None`` leaves it unconnected."""

    class Meta:
        model = Host
        skip_postgeneration_save = True

    network = RelatedFactory(HostNetworkFactory, factory_related_name="host")

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


class UploadFactory(DjangoModelFactory[Upload]):
    """A file of 8 MiB that has just begun to come in, for an image of a project."""

    class Meta:
        model = Upload

    image = SubFactory(ImageFactory, status=ImageStatus.UPLOADING, project=SubFactory(ProjectFactory))
    length_bytes = 8 * 2**20


class VolumeFactory(DjangoModelFactory[Volume]):
    """A data volume that nothing uses."""

    class Meta:
        model = Volume

    name = Sequence(lambda n: f"data-{n}")
    project = SubFactory(ProjectFactory)
    storage_domain = SubFactory(StorageDomainFactory)
    size_gib = 10


class FileSystemFactory(DjangoModelFactory[FileSystem]):
    """An NFS export that every subnet may reach."""

    class Meta:
        model = FileSystem

    name = Sequence(lambda n: f"share-{n}")
    project = SubFactory(ProjectFactory)
    kind = FileSystemKind.NFS
    export = "nfs.example:/srv/share"


class InstanceTypeFactory(DjangoModelFactory[InstanceType]):
    """A public type: 2 vCPUs, 4 GiB."""

    class Meta:
        model = InstanceType

    name = Sequence(lambda n: f"type-{n}")
    vcpus = 2
    memory_mib = 4096


class AffinityGroupFactory(DjangoModelFactory[AffinityGroup]):
    """Members must be on different hosts."""

    class Meta:
        model = AffinityGroup

    name = Sequence(lambda n: f"spread-{n}")
    project = SubFactory(ProjectFactory)


class LaunchTemplateFactory(DjangoModelFactory[LaunchTemplate]):
    """2 vCPUs and 4 GiB, of a public image, in a subnet of its project."""

    class Meta:
        model = LaunchTemplate

    name = Sequence(lambda n: f"template-{n}")
    project = SubFactory(ProjectFactory)
    content = LazyAttribute(lambda template: _content(template.project))


def _content(project: Project) -> dict[str, Any]:
    image = ImageFactory.create(storage_domain=StorageDomainFactory.create(hosts=[HostFactory.create()]))
    return {
        "description": "",
        "image": str(image.pk),
        "vcpus": 2,
        "memory_mib": 4096,
        "interfaces": [{"subnet": str(SubnetFactory.create(project=project).pk), "security_groups": []}],
        "volumes": [],
        "filesystems": [],
        "cloud_init": {"username": "cloudia", "ssh_keys": [], "scripts": []},
        "start": True,
    }


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


class DataDiskFactory(DjangoModelFactory[InstanceDisk]):
    """A data volume attached to an instance, beside its boot disk."""

    class Meta:
        model = InstanceDisk

    instance = SubFactory(InstanceFactory)
    volume = LazyAttribute(
        lambda disk: VolumeFactory.create(
            project=disk.instance.project, storage_domain=disk.instance.image.storage_domain
        )
    )
    position = 1


class MountFactory(DjangoModelFactory[InstanceMount]):
    """A file system mounted by an instance."""

    class Meta:
        model = InstanceMount

    instance = SubFactory(InstanceFactory)
    filesystem = LazyAttribute(lambda mount: FileSystemFactory.create(project=mount.instance.project))
    mount_path = Sequence(lambda n: f"/mnt/share-{n}")


class GuestFactory(DjangoModelFactory[InstanceGuest]):
    """The first user of a guest, with a password of its own."""

    class Meta:
        model = InstanceGuest

    instance = SubFactory(InstanceFactory)
    username = "kim"
    password_hash = (
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
    )


class ScriptFactory(DjangoModelFactory[UserScript]):
    """A script of a guest."""

    class Meta:
        model = UserScript

    instance = SubFactory(InstanceFactory)
    number = Sequence(lambda n: n + 1)
    name = Sequence(lambda n: f"setup-{n}.sh")
    content = "#!/bin/sh\necho hello\n"


class ExternalNetworkFactory(DjangoModelFactory[ExternalNetwork]):
    """198.51.100.0/24, the default one; its gateway is .1."""

    class Meta:
        model = ExternalNetwork

    name = Sequence(lambda n: f"public-{n}")
    cidr = LazyFunction(lambda: ip_network("198.51.100.0/24"))
    gateway = "198.51.100.1"
    first_address = "198.51.100.2"
    last_address = "198.51.100.254"
    is_default = True


class VPCFactory(DjangoModelFactory[VPC]):
    """A VPC without a way out."""

    class Meta:
        model = VPC

    name = Sequence(lambda n: f"vpc-{n}")
    project = SubFactory(ProjectFactory)


class SubnetFactory(DjangoModelFactory[Subnet]):
    """10.0.0.0/24; ``cidr="10.1.0.0/24"`` may be text."""

    class Meta:
        model = Subnet

    name = Sequence(lambda n: f"subnet-{n}")
    vpc = SubFactory(VPCFactory, project=SelfAttribute("..project"))
    project = SubFactory(ProjectFactory)
    cidr = "10.0.0.0/24"
    gateway = LazyAttribute(lambda subnet: str(ip_network(subnet.cidr)[1]))

    @classmethod
    def _create(cls, model_class: type[Subnet], *args: Any, **values: Any) -> Subnet:
        subnet: Subnet = super()._create(model_class, *args, **{**values, "cidr": ip_network(values["cidr"])})
        return subnet


class SecurityGroupFactory(DjangoModelFactory[SecurityGroup]):
    """A group without rules."""

    class Meta:
        model = SecurityGroup

    name = Sequence(lambda n: f"sg-{n}")
    project = SubFactory(ProjectFactory)


class RuleFactory(DjangoModelFactory[SecurityGroupRule]):
    """In from everywhere, TCP 80."""

    class Meta:
        model = SecurityGroupRule

    group = SubFactory(SecurityGroupFactory)
    direction = "in"
    protocol = "tcp"
    port_min = 80
    port_max = SelfAttribute("port_min")
    cidr = LazyFunction(lambda: ip_network("0.0.0.0/0"))


class InterfaceFactory(DjangoModelFactory[InstanceInterface]):
    """An interface of an instance, in a subnet of its project, at the lowest free address; ``groups=[…]`` guard it."""

    class Meta:
        model = InstanceInterface
        skip_postgeneration_save = True

    class Params:
        subnet = SubFactory(SubnetFactory, project=SelfAttribute("..instance.project"))
        address = ""

    instance = SubFactory(InstanceFactory)
    position = LazyAttribute(lambda link: link.instance.interfaces.count())
    interface = LazyAttribute(lambda link: _interface(link))
    groups = PostGeneration(lambda link, create, groups: link.interface.security_groups.set(groups or ()))


def _interface(link: Any) -> NetworkInterface:
    return NetworkInterface.objects.create(
        project=link.instance.project,
        subnet=link.subnet,
        address=free_address(link.subnet, link.address),
        mac=new_mac(),
        owner_id=link.instance.pk,
        owner_name=link.instance.name,
        owner_short_id=link.instance.short_id,
    )


class FloatingIPFactory(DjangoModelFactory[FloatingIP]):
    """A floating IP that leads nowhere."""

    class Meta:
        model = FloatingIP

    project = SubFactory(ProjectFactory)
    external_network = SubFactory(ExternalNetworkFactory)
    address = Sequence(lambda n: f"198.51.100.{10 + n % 240}")


class TraceFactory(DjangoModelFactory[Trace]):
    """Does TCP 80 get from an interface to 10.0.0.99? Nobody has answered yet."""

    class Meta:
        model = Trace

    source = LazyFunction(lambda: InterfaceFactory.create().interface)
    project = SelfAttribute("source.project")
    address = "10.0.0.99"
    protocol = "tcp"
    port = 80


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
