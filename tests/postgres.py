"""A PostgreSQL cluster that lives as long as a test session."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2)
FASTER = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")  # nothing here outlives the session


def binaries() -> Path:
    """The newest installed server's folder. Raises RuntimeError when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed (apt-get install postgresql), and DATABASE_URL is not set")
    return found[-1].parent


def unprivileged() -> int | None:
    """The user to run the server as: PostgreSQL refuses root. None means: as ourselves."""
    return pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


@contextmanager
def cluster(directory: Path) -> Iterator[None]:
    """Run a server on a unix socket in ``directory`` (mode 0700), with a superuser ``cloudia`` who needs no password."""
    bin_, user = binaries(), unprivileged()
    directory.parent.chmod(0o711)
    directory.mkdir(mode=0o700)
    if user is not None:
        os.chown(directory, user, -1)
    initdb = [bin_ / "initdb", "-D", directory, "-U", "cloudia", "--auth=trust", "--no-sync", "--encoding=UTF8"]
    subprocess.run([*initdb, "--locale=C.UTF-8"], check=True, user=user, cwd="/", capture_output=True)
    options = ["listen_addresses=", f"unix_socket_directories={directory}", "max_connections=200", *FASTER]
    command = [bin_ / "postgres", "-D", directory, *(word for option in options for word in ("-c", option))]
    with (directory / "log").open("wb") as log:
        # PLW1509 warns of threads: none runs yet. The hook ends the server even after a kill -9 of pytest.
        server = subprocess.Popen(command, user=user, cwd="/", stderr=log, preexec_fn=_die_with_parent)  # noqa: PLW1509
    try:
        _wait_until_ready(bin_, directory, server)
        yield
    finally:
        server.send_signal(signal.SIGINT)  # "fast": does not wait for clients
        server.wait(30)


def _wait_until_ready(bin_: Path, directory: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while subprocess.run([bin_ / "pg_isready", "-q", "-h", directory]).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {(directory / 'log').read_text()}")
        time.sleep(0.05)
