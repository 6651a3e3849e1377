"""What cloud-init in a guest is told: the disc that its data source NoCloud reads.

https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html. Names and paths are data in it, never part of a
script or of a document's structure: user data is JSON, which YAML includes, and scripts get them as arguments.
What a guest makes of it, and why it is said in these ways: docs/cloud-init.md.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from io import BytesIO
from typing import Any

from pycdlib.pycdlib import PyCdlib

from instances.enums import ScriptStage
from instances.guest_wishes import DEFAULT_PASSWORD
from instances.models import SCRIPT_FOLDERS, Instance, InstanceGuest, InstanceMount, UserScript
from storage.enums import FileSystemKind

LABEL = "CIDATA"  # how the data source finds its disc
HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")  # one label of RFC 1123, 2.1
# A guest boots without what can't be mounted; what needs the network waits for it.
OPTIONS: Mapping[str, str] = {FileSystemKind.NFS: "nofail,_netdev", FileSystemKind.VIRTIOFS: "nofail"}
# fstab(5): what would end a field, and what begins such an escape.
_ESCAPES = str.maketrans({" ": r"\040", "\t": r"\011", "\n": r"\012", "\\": r"\134"})


@dataclass(frozen=True, kw_only=True)
class Told:
    """What an instance's rows say about its guest; without a first user the image's own one stays."""

    instance: Instance
    mounts: Sequence[InstanceMount] = ()
    guest: InstanceGuest | None = None
    scripts: Sequence[UserScript] = ()

    @classmethod
    def of(cls, instance: Instance) -> Told:
        """As the rows are now."""
        mounts = instance.mounts.select_related("filesystem")
        return cls(instance=instance, mounts=[*mounts], guest=instance.first_user, scripts=[*instance.scripts.all()])

    def at(self, stage: ScriptStage) -> list[UserScript]:
        """The scripts of a stage, in order."""
        return [script for script in self.scripts if script.stage == stage]


def disc_of(told: Told) -> bytes:
    """The disc for an instance, as an ISO 9660 image."""
    files = {"meta-data": _json(meta_data(told)), "user-data": b"#cloud-config\n" + _json(user_data(told))}
    disc = PyCdlib()
    disc.new(interchange_level=3, vol_ident=LABEL, rock_ridge="1.09")
    for number, (name, content) in enumerate(files.items()):
        disc.add_fp(BytesIO(content), len(content), f"/FILE{number}.;1", rr_name=name, file_mode=0o100444)
    image = BytesIO()
    disc.write_fp(image)
    disc.close()
    return image.getvalue()


def meta_data(told: Told) -> dict[str, str]:
    """Who the guest is. Its id never changes: that is how cloud-init knows a first boot.

    ``dsmode`` local: cloud-init reads everything before it brings the network up, and not right afterwards.
    """
    early = {"dsmode": "local"} if told.at(ScriptStage.PRE_NETWORK) else {}
    return {"instance-id": str(told.instance.pk), "local-hostname": hostname(told.instance), **early}


def hostname(instance: Instance) -> str:
    """The instance's name where that can be one, else its readable id."""
    return instance.name if HOSTNAME.fullmatch(instance.name) else instance.short_id


def user_data(told: Told) -> dict[str, Any]:
    """``bootcmd`` runs at every boot, unlike cloud-init's own ``mounts``, which would miss what changes later."""
    commands = [_command("mounts", fstab(told.mounts)), _command("hotplug")]
    if early := told.at(ScriptStage.PRE_NETWORK):
        scripts = [word for script in early for word in (script.file_name, _base64(script.content))]
        commands.append(_command("pre-network", SCRIPT_FOLDERS[ScriptStage.PRE_NETWORK], *scripts))
    files = [
        {"path": script.path, "permissions": "0700", "encoding": "b64", "content": _base64(script.content)}
        for script in told.at(ScriptStage.BOOT)
    ]
    first_user = _first_user(told.guest) if told.guest else {}
    return {"bootcmd": commands, **({"write_files": files} if files else {}), **first_user}


def _first_user(guest: InstanceGuest) -> dict[str, Any]:
    """The user that the image has anyway, under the wished name: with the shell, the groups and sudo of its system.

    A network takes no password that everybody knows, and none where there are keys.
    """
    keys = guest.ssh_keys.splitlines()
    user: dict[str, Any] = {"name": guest.username, "ssh_authorized_keys": keys}
    if guest.has_default_password:  # plain, since before 22.3 cloud-init does not expire hashed ones
        return {
            "user": user,
            "password": DEFAULT_PASSWORD,
            "chpasswd": {"expire": True},
            "ssh_pwauth": False,
        }
    return {
        "user": {**user, "lock_passwd": False, "hashed_passwd": guest.password_hash},
        "chpasswd": {"expire": False},
        "ssh_pwauth": not keys,
    }


def _command(script: str, *arguments: str) -> list[str]:
    """One of our scripts for guests, as a command."""
    text = (resources.files("instances") / "guest" / f"{script}.sh").read_text()
    return ["sh", "-c", text, f"cloudia-{script}", *arguments]


def _base64(text: str) -> str:
    """As cloud-init takes any text: YAML knows fewer characters than JSON."""
    return base64.b64encode(text.encode()).decode()


def fstab(mounts: Iterable[InstanceMount]) -> str:
    """A line of fstab(5) for each."""
    return "\n".join(_line(mount) for mount in sorted(mounts, key=lambda mount: mount.mount_path))


def _line(mount: InstanceMount) -> str:
    kind = mount.filesystem.kind
    source = mount.filesystem.tag if kind == FileSystemKind.VIRTIOFS else mount.filesystem.export
    return f"{source.translate(_ESCAPES)} {mount.mount_path.translate(_ESCAPES)} {kind} {OPTIONS[kind]} 0 0"


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()
