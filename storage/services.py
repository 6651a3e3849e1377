"""What operators ask of storage."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.errors import HostUnreachable, InputError, OperationFailed
from cloudia.core.policy import ActionDenied
from cloudia.core.validation import clean
from cloudia.hosts.models import Host
from cloudia.virt import hypervisor
from storage import policies
from storage.attachments import record_pool
from storage.enums import DomainKind, ImageStatus, Media
from storage.models import Image, StorageAttachment, StorageDomain
from storage.probe import ImageFacts, probe
from storage.selectors import host_with, image_like, unfinished

PROBE_BYTES = 1 << 20


@audited("storage_domain.create")
def storage_domain_create(
    *, actor: Actor, name: str, path: str, kind: str = DomainKind.DIR, media: str = Media.SSD
) -> StorageDomain:
    """A new storage domain on no host yet. Raises ActionDenied or InputError."""
    domain = StorageDomain(name=name.strip(), path=path, kind=kind, media=media)
    policies.CREATE_DOMAIN.check(domain, actor)
    if not Path(path).is_absolute() or ".." in Path(path).parts:
        raise InputError.at("path", _("Enter a path from the root, like /var/lib/cloudia/pool."))
    clean(domain)
    domain.save(force_insert=True)
    return domain


@audited("storage_domain.attach", target="domain", atomic=False)
def storage_domain_attach(*, actor: Actor, domain: StorageDomain, host: Host) -> StorageAttachment:
    """Make the domain's pool on the host; harmless twice.

    Raises ActionDenied if a local directory is on another host already, HostUnreachable, or OperationFailed
    (``not_shared`` if what one host writes is not seen by the other).
    """
    policies.ATTACH.check(domain, actor)
    other = domain.attachments.exclude(host=host).select_related("host").first()
    if other and domain.kind == DomainKind.DIR:
        raise ActionDenied(policies.is_local_to_another_host())
    pool = hypervisor(host.endpoint).pools.ensure_dir(domain.pool_name, domain.pk, domain.path)
    if other:
        _prove_shared(domain, other.host, host)
    return record_pool(domain, host, pool)


def _prove_shared(domain: StorageDomain, writer: Host, reader: Host) -> None:
    name, volumes = f"probe-{uuid.uuid4()}", hypervisor(writer.endpoint).volumes
    volumes.ensure_empty(domain.pool_name, name, PROBE_BYTES)
    try:
        if hypervisor(reader.endpoint).volumes.info(domain.pool_name, name) is None:
            message = _("What {writer} writes to {path} is not seen by {reader}.")
            raise OperationFailed(message.format(writer=writer, path=domain.path, reader=reader), code="not_shared")
    finally:
        volumes.delete(domain.pool_name, name)


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
