"""Storage domains: what operators ask of them."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.errors import InputError, OperationFailed
from cloudia.core.policy import ActionDenied
from cloudia.core.validation import clean
from cloudia.hosts.models import Host
from cloudia.virt import hypervisor
from storage import policies
from storage.attachments import record_pool
from storage.enums import DomainKind, Media
from storage.models import StorageAttachment, StorageDomain

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
