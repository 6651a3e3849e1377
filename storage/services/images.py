"""Images: what is asked of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.errors import HostUnreachable
from cloudia.core.validation import clean
from cloudia.virt import hypervisor
from storage import policies
from storage.enums import ImageStatus
from storage.models import Image, StorageDomain
from storage.probe import ImageFacts, probe
from storage.selectors import host_with, image_like, unfinished


@audited("image.import", target="storage_domain", atomic=False)
def image_import(
    *,
    actor: Actor,
    path: Path,
    name: str,
    storage_domain: StorageDomain,
    project: Project | None = None,
    os_type: str = "",
    os_version: str = "",
) -> Image:
    """An image made of a file of this machine; the existing one if the same file was imported under this name.

    Without a project it is public. Raises ActionDenied, InputError (what is wrong with the file or a name),
    HostUnreachable, or OperationFailed (``no_space``); then no volume is left.
    """
    image = Image(
        name=name.strip(), project=project, storage_domain=storage_domain, os_type=os_type, os_version=os_version
    )
    policies.IMPORT.check(image, actor)
    clean(image)
    facts = probe(path)
    image.sha256, image.virtual_bytes, image.file_bytes = sha256(path), facts.virtual_bytes, facts.file_bytes
    if existing := image_like(image.name, image.sha256, project):
        return existing
    if half := unfinished(image):
        image.pk = half.pk  # so that what there is of its volume is replaced
        half.delete()
    image.save(force_insert=True)
    _store(image, path, facts)
    return image


def sha256(path: Path) -> str:
    """The file's checksum in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _store(image: Image, path: Path, facts: ImageFacts) -> None:
    """Upload the file; a failure leaves no row, except where it may leave a volume."""
    try:
        _upload(image, path, facts)
    except HostUnreachable:  # half a volume may be left; the next try of the same file replaces it
        _set_status(image, ImageStatus.FAILED)
        raise
    except BaseException:
        image.delete()
        raise
    _set_status(image, ImageStatus.AVAILABLE)


def _set_status(image: Image, status: ImageStatus) -> None:
    image.status = status
    image.save(update_fields=["status"])


def _upload(image: Image, path: Path, facts: ImageFacts) -> None:
    domain = image.storage_domain
    volumes = hypervisor(host_with(domain).endpoint).volumes
    with path.open("rb") as file:
        volumes.upload(domain.pool_name, image.volume_name, file, facts.file_bytes, facts.virtual_bytes, facts.format)
