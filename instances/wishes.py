"""What a new instance shall be, and everything that can be wrong with it: one check for page, API and admin."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.faults import Faults
from instances.affinity import check_group
from instances.affinity_models import AffinityGroup
from instances.disk_wishes import DiskWish, check_disks
from instances.guest_wishes import GuestWish, check_guest
from instances.launch_templates import LaunchTemplate
from instances.models import MAX_MEMORY_MIB, MAX_VCPUS, MIN_MEMORY_MIB, InstanceType
from instances.mounts import MountWish, check_mounts
from networking.models import VPC
from networking.services.interfaces import InterfaceWish, check_interfaces
from storage.models import Image
from storage.services.images import image_hold
from storage.space import MAX_DISK_GIB

MAX_NAME = 128
MAX_DESCRIPTION = 2000
MAX_THREADS = 2  # per core, as on the processors of the hosts


@dataclass(frozen=True, kw_only=True)
class Compute:
    """vCPUs and memory, now and at most. ``instance_type`` is kept when they come from one. ``gpu``: one to itself.

    ``threads`` of each core and ``cores`` of each socket: both None leaves them to :attr:`threads_per_core`.
    """

    vcpus: int
    memory_mib: int
    max_vcpus: int
    max_memory_mib: int
    instance_type: InstanceType | None = None
    threads: int | None = None
    cores: int | None = None
    gpu: bool = False

    @classmethod
    def of_type(cls, kind: InstanceType, max_vcpus: int | None = None, max_memory_mib: int | None = None) -> Compute:
        """What an instance type fixes; the maxima may be higher."""
        return cls.by_hand(kind.vcpus, kind.memory_mib, max_vcpus, max_memory_mib, kind)

    @classmethod
    def by_hand(
        cls,
        vcpus: int,
        memory_mib: int,
        max_vcpus: int | None = None,
        max_memory_mib: int | None = None,
        instance_type: InstanceType | None = None,
        *,
        threads: int | None = None,
        cores: int | None = None,
        gpu: bool = False,
    ) -> Compute:
        """As entered; without maxima it can't grow while it runs."""
        return cls(
            vcpus=vcpus,
            memory_mib=memory_mib,
            max_vcpus=vcpus if max_vcpus is None else max_vcpus,
            max_memory_mib=memory_mib if max_memory_mib is None else max_memory_mib,
            instance_type=instance_type,
            threads=threads,
            cores=cores,
            gpu=gpu,
        )

    @property
    def threads_per_core(self) -> int:
        """As chosen. The guide assumes hyper-threading: two threads a core, where the number of vCPUs allows it."""
        if self.threads is not None:
            return self.threads
        return 2 if self.max_vcpus % 2 == 0 and self.vcpus % 2 == 0 else 1


@dataclass(frozen=True, kw_only=True)
class InstanceWish:
    """A request for a new instance; its first interface is the primary one.

    ``boot_disk_gib`` None means as large as the image.
    """

    name: str
    image: Image
    compute: Compute
    interfaces: tuple[InterfaceWish, ...]
    description: str = ""
    boot_disk_gib: int | None = None
    volumes: tuple[DiskWish, ...] = ()
    filesystems: tuple[MountWish, ...] = ()
    guest: GuestWish = field(default_factory=GuestWish)
    affinity_group: AffinityGroup | None = None
    launch_template: LaunchTemplate | None = None  # where some of this comes from
    start: bool = True

    @property
    def vpc(self) -> VPC | None:
        """Where its interfaces will be."""
        return self.interfaces[0].subnet.vpc if self.interfaces else None

    @property
    def boot_gib(self) -> int:
        """The boot disk's size in GiB."""
        return self.image.minimum_gib if self.boot_disk_gib is None else self.boot_disk_gib


def check_wish(wish: InstanceWish, project: Project, actor: Actor) -> None:
    """Raise InputError naming every field that can't be as wished. Until the transaction ends, image and group stay."""
    faults = Faults()
    check_name(faults, wish.name)
    check_description(faults, wish.description)
    _check_image(faults, wish, project)
    check_group(faults, wish.affinity_group, project)
    check_type(faults, wish.compute, project)
    check_compute(faults, wish.compute)
    check_interfaces(faults, wish.interfaces, project)
    check_disks(faults, wish.volumes, project, wish.image.storage_domain, actor)
    check_mounts(faults, wish.filesystems, project, wish.vpc, "filesystems.")
    check_guest(faults, wish.guest)
    _check_template(faults, wish.launch_template, project)
    faults.raise_if_any()


