"""Whether hosts have the storage they should: the part of ``manage.py doctor`` about storage domains."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from django.utils.translation import gettext as _

from cloudia.core.diagnosis import Finding
from cloudia.core.errors import CloudiaError
from cloudia.hosts.models import Host
from cloudia.virt import Hypervisor
from storage.enums import StrayKind
from storage.models import GIB, StorageAttachment, StorageDomain
from storage.pools import not_mounted, place_of

LEAST_FREE_BYTES = GIB  # where disks of guests soon fail


def findings_on(host: Host, hypervisor: Hypervisor) -> Iterator[Finding]:
    """Each storage domain that the host should have."""
    for attachment in StorageAttachment.objects.filter(host=host).select_related("domain"):
        try:
            yield _pool(host, hypervisor, attachment.domain)
        except CloudiaError as error:
            start = _virsh(host, "pool-start", attachment.domain.pool_name)
            yield Finding(f"{_place(host, attachment.domain)}: {error}", start)


def findings() -> Iterator[Finding]:
    """Storage domains that rows miss files in, which nobody but an operator can put right."""
    for domain in StorageDomain.objects.filter(strays__kind=StrayKind.MISSING).distinct():
        missing = domain.strays.filter(kind=StrayKind.MISSING)
        words = {"domain": domain, "count": missing.count(), "file": missing[0].name}
        what = _("%(domain)s: %(count)s files are missing, among them %(file)s") % words
        yield Finding(what, shlex.join(["python", "manage.py", "storage_garbage", "--domain", domain.name]))


def _pool(host: Host, hypervisor: Hypervisor, domain: StorageDomain) -> Finding:
    place, pool = _place(host, domain), hypervisor.pools.info(domain.pool_name)
    if pool is None:
        attach = shlex.join(["python", "manage.py", "attach_storage", domain.name, host.name])
        return Finding(_("%(place)s: the pool is not there") % {"place": place}, attach)
    if not pool.active:
        start = _virsh(host, "pool-start", domain.pool_name)
        return Finding(_("%(place)s: the pool is not active") % {"place": place}, start)
    if domain.marked and hypervisor.volumes.info(domain.pool_name, domain.pool_name) is None:
        return Finding(str(not_mounted(domain, host)), f"findmnt {shlex.quote(pool.path)}  # {host}")
    what = _("%(place)s: %(free).1f GiB free") % {"place": place, "free": pool.available_bytes / GIB}
    return Finding(what, "" if pool.available_bytes >= LEAST_FREE_BYTES else shlex.join(["df", "-h", pool.path]))


def _place(host: Host, domain: StorageDomain) -> str:
    return f"{host}, {domain} ({place_of(domain)})"


def _virsh(host: Host, *words: str) -> str:
    return shlex.join(["virsh", "-c", host.uri, *words])
