"""What cloud-init in a guest is told: the disc that its data source NoCloud reads.

https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html. Names and paths are data in it, never part of a
script or of a document's structure: user data is JSON, which YAML includes, and scripts get them as arguments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from io import BytesIO
from typing import Any

from pycdlib.pycdlib import PyCdlib

from instances.models import Instance, InstanceMount
from storage.enums import FileSystemKind

LABEL = "CIDATA"  # how the data source finds its disc
HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")  # one label of RFC 1123, 2.1
# A guest boots without what can't be mounted; what needs the network waits for it.
OPTIONS: Mapping[str, str] = {FileSystemKind.NFS: "nofail,_netdev", FileSystemKind.VIRTIOFS: "nofail"}
# fstab(5): what would end a field, and what begins such an escape.
_ESCAPES = str.maketrans({" ": r"\040", "\t": r"\011", "\n": r"\012", "\\": r"\134"})


def disc_of(instance: Instance, mounts: Iterable[InstanceMount]) -> bytes:
    """The disc for an instance, as an ISO 9660 image."""
    files = {"meta-data": _json(meta_data(instance)), "user-data": b"#cloud-config\n" + _json(user_data(mounts))}
    disc = PyCdlib()
    disc.new(interchange_level=3, vol_ident=LABEL, rock_ridge="1.09")
    for number, (name, content) in enumerate(files.items()):
        disc.add_fp(BytesIO(content), len(content), f"/FILE{number}.;1", rr_name=name, file_mode=0o100444)
    image = BytesIO()
    disc.write_fp(image)
    disc.close()
    return image.getvalue()


def meta_data(instance: Instance) -> dict[str, str]:
    """Who the guest is. Its id never changes: that is how cloud-init knows a first boot."""
    return {"instance-id": str(instance.pk), "local-hostname": hostname(instance)}


def hostname(instance: Instance) -> str:
    """The instance's name where that can be one, else its readable id."""
    return instance.name if HOSTNAME.fullmatch(instance.name) else instance.short_id


def user_data(mounts: Iterable[InstanceMount]) -> dict[str, Any]:
    """``bootcmd`` runs at every boot, unlike cloud-init's own ``mounts``, which would miss what changes later."""
    script = (resources.files("instances") / "guest" / "mounts.sh").read_text()
    return {"bootcmd": [["sh", "-c", script, "cloudia-mounts", fstab(mounts)]]}


def fstab(mounts: Iterable[InstanceMount]) -> str:
    """A line of fstab(5) for each."""
    return "\n".join(_line(mount) for mount in sorted(mounts, key=lambda mount: mount.mount_path))


def _line(mount: InstanceMount) -> str:
    kind = mount.filesystem.kind
    source = mount.filesystem.tag if kind == FileSystemKind.VIRTIOFS else mount.filesystem.export
    return f"{source.translate(_ESCAPES)} {mount.mount_path.translate(_ESCAPES)} {kind} {OPTIONS[kind]} 0 0"


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()
