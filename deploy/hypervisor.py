"""libvirt's daemons: enabled where systemd runs them, started by us where nothing does. They outlive CloudiA."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

from deploy.account import KVM_GROUP, LIBVIRT_GROUP, QEMU_USER, ensure_qemu
from deploy.config import USER
from deploy.errors import StartError
from deploy.init import has_systemd

KVM, SOCKETS = Path("/dev/kvm"), Path("/run/libvirt")
URI = "qemu:///system"
MONOLITHIC = ("virtlogd", "libvirtd")
MODULAR = ("virtlogd", "virtsecretd", "virtnodedevd", "virtnetworkd", "virtstoraged", "virtqemud")
# Only for daemons that we start. The distribution's /etc/libvirt/libvirtd.conf is left alone.
CONFIGURATION = f"""\
unix_sock_group = "{LIBVIRT_GROUP}"
unix_sock_rw_perms = "0770"
auth_unix_ro = "none"
auth_unix_rw = "none"
"""


def ensure(folder: Path) -> None:
    """Let libvirt answer the user ``cloudia``; ``folder`` takes the daemons' configuration. Raises StartError."""
    if not _answers():
        if has_systemd():
            _enable_units()
        else:
            ensure_qemu()
            _open_kvm()
            _start_daemons(folder)
        _wait()
    if not _answers(user=USER):
        raise StartError(f"libvirt runs, but the user {USER} may not use it: see who owns /run/libvirt/libvirt-sock.")


def _answers(user: str | None = None) -> bool:
    command = [*(["runuser", "-u", user, "--"] if user else []), "virsh", "-q", "-c", URI, "version"]
    try:
        answer = subprocess.run(command, cwd="/", capture_output=True, timeout=15)
    except subprocess.TimeoutExpired:
        raise StartError("libvirtd is there but does not answer within 15 s: restart it.") from None
    return answer.returncode == 0


def _enable_units() -> None:
    for sockets in ("libvirtd.socket",), ("virtqemud.socket", "virtstoraged.socket", "virtnodedevd.socket"):
        if all(subprocess.run(["systemctl", "cat", unit], capture_output=True).returncode == 0 for unit in sockets):
            subprocess.run(["systemctl", "enable", "--now", "virtlogd.socket", *sockets], check=True)
            return
    raise StartError("systemd knows no unit of libvirt: is libvirt-daemon-system installed?")


def _open_kvm() -> None:
    """Give /dev/kvm to the group kvm, as udev's rule does where udev runs.

    Without it QEMU's user sees no KVM and libvirtd, as root, does: it then asks QEMU anew before every answer, which
    takes seconds (virQEMUCapsIsValid compares the two).
    """
    if not KVM.exists() or KVM.stat().st_gid != 0:
        return
    subprocess.run(["usermod", "--append", "--groups", KVM_GROUP, QEMU_USER], check=True, capture_output=True)
    shutil.chown(KVM, group=KVM_GROUP)
    KVM.chmod(0o660)


def _start_daemons(folder: Path) -> None:
    daemons = MONOLITHIC if shutil.which("libvirtd") else MODULAR
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "libvirtd.conf"
    configuration.write_text(CONFIGURATION)
    # libvirtd makes it only after the first guest's serial log was to be opened there.
    Path("/var/log/libvirt/qemu").mkdir(parents=True, exist_ok=True)
    # libvirtd's embedded driver makes it for root alone, and libvirtd leaves it as it is.
    SOCKETS.mkdir(exist_ok=True)
    SOCKETS.chmod(0o755)
    for daemon in daemons:
        if _listens(daemon):
            continue
        options = [] if daemon == "virtlogd" else ["-f", str(configuration)]
        answer = subprocess.run([daemon, "-d", *options], capture_output=True, text=True)
        if answer.returncode:
            raise StartError(f"{daemon} does not start: {answer.stderr.strip().splitlines()[-1]}")


def _listens(daemon: str) -> bool:
    name = "libvirt" if daemon == "libvirtd" else daemon
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(SOCKETS / f"{name}-sock")) == 0


def _wait(seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not _answers():
        if time.monotonic() > deadline:
            raise StartError("libvirtd was started but does not answer: see /var/log/libvirt/libvirtd.log.")
        time.sleep(0.1)
