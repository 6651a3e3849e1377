"""Images: what is asked of them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Max
from django.utils.translation import gettext as _

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.faults import Faults
from cloudia.core.policy import ActionDenied, Denial, Kind
from cloudia.core.rows import check_description, check_name, checked, locked
from cloudia.hosts.models import Host
from cloudia.jobs.models import Job
from cloudia.jobs.services import job_enqueue
from storage import policies
from storage.enums import ImageStatus
from storage.fetch import check_url
from storage.image_operations import DeleteImage, ImportImage
from storage.models import GIB, Image, StorageDomain, Upload
from storage.space import claim_space

PUBLIC_LOCK = 0x696D6773  # one advisory lock for the names of public images; "imgs" in ASCII
SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_OS = 64  # characters of a system's name or version


@dataclass(frozen=True, slots=True)
class ImageWish:
    """What a new image shall be. Without a project it is public. ``sha256``: of its file, in hex."""

    name: str
    storage_domain: StorageDomain
    project: Project | None = None
    description: str = ""
    os_type: str = ""
    os_version: str = ""
    sha256: str = ""


@audited("image.import", target="storage_domain")
def image_fetch(*, actor: Actor, storage_domain: StorageDomain, url: str, **wish: Any) -> Job:
    """Record an image and queue its fetching from ``url``; ``job.target_id`` is its id. ``wish``: see ImageWish.

    Raises ActionDenied (also ``quota_exceeded``) or InputError at what is wrong: ``url``, ``name``, ``sha256``, ....
    """
    check_url(url)
    wished = ImageWish(storage_domain=storage_domain, **wish)
    image = image_record(actor, wished, ImageStatus.IMPORTING, source_url=url)
    return job_enqueue(operation=ImportImage, target=image, actor=actor, params={"checksum": wished.sha256})


@audited("image.edit", target="image")
def image_edit(*, actor: Actor, image: Image, **changes: Any) -> Image:
    """Change ``name``, ``description``, ``os_type``, ``os_version``, ``deprecated``; ``project`` None makes it public.

    Raises ActionDenied (only operators make images public) or InputError.
    """
    row = checked(policies.EDIT_IMAGE, image, actor)
    for field in ("name", "description", "os_type", "os_version"):
        setattr(row, field, changes.get(field, getattr(row, field)).strip())
    row.deprecated = changes.get("deprecated", row.deprecated)
    faults = Faults()
    if "project" in changes and changes["project"] != row.project:
        _publish(actor, row, changes["project"], faults)
    _hold_names(row.project)
    _check_texts(faults, row)
    faults.raise_if_any()
    row.save(update_fields=["name", "description", "os_type", "os_version", "deprecated", "project"])
    return row


@audited("image.delete", target="image")
def image_delete(*, actor: Actor, image: Image) -> Job:
    """Delete an image that nothing uses, with its file, or an upload with what came of it. Raises ActionDenied."""
    row = checked(policies.DELETE_IMAGE, image, actor)
    Upload.objects.filter(image=row).update(writer="")  # whoever is writing stops
    return job_enqueue(operation=DeleteImage, target=row, actor=actor, params={})


def image_hold(image: Image, project: Project) -> bool:
    """Whether something of ``project`` can be made of the image, which nobody deletes until the transaction ends."""
    held = locked(Image, [image]).get(image.pk)
    return bool(held and not held.held_by and Image.objects.usable_in(project).filter(pk=held.pk).exists())


def image_record(
    actor: Actor,
    wish: ImageWish,
    status: ImageStatus,
    *,
    file_bytes: int = 0,
    source_url: str = "",
    replaced: Collection[UUID] = (),
) -> Image:
    """A new image's row, counted, in the caller's transaction; it may be called as those that it shall replace.

    Raises ActionDenied or InputError.
    """
    image = Image(
        name=wish.name.strip(),
        description=wish.description.strip(),
        project=wish.project,
        storage_domain=wish.storage_domain,
        os_type=wish.os_type.strip(),
        os_version=wish.os_version.strip(),
        status=status,
        file_bytes=file_bytes,
        source_url=source_url,
        created_by=None if actor.user._state.adding else actor.user,  # the shell's actor has no row
    )
    policies.IMPORT.check(image, actor)
    if wish.project:
        quotas.claim(wish.project, "images")
    _hold_names(wish.project)
    faults = Faults()
    _check_texts(faults, image, replaced)
    _check_domain(faults, image)
    bad_sum = _("Enter a SHA-256 checksum: 64 digits and letters from a to f.")
    faults.require(not wish.sha256 or bool(SHA256.fullmatch(wish.sha256)), "sha256", "invalid", bad_sum)
    faults.raise_if_any()
    claim_space(wish.storage_domain, -(-file_bytes // GIB), "storage_domain")
    image.save(force_insert=True)
    return image


def _hold_names(project: Project | None) -> None:
    """Nobody else names an image of the project, or a public one, until the transaction ends."""
    if project:
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PUBLIC_LOCK])


def _publish(actor: Actor, row: Image, project: Project | None, faults: Faults) -> None:
    if not actor.is_operator:
        raise ActionDenied(Denial("permission_denied", _("Your role does not allow this."), Kind.FORBIDDEN))
    only = _("An image can become public; it can't be given to a project.")
    faults.require(project is None, "project", "not_usable", only)
    row.project = None


def _check_texts(faults: Faults, image: Image, replaced: Collection[UUID] = ()) -> None:
    """Old ones that are not offered any more, and those that failed, don't keep their names."""
    others = Image.objects.filter(project=image.project, deprecated=False).exclude(status=ImageStatus.FAILED)
    named = Image.objects.none() if image.deprecated or image.status == ImageStatus.FAILED else others
    check_name(faults, image.name, named.exclude(pk__in=[image.pk, *replaced]))
    check_description(faults, image.description)
    for field in ("os_type", "os_version"):
        text: str = getattr(image, field)
        faults.require(len(text) <= MAX_OS, field, "too_long", _("At most %(most)s characters.") % {"most": MAX_OS})
        faults.require(text.isprintable(), field, "invalid", _("A name is one line without control characters."))


def _check_domain(faults: Faults, image: Image) -> None:
    domain = image.storage_domain
    nothing = _("libvirt can't write files into storage of the kind %(kind)s.") % {"kind": domain.get_kind_display()}
    faults.require(domain.traits.takes_uploads, "storage_domain", "not_usable", nothing)
    hosts = Host.objects.filter(attachments__domain=domain, attachments__active=True, reachable=True)
    nowhere = _("No host that answers has this storage domain.")
    faults.require(hosts.exists(), "storage_domain", "not_usable", nowhere)
    room = domain.attachments.filter(active=True).aggregate(most=Max("available_bytes"))["most"] or 0
    full = _("The storage domain has no room for this file.")
    faults.require(image.file_bytes <= room, "storage_domain", "no_space", full)
