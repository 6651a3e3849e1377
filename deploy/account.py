"""The unprivileged user that CloudiA runs as."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from pathlib import Path

from deploy.config import HOME, USER

LIBVIRT_GROUP = "libvirt"  # may use libvirt's socket; the distributions' own name


def ensure() -> pwd.struct_passwd:
    """Make the user and the group, unless they are there."""
    if not _exists(LIBVIRT_GROUP):
        _run("groupadd", "--system", LIBVIRT_GROUP)
    try:
        pwd.getpwnam(USER)
    except KeyError:
        _run("useradd", "--system", "--user-group", "--home-dir", str(HOME), "--shell", "/usr/sbin/nologin", USER)
    if USER not in grp.getgrnam(LIBVIRT_GROUP).gr_mem:
        _run("usermod", "--append", "--groups", LIBVIRT_GROUP, USER)
    return pwd.getpwnam(USER)


def own_folder(folder: Path, mode: int) -> None:
    """Make a folder of the user's."""
    user = pwd.getpwnam(USER)
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, user.pw_uid, user.pw_gid)
    folder.chmod(mode)


def become() -> None:
    """Drop root, for this process and all that it starts, for good."""
    user = pwd.getpwnam(USER)
    os.initgroups(USER, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def _exists(group: str) -> bool:
    return any(entry.gr_name == group for entry in grp.getgrall())


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
