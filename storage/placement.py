"""Which hosts can run guests whose disks are in a storage domain."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Text
from cloudia.hosts.models import Host
from storage.models import StorageAttachment, StorageDomain, Volume


def hosts_having(domain: StorageDomain) -> list[Host]:
    """The hosts that have the storage domain, working or not: :func:`has_storage` says which don't, and why."""
    rows = StorageAttachment.objects.filter(domain=domain).select_related("domain", "host__network").order_by("pk")
    for attachment in rows:
        attachment.host.storage_problem = _problem(attachment)  # type: ignore[attr-defined]  # for has_storage
    return [attachment.host for attachment in rows]


def mark_storage(host: Host, volumes: Iterable[Volume]) -> Host:
    """The host of a guest that has these disks, knowing what is wrong there with where they are: for has_storage."""
    wanted = StorageDomain.objects.filter(volumes__in=volumes).distinct().order_by("name")
    rows = StorageAttachment.objects.filter(host=host, domain__in=wanted).select_related("domain")
    there = {row.domain_id: row for row in rows}
    problems = [_problem(there[domain.pk]) if domain.pk in there else _lacking(domain) for domain in wanted]
    host.storage_problem = next(filter(None, problems), None)  # type: ignore[attr-defined]  # for has_storage
    return host


def has_storage(host: Host) -> Text | None:
    """Why guests can't have their disks there, or None; known after :func:`hosts_having` or :func:`mark_storage`."""
    problem: Text | None = getattr(host, "storage_problem", None)
    return problem


def _lacking(domain: StorageDomain) -> Text:
    return format_lazy(_("storage domain “{name}” is not attached to it"), name=domain.name)


def _problem(attachment: StorageAttachment) -> Text | None:
    if attachment.leaving:
        return format_lazy(_("storage domain “{name}” is being detached"), name=attachment.domain.name)
    if attachment.active:
        return None
    words = {"name": attachment.domain.name, "problem": attachment.problem.rstrip(".")}
    if not words["problem"]:
        return format_lazy(_("storage domain “{name}” does not work there"), **words)
    return format_lazy(_("storage domain “{name}” does not work there: {problem}"), **words)