def check_name(faults: Faults, name: str) -> None:
    """One line of up to 128 characters; any script, quotes and emoji included, but no control characters."""
    faults.require(bool(name.strip()), "name", "required", _("Enter a name."))
    faults.require(len(name) <= MAX_NAME, "name", "too_long", _("At most %(most)s characters.") % {"most": MAX_NAME})
    plain = not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in name)
    faults.require(plain, "name", "invalid", _("A name is one line without control characters."))


def check_description(faults: Faults, description: str) -> None:
    """Up to 2000 characters; PostgreSQL can't keep null characters."""
    too_long = _("At most %(most)s characters.") % {"most": MAX_DESCRIPTION}
    faults.require(len(description) <= MAX_DESCRIPTION, "description", "too_long", too_long)
    faults.require("\0" not in description, "description", "invalid", _("It contains a character that can't be kept."))


def _check_image(faults: Faults, wish: InstanceWish, project: Project) -> None:
    usable = image_hold(wish.image, project)
    faults.require(usable, "image", "not_usable", _("This image is not available for new instances in this project."))
    faults.number("boot_disk_gib", wish.boot_gib, wish.image.minimum_gib, MAX_DISK_GIB)


def _check_template(faults: Faults, template: LaunchTemplate | None, project: Project) -> None:
    """Until the transaction ends, it stays."""
    if template is not None:
        found = LaunchTemplate.objects.select_for_update(no_key=True).filter(pk=template.pk, project=project)
        usable = _("This launch template is not in this project.")
        faults.require(bool(found), "launch_template", "not_usable", usable)


def check_type(faults: Faults, compute: Compute, project: Project) -> None:
    """One that is offered in the project, if there is one. Until the transaction ends, nobody deletes it."""
    if kind := compute.instance_type:
        usable = InstanceType.objects.usable_in(project).select_for_update(no_key=True).filter(pk=kind.pk)
        faults.require(
            bool(usable), "instance_type", "not_usable", _("This instance type is not offered in this project.")
        )


def check_compute(faults: Faults, compute: Compute) -> None:
    """Numbers that QEMU takes, and cores that make so many vCPUs."""
    faults.number("vcpus", compute.vcpus, 1, MAX_VCPUS)
    faults.number("max_vcpus", compute.max_vcpus, 1, MAX_VCPUS)
    faults.number("memory_mib", compute.memory_mib, MIN_MEMORY_MIB, MAX_MEMORY_MIB)
    faults.number("max_memory_mib", compute.max_memory_mib, MIN_MEMORY_MIB, MAX_MEMORY_MIB)
    below = _("The maximum can't be below the value to start with.")
    faults.require(compute.max_vcpus >= compute.vcpus, "max_vcpus", "below_current", below)
    faults.require(compute.max_memory_mib >= compute.memory_mib, "max_memory_mib", "below_current", below)
    by_hand = _("An instance type comes without a GPU. To use one, set the size directly.")
    faults.require(not (compute.gpu and compute.instance_type), "gpu", "conflict", by_hand)
    _check_topology(faults, compute)


def _check_topology(faults: Faults, compute: Compute) -> None:
    """It starts with one socket of the chosen cores, and grows by whole ones: so the maximum is really reached."""
    if compute.threads is None and compute.cores is None:
        return
    needed = _("Threads per core and cores are chosen together.")
    faults.require(compute.threads is not None, "threads_per_core", "required", needed)
    faults.require(compute.cores is not None, "cores", "required", needed)
    if compute.threads is None or compute.cores is None:
        return
    faults.number("threads_per_core", compute.threads, 1, MAX_THREADS)
    product = _("Cores × threads per core must be the number of vCPUs, %(vcpus)s.") % {"vcpus": compute.vcpus}
    faults.require(compute.cores * compute.threads == compute.vcpus, "cores", "topology", product)
    whole = _("With these cores it grows by whole sockets: enter a multiple of %(vcpus)s.") % {"vcpus": compute.vcpus}
    fits = compute.vcpus < 1 or compute.max_vcpus % compute.vcpus == 0
    faults.require(fits or compute.max_vcpus < compute.vcpus, "max_vcpus", "topology", whole)
