"""Instances, what they are made of and what they have."""

# mypy: disable-error-code="no-untyped-call"
# (factory_boy's declarations have no annotations)

from __future__ import annotations

from typing import Any

from django.utils import timezone
from factory.declarations import (
    LazyAttribute,
    LazyFunction,
    PostGeneration,
    SelfAttribute,
    Sequence,
    SubFactory,
)
from factory.django import DjangoModelFactory
from factory.faker import Faker

from cloudia.accounts.models import Project
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
    NetworkInterface,
)
from networking.services.addresses import free_address, new_mac
from storage.models import Volume
from tests.factories.hosts import HostFactory
from tests.factories.networks import SubnetFactory
from tests.factories.people import ProjectFactory
from tests.factories.storage import FileSystemFactory, ImageFactory, StorageDomainFactory, VolumeFactory


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
