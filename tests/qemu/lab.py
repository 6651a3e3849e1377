"""The lab's hosts as the tests see them. What a lab is: docs/lab.md."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

LAB_COMMAND = Path(__file__).parents[2] / "deploy" / "lab" / "lab"
PARENT = Path("/var/tmp")  # short, because unix sockets lie below, and on a disk, unlike some /tmp
PREFIX = "cloudia-lab-test-"
ANSWER_S = 30  # for OVN's tools, which wait for a database for ever


@dataclass(frozen=True)
class Lab:
    """A lab in ``directory``."""

    directory: Path

    def run(self, *words: str) -> str:
        """Run a verb of ``deploy/lab/lab``; its output. Raises CalledProcessError."""
        environment = {**os.environ, "CLOUDIA_LAB": str(self.directory)}
        answer = subprocess.run(
            [LAB_COMMAND, *words], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True
        )
        return answer.stdout.decode()

    def exports(self) -> dict[str, str]:
        """What ``lab env`` prints: URIs, sockets, paths."""
        words = shlex.split(self.run("env"))
        return dict(word.split("=", 1) for word in words if "=" in word)

    @cached_property
    def northbound(self) -> str:
        """Where OVN's database of what shall be is."""
        return self.exports()["OVN_NB_DB"]

    @cached_property
    def southbound(self) -> str:
        """Where OVN's database of what is made of it is."""
        return self.exports()["OVN_SB_DB"]

    def nbctl(self, *words: str) -> str:
        """What an operator does by hand to OVN's northbound database. Raises CalledProcessError."""
        return _output("ovn-nbctl", f"--db={self.northbound}", *words)

    def sbctl(self, *words: str) -> str:
        """What OVN made of it, the independent witness. Raises CalledProcessError."""
        return _output("ovn-sbctl", f"--db={self.southbound}", *words)

    @property
    def external_network(self) -> str:
        """Three bytes of the /24 for floating IPs: ``198.18.5``. Its ``.1`` is the computer."""
        return self.exports()["CLOUDIA_LAB_EXTERNAL"].rpartition(".")[0]

    @property
    def shared_dir(self) -> Path:
        """A folder with the same path and the same files on every host."""
        return self.directory / "shared"


@dataclass(frozen=True)
class LabHost:
    """One fake physical machine."""

    lab: Lab
    name: str
    uri: str  # over its unix socket
    uri_tls: str

    @property
    def local_dir(self) -> Path:
        """A folder of this host, under this path on the host as well as for the test."""
        return self.lab.directory / self.name / "local"

    @contextmanager
    def little_room(self, directory: Path, size_bytes: int) -> Iterator[None]:
        """A file system of this size over one of its directories, empty at first."""
        self.lab.run("exec", self.name, "mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(directory))
        try:
            yield
        finally:
            self.lab.run("exec", self.name, "umount", str(directory))

    def serial_log(self, domain: str) -> str:
        """What the guest has said on the serial port that is logged to /var/log/libvirt/qemu/<domain>-serial.log."""
        log = self.lab.directory / self.name / "log" / "libvirt" / "qemu" / f"{domain}-serial.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def guest(self, domain: str, command: str) -> str:
        """What a shell command says in the guest, on its serial console. Raises CalledProcessError if it fails."""
        return self.lab.run("guest", self.name, domain, command).strip()

    def wait_for_serial(self, domain: str, text: str, seconds: float = 120, times: int = 1) -> None:
        """Wait until the guest has said ``text``, in all its boots; an AssertionError shows what it said instead."""
        deadline = time.monotonic() + seconds
        while self.serial_log(domain).count(text) < times:
            assert time.monotonic() < deadline, self.serial_log(domain)
            time.sleep(0.2)

    def hang(self) -> None:
        """Stop libvirtd with SIGSTOP: connections stay open and nobody answers."""
        self.lab.run("hang", self.name)

    def unhang(self) -> None:
        """Let libvirtd continue."""
        self.lab.run("unhang", self.name)

    def crash(self) -> None:
        """Power loss: libvirtd and the guests are gone at once."""
        self.lab.run("crash", self.name)

    def restart(self) -> None:
        """Power on again; what was on disk is still there."""
        self.lab.run("restart", self.name)


def hosts_of(lab: Lab) -> list[LabHost]:
    """The lab's hosts in order."""
    exports = lab.exports()
    return [
        LabHost(lab, name, exports[f"CLOUDIA_LAB_{name.upper()}_UNIX"], exports[f"CLOUDIA_LAB_{name.upper()}_TLS"])
        for name in exports["CLOUDIA_LAB_HOSTS"].split()
    ]


def _output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=ANSWER_S, text=True).stdout.strip()


@contextmanager
def running_lab(hosts: int, *options: str, name: str = "") -> Iterator[Lab]:
    """A lab of our own that is removed at the end, whatever else is up on the computer. A second one needs a name."""
    _remove_deserted()
    lab = Lab(PARENT / f"{PREFIX}{os.getpid()}{name and '-'}{name}")
    try:
        lab.run("up", str(hosts), *options)
        yield lab
    finally:
        lab.run("down", "--all")


def _remove_deserted() -> None:
    """Remove the labs of test sessions that were killed; the folder's name has the session's pid."""
    for directory in PARENT.glob(f"{PREFIX}*"):
        if not Path("/proc", directory.name.removeprefix(PREFIX).partition("-")[0]).exists():
            Lab(directory).run("down", "--all")
