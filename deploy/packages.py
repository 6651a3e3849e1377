"""Packages of Debian and Ubuntu, installed without letting their services start."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.account import ensure_qemu
from deploy.errors import StartError
from deploy.init import has_systemd

_RELEASE = platform.freedesktop_os_release()
UBUNTU = _RELEASE["ID"] == "ubuntu"
# Newer releases made a package of each of libvirt's drivers.
_LIBVIRT_IS_WHOLE = (_RELEASE["ID"], _RELEASE.get("VERSION_ID")) in {("debian", "12"), ("ubuntu", "24.04")}
_DRIVERS = tuple(f"libvirt-daemon-driver-{name}" for name in ("storage", "nodedev", "secret", "network"))

BUILD = ("python3-venv", "python3-dev", "gcc", "pkg-config", "libvirt-dev", "gettext", "tzdata")
GUEST_IMAGE = ("grub-pc-bin", "grub-common", "fdisk", "e2fsprogs", "cpio", "kmod")
HYPERVISOR = (
    *("libvirt-clients", "qemu-system-x86", "qemu-utils", "libvirt-daemon", "libvirt-daemon-driver-qemu"),
    *(() if _LIBVIRT_IS_WHOLE else _DRIVERS),
)
WITH_SYSTEMD = ("libvirt-daemon-system",)  # brings the units, and polkit's rule for the group libvirt
POSTGRES = ("postgresql",)
NETWORK = ("openvswitch-switch", "ovn-central", "ovn-host", "iproute2", "nftables", "acl")
LAB = (*HYPERVISOR, *NETWORK, "ethtool", "gnutls-bin", "procps")
TESTS = ("chromium-browser" if UBUNTU else "chromium", "fonts-noto-cjk", "mmdebstrap", "nfs-ganesha", "nfs-ganesha-vfs")

POLICY = Path("/usr/sbin/policy-rc.d")  # invoke-rc.d(8): status 101 forbids every action on a service
APT = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}


def for_run(*, private_postgres: bool) -> tuple[str, ...]:
    """What ``make run`` needs."""
    postgres = POSTGRES if private_postgres else ()
    return (*BUILD, *GUEST_IMAGE, *HYPERVISOR, *(WITH_SYSTEMD if has_systemd() else ()), *NETWORK, *postgres)


def for_goal(goal: str) -> tuple[str, ...]:
    """What the Makefile's ``check``, ``lab`` and ``test`` need."""
    check = (*BUILD, *POSTGRES, "qemu-utils", "cpio")
    lab = (*GUEST_IMAGE, *LAB)
    return {"check": check, "lab": lab, "test": (*check, *lab, *TESTS)}[goal]


def ensure(packages: Iterable[str]) -> None:
    """Install what is missing; see ``install``."""
    missing = [package for package in dict.fromkeys(packages) if not _installed(package)]
    if missing:
        install(missing)


def install(packages: Sequence[str]) -> None:
    """Install, also what is there already. Raises StartError with apt's own last word."""
    if os.geteuid() != 0:
        raise StartError(f"these packages are missing, and only root can install them: {' '.join(packages)}")
    print(f"Installing {len(packages)} packages: {' '.join(packages)}", flush=True)
    with services_stay_off():
        _apt("update", "-q")
        _apt("install", "-y", "-q", "--no-install-recommends", *packages)


def _installed(package: str) -> bool:
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True).stdout == "installed"


def _apt(*words: str) -> None:
    answer = subprocess.run(["apt-get", *words], env=APT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if answer.returncode:
        complaints = [line for line in answer.stderr.splitlines() if line.startswith("E:")]
        raise StartError(f"apt-get {words[0]} failed: {(complaints or ['no message'])[-1]}")


@contextmanager
def services_stay_off() -> Iterator[None]:
    """Let no package start, stop or restart a service meanwhile; somebody's own policy stands."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def main(goal: str) -> None:
    """Everything of the machine that a goal of the Makefile needs."""
    packages = for_goal(goal)
    ensure(packages)
    if set(HYPERVISOR) <= set(packages):
        ensure_qemu()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except StartError as error:
        sys.exit(str(error))
