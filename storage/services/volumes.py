"""Volumes: what is asked of them. Attaching and growing them is asked of :mod:`instances.disk_services`."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.faults import Faults
from cloudia.core.rows import check_description, check_name, checked
from cloudia.hosts.models import Host
from cloudia.jobs.models import Job
from cloudia.jobs.services import job_enqueue
from storage import policies
from storage.enums import VolumeStatus
from storage.models import Image, StorageDomain, Volume
from storage.services.images import image_hold
from storage.space import MAX_DISK_GIB, claim_space
from storage.volume_operations import CreateVolume, DeleteVolume


@dataclass(frozen=True)
class VolumeWish:
    """A volume as asked for."""

    name: str
    storage_domain: StorageDomain
    size_gib: int
    image: Image | None = None
    description: str = ""


@audited("volume.create", target="project")
def volume_create(
    *,
    actor: Actor,
    project: Project,
    name: str,
    storage_domain: StorageDomain,
    size_gib: int,
    image: Image | None = None,
    description: str = "",
) -> Job:
    """Record a new volume, empty or of ``image``, and queue its making; ``job.target_id`` is its id.

    Names may repeat, as instances' do. Raises ActionDenied (also ``quota_exceeded``) or InputError at ``name``,
    ``description``, ``storage_domain``, ``image`` or ``size_gib`` (also ``no_space``).
    """
    wish = VolumeWish(name, storage_domain, size_gib, image, description)
    volume = volume_record(actor=actor, project=project, wish=wish)
    return job_enqueue(operation=CreateVolume, target=volume, actor=actor, params={})


@audited("volume.edit", target="volume")
def volume_edit(*, actor: Actor, volume: Volume, name: str | None = None, description: str | None = None) -> Volume:
    """Change what is given, at once: no host knows these. Raises ActionDenied or InputError."""
    row = checked(policies.EDIT_VOLUME, volume, actor)
    row.name = row.name if name is None else name.strip()
    row.description = row.description if description is None else description.strip()
    faults = Faults()
    _check_texts(faults, row)
    faults.raise_if_any()
    row.save(update_fields=["name", "description"])
    return row


@audited("volume.delete", target="volume")
def volume_delete(*, actor: Actor, volume: Volume) -> Job:
    """Delete a volume that nothing uses, with its data. Raises ActionDenied."""
    row = checked(policies.DELETE_VOLUME, volume, actor)
    return job_enqueue(operation=DeleteVolume, target=row, actor=actor, params={})


def volume_record(*, actor: Actor, project: Project, wish: VolumeWish) -> Volume:
    """The row of a new volume, whose disk a job of the same transaction makes. Raises what volume_create raises."""
    policies.CREATE_VOLUME.check(project, actor)
    volume = Volume(
        name=wish.name.strip(),
        description=wish.description.strip(),
        project=project,
        storage_domain=wish.storage_domain,
        image=wish.image,
        size_gib=wish.size_gib,
        status=VolumeStatus.CREATING,
        created_by=None if actor.user._state.adding else actor.user,  # the shell's actor has no row
    )
    _check(volume)
    volume_claim(project, volume.storage_domain, volume.size_gib)
    volume.save(force_insert=True)
    return volume


def volume_claim(project: Project, domain: StorageDomain, gib: int, *, count: int = 1, field: str = "size_gib") -> None:
    """Make sure that ``count`` more volumes and ``gib`` more in all may be had, in the transaction that makes them.

    Raises ActionDenied (``quota_exceeded``) or InputError (``no_space``) at ``field``.
    """
    if count:
        quotas.claim(project, "volumes", count)
    quotas.claim(project, "volume_gib", gib)
    claim_space(domain, gib, field)


def _check(volume: Volume) -> None:
    faults = Faults()
    _check_texts(faults, volume)
    hosts = Host.objects.filter(attachments__domain=volume.storage_domain_id, attachments__active=True, reachable=True)
    nowhere = _("No host that answers has this storage domain.")
    faults.require(hosts.exists(), "storage_domain", "not_usable", nowhere)
    faults.number("size_gib", volume.size_gib, _minimum_gib(faults, volume), MAX_DISK_GIB)
    faults.raise_if_any()


def _check_texts(faults: Faults, volume: Volume) -> None:
    check_name(faults, volume.name, Volume.objects.none())
    check_description(faults, volume.description)


def _minimum_gib(faults: Faults, volume: Volume) -> int:
    """How small it may be, after a look at its image, which stays locked: nobody deletes it meanwhile."""
    if volume.image is None:
        return 1
    usable = image_hold(volume.image, volume.project)
    faults.require(usable, "image", "not_usable", _("This image can't be used for volumes of this project."))
    elsewhere = _("The image is in another storage domain.")
    same = volume.image.storage_domain_id == volume.storage_domain_id
    faults.require(same, "image", "other_storage_domain", elsewhere)
    return volume.image.minimum_gib
