"""Storage domains: what operators ask of them. What touches hosts is a job."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.errors import InputError
from cloudia.core.faults import Faults
from cloudia.core.rows import checked, locked
from cloudia.core.validation import clean
from cloudia.hosts.models import Host
from cloudia.hosts.placement import lock_placement
from cloudia.jobs.models import Job
from cloudia.jobs.services import job_enqueue
from storage import policies
from storage.domain_operations import AttachDomain, CleanDomain, DetachDomain, ScanDomain
from storage.domain_rules import check_domain
from storage.enums import DomainKind, Media, StrayKind
from storage.models import StorageAttachment, StorageDomain, StrayFile

MAX_AT_ONCE = 500  # files that one job deletes


@audited("storage_domain.create")
def storage_domain_create(
    *,
    actor: Actor,
    name: str,
    kind: str = DomainKind.DIR,
    path: str = "",
    server: str = "",
    source: str = "",
    username: str = "",
    secret: str = "",
    media: str = Media.SSD,
    over_commit: Decimal = Decimal(10),
) -> StorageDomain:
    """A new storage domain on no host yet; which fields it needs, its kind says (:mod:`storage.kinds`).

    Raises ActionDenied, or InputError at every field that is wrong.
    """
    where = {"path": path, "server": server, "source": source, "username": username}
    domain = StorageDomain(name=name.strip(), kind=kind, media=media, over_commit=over_commit)
    for field, text in where.items():
        setattr(domain, field, text.strip())
    policies.CREATE_DOMAIN.check(domain, actor)
    check_domain(domain, secret)
    clean(domain)
    domain.set_secret(secret)
    domain.save(force_insert=True)
    return domain


@audited("storage_domain.edit", target="domain")
def storage_domain_edit(*, actor: Actor, domain: StorageDomain, **changes: Any) -> StorageDomain:
    """Change ``name``, ``media``, ``over_commit`` or ``secret`` (empty: as it was); where its files are stays.

    Raises ActionDenied or InputError.
    """
    row = checked(policies.EDIT_DOMAIN, domain, actor)
    row.name = changes.get("name", row.name).strip()
    for name in ("media", "over_commit"):
        setattr(row, name, changes.get(name, getattr(row, name)))
    if secret := changes.get("secret"):
        _check_has_secret(row)
        row.set_secret(secret)
    clean(row)
    row.save(update_fields=["name", "media", "over_commit", "sealed_secret"])
    return row


@audited("storage_domain.delete", target="domain")
def storage_domain_delete(*, actor: Actor, domain: StorageDomain) -> None:
    """Remove one that nothing lies in and no host has. Raises ActionDenied."""
    checked(policies.DELETE_DOMAIN, domain, actor).delete()


@audited("storage_domain.attach", target="domain")
def storage_domain_attach(*, actor: Actor, domain: StorageDomain, host: Host) -> Job:
    """Queue making its pool on the host. Raises ActionDenied, or InputError at ``host`` if the host has it."""
    attached = StorageAttachment.objects.filter(domain=domain, host=host).exists()
    if attached and policies.EDIT_DOMAIN.denial(domain, actor) is None:
        raise InputError.at("host", _("“%(host)s” has it already.") % {"host": host}, "taken")
    row = checked(policies.ATTACH, domain, actor)
    return job_enqueue(operation=AttachDomain, target=row, actor=actor, params={"host": str(host.pk)})


@audited("storage_domain.detach", target="attachment")
def storage_domain_detach(*, actor: Actor, attachment: StorageAttachment) -> Job:
    """Queue forgetting its pool on a host; files stay. Nothing new is placed there from now on. Raises ActionDenied."""
    lock_placement()
    domains = locked(StorageDomain, [attachment.domain])  # its last two hosts can't both go
    row = checked(policies.DETACH, attachment, actor)
    row.leaving = True
    row.save(update_fields=["leaving"])
    params = {"host": str(row.host_id)}
    return job_enqueue(operation=DetachDomain, target=domains[row.domain_id], actor=actor, params=params)


@audited("storage_domain.forget", target="attachment")
def storage_domain_forget(*, actor: Actor, attachment: StorageAttachment) -> None:
    """Detach it, at once, from a host that never answers again; nothing is done there. Raises ActionDenied."""
    lock_placement()
    domain = locked(StorageDomain, [attachment.domain])[attachment.domain_id]  # its last two hosts can't both go
    checked(policies.FORGET, attachment, actor).delete()
    if not domain.attachments.exists():
        domain.marked = False  # as after detaching: the next host is its first
        domain.save(update_fields=["marked"])


@audited("storage_domain.scan", target="domain")
def storage_domain_scan(*, actor: Actor, domain: StorageDomain) -> Job:
    """Queue comparing its files with the rows; the report is in ``domain.strays``. Raises ActionDenied."""
    row = checked(policies.SCAN, domain, actor)
    return job_enqueue(operation=ScanDomain, target=row, actor=actor, params={})


@audited("storage_domain.clean", target="domain")
def storage_domain_clean(*, actor: Actor, domain: StorageDomain, files: Iterable[StrayFile]) -> Job:
    """Queue deleting files that the last report calls left over; each is looked at once more before.

    Raises ActionDenied, or InputError at ``files``.
    """
    row = checked(policies.CLEAN, domain, actor)
    chosen = list(files)
    _check_chosen(row, chosen)
    names = [stray.name for stray in chosen]
    return job_enqueue(operation=CleanDomain, target=row, actor=actor, params={"names": names})


def _check_has_secret(domain: StorageDomain) -> None:
    if "secret" not in domain.traits.needs:
        raise InputError.at("secret", _("Storage domains of this kind have none."), "not_supported")


def _check_chosen(domain: StorageDomain, chosen: list[StrayFile]) -> None:
    faults = Faults()
    faults.require(bool(chosen), "files", "required", _("Choose the files to delete."))
    too_many = _("Choose at most %(most)s files at once.") % {"most": MAX_AT_ONCE}
    faults.require(len(chosen) <= MAX_AT_ONCE, "files", "too_many", too_many)
    ours = all(stray.domain_id == domain.pk and stray.kind == StrayKind.ORPHAN for stray in chosen)
    faults.require(ours, "files", "not_usable", _("Only files that are left over can be deleted."))
    old = all(stray.is_old_enough for stray in chosen)
    faults.require(old, "files", "not_usable", _("A file can be deleted an hour after it was first seen."))
    faults.raise_if_any()
