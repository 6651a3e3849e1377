"""A PostgreSQL cluster that lives as long as a test session."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.postgres import initialise, ready_command, server_command
from tests.children import ends_with_parent

START_S = 120  # on a machine that is busy writing to its disk
FASTER = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")  # nothing here outlives the session


def unprivileged() -> int | None:
    """The user to run the server as: PostgreSQL refuses root. None means: as ourselves."""
    return pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None


@contextmanager
def cluster(directory: Path, options: Sequence[str] = FASTER) -> Iterator[None]:
    """Run a server on a unix socket in ``directory``; see ``deploy.postgres``. Without ``options`` as in production."""
    user = unprivileged()
    directory.parent.chmod(0o711)
    initialise(directory, user)
    with (directory / "log").open("wb") as log:
        command, end = server_command(directory, *options), ends_with_parent(signal.SIGQUIT)
        server = subprocess.Popen(command, user=user, cwd="/", stderr=log, preexec_fn=end)
    try:
        _wait_until_ready(directory, server)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def _wait_until_ready(directory: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while subprocess.run(ready_command(directory)).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {(directory / 'log').read_text()}")
        time.sleep(0.05)
