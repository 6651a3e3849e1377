"""Writing what was seen of storage on hosts: the only place where an attachment's observed fields change."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Text
from cloudia.core.text import in_every_language
from cloudia.hosts.models import Host
from cloudia.virt import PoolInfo
from storage.models import StorageAttachment, StorageDomain

NOT_THERE = _("The pool is not there.")
NOT_ACTIVE = _("The pool is not active.")


def record_pool(domain: StorageDomain, host: Host, pool: PoolInfo | None) -> StorageAttachment:
    """The pool of a host that gets it, as it was just found; None: it is not there. Makes the row."""
    return StorageAttachment.objects.update_or_create(domain=domain, host=host, defaults=_seen(pool))[0]


def record_look(domain: StorageDomain, host: Host, pool: PoolInfo | None) -> None:
    """The pool as it was just found. Nothing happens if the host has lost it during the look."""
    StorageAttachment.objects.filter(domain=domain, host=host).update(**_seen(pool))


def record_problem(domain: StorageDomain, host: Host, problem: Text) -> None:
    """The pool does not work there, and why. Nothing happens if the host does not have it any more."""
    StorageAttachment.objects.filter(domain=domain, host=host).update(**_problem(problem))


def _seen(pool: PoolInfo | None) -> dict[str, Any]:
    if pool is None or not pool.active:
        return _problem(NOT_THERE if pool is None else NOT_ACTIVE)
    seen = {"active": True, "problem_texts": {}, "checked_at": timezone.now()}
    return seen | {"capacity_bytes": pool.capacity_bytes, "available_bytes": pool.available_bytes}


def _problem(problem: Text) -> dict[str, Any]:
    return {"active": False, "problem_texts": in_every_language(problem), "checked_at": timezone.now()}
