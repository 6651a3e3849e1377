"""What each kind of storage domain is to libvirt, and what it can do: the one place that tells kinds apart.

NFS, LVM and Ceph pools need kernel modules and servers of their own; see docs/storage.md for what was tried where.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from storage.enums import DomainKind


@dataclass(frozen=True, slots=True)
class Kind:
    """``format``: of the volumes in it. ``needs``: the fields that an operator fills in."""

    shared: bool  # whether several hosts may have it
    format: str  # "qcow2" in files; block devices are what they are
    links: bool  # whether a disk can begin as a reference to an image instead of a copy
    grows: bool  # whether libvirt can enlarge its volumes
    takes_uploads: bool  # whether libvirt can write bytes into its volumes
    of_files: bool  # whether it is a directory, which may be empty because nothing is mounted there
    needs: tuple[str, ...]


KINDS: Mapping[str, Kind] = {
    DomainKind.DIR: Kind(False, "qcow2", True, True, True, True, ("path",)),
    DomainKind.SHARED_DIR: Kind(True, "qcow2", True, True, True, True, ("path",)),
    DomainKind.NFS: Kind(True, "qcow2", True, True, True, True, ("server", "source")),
    # libvirt's logical pool enlarges no volumes; its references are LVM snapshots (storage_backend_logical.c).
    DomainKind.LVM: Kind(False, "raw", False, False, True, False, ("source",)),
    # libvirt's RBD pool has no upload: images come from elsewhere (storage_backend_rbd.c).
    DomainKind.RBD: Kind(True, "raw", False, True, False, False, ("server", "source", "username", "secret")),
}
