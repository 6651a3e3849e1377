"""Writing what was seen of storage on hosts: the only place where an attachment's observed fields change."""

from __future__ import annotations

from django.utils import timezone

from cloudia.hosts.models import Host
from cloudia.virt import PoolInfo
from storage.models import StorageAttachment, StorageDomain


def record_pool(domain: StorageDomain, host: Host, pool: PoolInfo | None) -> StorageAttachment:
    """The pool as it was just found on the host; None: it is not there or does not work."""
    seen = {"active": pool is not None and pool.active, "checked_at": timezone.now()}
    if pool is not None:
        seen |= {"capacity_bytes": pool.capacity_bytes, "available_bytes": pool.available_bytes}
    return StorageAttachment.objects.update_or_create(domain=domain, host=host, defaults=seen)[0]
