"""Daemons of Open vSwitch and OVN: enabled where systemd runs them, started by us where nothing does."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deploy.errors import StartError
from deploy.init import has_systemd

PATIENCE = 20  # seconds that a daemon gets to start; measured: 0.1 s
# ovsdb-server gives its sockets mode 0770, less the umask; a group's rights are the most that an ACL can give.
UMASK = 0o007


@dataclass(frozen=True)
class Part:
    """Daemons that are started together."""

    unit: str  # systemd's; it stays "active" when one of its services has ended, so these are started by name
    services: tuple[str, ...]
    command: tuple[str, ...]  # starts it where there is no systemd, each daemon with a monitor that restarts it
    daemons: dict[Path, str]  # pid file to program
    logs: str


def start(part: Part) -> None:
    """Unless it runs. Raises StartError."""
    if all(_runs(*daemon) for daemon in part.daemons.items()):
        return
    answer = _systemctl_start(part) if has_systemd() else _captured(*part.command)
    patience = 0 if answer.returncode else PATIENCE
    if not all(becomes(partial(_runs, *daemon), patience) for daemon in part.daemons.items()):
        said = [line for line in (answer.stdout + answer.stderr).splitlines() if "fail" in line.lower()]
        raise StartError(f"{part.unit} does not start: {(said or [f'see {part.logs}'])[0]}")


def _systemctl_start(part: Part) -> subprocess.CompletedProcess[str]:
    _captured("systemctl", "enable", part.unit)
    return _captured("systemctl", "start", part.unit, *part.services)


def _captured(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, umask=UMASK)


def _runs(pid_file: Path, program: str) -> bool:
    """The test that the packages' own scripts make."""
    try:
        return Path(f"/proc/{int(pid_file.read_text())}/comm").read_text().strip() == program
    except (OSError, ValueError):
        return False


def becomes(fact: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether it is true, or becomes true in time."""
    deadline = time.monotonic() + seconds
    while not (true := fact()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return true
