"""Reading instances: for pages, for counting, for describing them to libvirt."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db.models import Count, Sum

from cloudia.accounts.actor import Actor
from cloudia.core.policy import Text
from cloudia.hosts.models import Host
from cloudia.hosts.placement import Demand, shortage
from cloudia.hosts.usage import Usage
from cloudia.hosts.usage import usage_by_host as all_usage
from cloudia.virt import DiskSpec, DomainSpec, FilesystemSpec, NicSpec
from instances.affinity import preference_of
from instances.affinity_models import AffinityGroup
from instances.gpus import passthrough_of
from instances.models import Instance, InstanceDisk
from instances.querysets import InstanceQuerySet
from instances.seed import seed_of
from instances.wishes import Compute
from networking.models import HostNetwork, NetworkInterface
from storage.enums import FileSystemKind
from storage.filesystem_places import mark
from storage.models import FileSystem, Image
from storage.placement import hosts_having


def instances_visible_to(actor: Actor) -> InstanceQuerySet:
    """Instances of the actor's projects, ready for display."""
    return Instance.objects.visible_to(actor).for_display()


def usage_by_host() -> Mapping[uuid.UUID, Usage]:
    """What instances claim, by host id."""
    rows = (
        Instance.objects.filter(host__isnull=False)
        .claiming_resources()
        .order_by()
        .values("host_id")
        .annotate(guests=Count("id"), cpus=Sum("vcpus"), memory=Sum("memory_mib"))
    )
    return {row["host_id"]: Usage(row["guests"], row["cpus"], row["memory"]) for row in rows}


def hosts_with(image: Image) -> list[Host]:
    """Hosts that have the image's storage domain; on which it does not work, placement finds out."""
    return hosts_having(image.storage_domain)


def hosts_for(image: Image, filesystems: Iterable[FileSystem]) -> list[Host]:
    """The same; placement finds out where one of the file systems is missing, too."""
    return mark(hosts_with(image), filesystems)


def room_for(
    image: Image, compute: Compute, group: AffinityGroup | None = None, filesystems: Iterable[FileSystem] = ()
) -> dict[Host, Text | None]:
    """Hosts that have the image's storage, each with its first limit in the way of a new instance, or None.

    For showing beforehand; what counts is decided under the lock of :func:`cloudia.hosts.placement.place`.
    """
    used = all_usage()
    hosts = hosts_for(image, filesystems)
    demand, preference = Demand(compute.vcpus, compute.memory_mib, int(compute.gpu)), preference_of(group)
    return {host: shortage(host, used.get(host.pk, Usage()), demand, preference) for host in hosts}


def disk_spec(disk: InstanceDisk) -> DiskSpec:
    """A disk as the gateway's designer wants it."""
    volume = disk.volume
    return DiskSpec(
        pool=volume.storage_domain.pool_name,
        volume=volume.volume_name,
        serial=str(volume.pk),
        format=volume.format,
        bootable=disk.is_boot,
        position=disk.position,
    )


def nic_specs(nics: Iterable[NetworkInterface], host: Host) -> tuple[NicSpec, ...]:
    """Network interfaces on ``host`` as the gateway's designer wants them."""
    offloads = not HostNetwork.objects.filter(host=host, userspace=True).exists()
    return tuple(NicSpec(id=nic.pk, mac=nic.mac, mtu=settings.NETWORK_MTU, offloads=offloads) for nic in nics)


def domain_spec(instance: Instance, host: Host) -> DomainSpec:
    """The instance as the gateway's designer wants it."""
    disks = instance.disks.select_related("volume__storage_domain").order_by("position")
    nics = NetworkInterface.objects.filter(attachment__instance=instance).order_by("attachment__position")
    shared = FileSystem.objects.filter(mounts__instance=instance, kind=FileSystemKind.VIRTIOFS).order_by("pk")
    return DomainSpec(
        uuid=instance.pk,
        name=instance.short_id,
        instance_id=str(instance.pk),
        project_id=str(instance.project_id),
        accelerator=host.accelerator,
        vcpus=instance.vcpus,
        max_vcpus=instance.max_vcpus,
        cores=instance.cores,
        threads_per_core=instance.threads_per_core,
        memory_mib=instance.memory_mib,
        max_memory_mib=instance.max_memory_mib,
        disks=tuple(disk_spec(disk) for disk in disks),
        filesystems=tuple(FilesystemSpec(row.tag, row.path) for row in shared),
        seed=seed_of(instance),
        passthrough=passthrough_of(instance),
        nics=nic_specs(nics, host),
    )
