"""A storage domain as the pool that it is on each host, and the marker that tells its files from an empty directory.

A directory whose file system is not mounted looks like an empty one. So the first host that gets a storage domain of
files writes a marker into it, an empty volume with the pool's name; where it is not found, the files are elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import OperationFailed
from cloudia.hosts.models import Host
from cloudia.virt import Hypervisor, PoolInfo, PoolKind, PoolSpec, hypervisor
from storage.enums import DomainKind
from storage.models import StorageDomain

MARKER_BYTES = 1 << 20  # sparse; libvirt makes no smaller ones in some pools
NFS_MOUNTS = "/var/lib/cloudia/nfs"  # where hosts mount storage domains of this kind, each below its id
POOL_KINDS: Mapping[str, PoolKind] = {
    DomainKind.DIR: PoolKind.DIR,
    DomainKind.SHARED_DIR: PoolKind.DIR,
    DomainKind.NFS: PoolKind.NETFS,
    DomainKind.LVM: PoolKind.LOGICAL,
    DomainKind.RBD: PoolKind.RBD,
}


def gateway(host: Host) -> Hypervisor:
    """The host's libvirt."""
    return hypervisor(host.endpoint)


def pool_spec(domain: StorageDomain) -> PoolSpec:
    """The pool as libvirt shall have it, secret included."""
    return PoolSpec(
        name=domain.pool_name,
        uuid=domain.pk,
        kind=POOL_KINDS[domain.kind],
        path=f"{NFS_MOUNTS}/{domain.pk}" if domain.kind == DomainKind.NFS else domain.path,
        host=domain.server,
        source=domain.source,
        username=domain.username,
        secret=domain.secret,
    )


def pool_ensure(domain: StorageDomain, host: Host) -> PoolInfo:
    """The running pool on the host. Raises CloudiaError.

    A local directory is made if it is new; one that others share must be there.
    """
    return _ensure(domain, host, make=domain.kind == DomainKind.DIR and not domain.marked)


def pool_again(domain: StorageDomain, host: Host) -> PoolInfo:
    """The same for a host that had it: its directory must be there. Raises CloudiaError."""
    return _ensure(domain, host, make=False)


def _ensure(domain: StorageDomain, host: Host, *, make: bool) -> PoolInfo:
    if domain.path:
        gateway(host).pools.ensure_directory(domain.path, domain.pool_name, make=make)
    return gateway(host).pools.ensure(pool_spec(domain))


def marker_ensure(domain: StorageDomain, host: Host) -> None:
    """Write the marker, if there isn't one; kinds that are no directories need none."""
    if domain.traits.of_files:
        gateway(host).volumes.ensure_empty(domain.pool_name, domain.pool_name, MARKER_BYTES, "raw")


def marker_remove(domain: StorageDomain, host: Host) -> None:
    """Delete the marker, if the pool works."""
    pool = gateway(host).pools.info(domain.pool_name)
    if domain.traits.of_files and pool and pool.active:
        gateway(host).volumes.delete(domain.pool_name, domain.pool_name)


def marker_check(domain: StorageDomain, host: Host) -> None:
    """Raise OperationFailed (``not_mounted``) if what the pool shows is not the storage domain."""
    if domain.marked and gateway(host).volumes.info(domain.pool_name, domain.pool_name) is None:
        raise not_mounted(domain, host)


def not_mounted(domain: StorageDomain, host: Host) -> OperationFailed:
    """The marker is not there."""
    message = _("{path} on {host} does not have the files of this storage domain. Is its file system mounted?")
    return OperationFailed(format_lazy(message, path=place_of(domain), host=host.name), code="not_mounted")


def unproved(domain: StorageDomain) -> OperationFailed:
    """It has no marker, several hosts, and nothing in it that shows which of them have the same files."""
    message = _(
        "It is not proved that the hosts see the same files in {path}. Detach it from all hosts but one, and attach it "
        "to the others again."
    )
    return OperationFailed(format_lazy(message, path=place_of(domain)), code="not_shared")


def place_of(domain: StorageDomain) -> str:
    """Where its files are, for people: a directory, an export, a volume group, a Ceph pool."""
    if domain.kind == DomainKind.NFS:
        return f"{domain.server}:{domain.source}"
    return domain.path or domain.source
