"""The users without privileges: CloudiA's own, and the one that guests run as."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from pathlib import Path

from deploy.config import HOME, USER

LIBVIRT_GROUP = "libvirt"  # may use libvirt's socket; the distributions' own name
QEMU_USER, KVM_GROUP = "libvirt-qemu", "kvm"  # compiled into the distributions' libvirt
QEMU_ID = 64055  # its uid and gid on every Debian and Ubuntu, so that hosts agree on shared storage


def ensure() -> pwd.struct_passwd:
    """Make the user and the group, unless they are there."""
    if not _exists(LIBVIRT_GROUP):
        _run("groupadd", "--system", LIBVIRT_GROUP)
    if not _is_user(USER):
        _run("useradd", "--system", "--user-group", "--home-dir", str(HOME), "--shell", "/usr/sbin/nologin", USER)
    if USER not in grp.getgrnam(LIBVIRT_GROUP).gr_mem:
        _run("usermod", "--append", "--groups", LIBVIRT_GROUP, USER)
    return pwd.getpwnam(USER)


def ensure_qemu() -> None:
    """Make the user and the groups that guests run as, unless they are there.

    Debian 12 and Ubuntu do it in libvirt-daemon-system, which belongs to systemd. Without them libvirtd runs and knows
    no QEMU.
    """
    _run("groupadd", "--system", "--force", KVM_GROUP)
    _run("groupadd", "--force", "--gid", str(QEMU_ID), QEMU_USER)
    if not _is_user(QEMU_USER):
        home = ("--home-dir", "/var/lib/libvirt", "--no-create-home", "--shell", "/usr/sbin/nologin")
        _run("useradd", "--uid", str(QEMU_ID), "--gid", KVM_GROUP, "--groups", QEMU_USER, *home, QEMU_USER)


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


def _is_user(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
