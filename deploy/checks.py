"""What can be known to fail before anything is changed. Each check raises StartError with one line."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import socket
import stat
import sys
from pathlib import Path
from typing import TextIO

from deploy.config import USER, Config
from deploy.errors import StartError
from deploy.postgres import socket_path_too_long

GIB = 1 << 30
FIRST_START_NEEDS = 3 * GIB  # packages 1 GiB, virtualenv 0.3 GiB, database, image, and a guest or two
LATER_STARTS_NEED = GIB // 2


def before_start(config: Config) -> TextIO:
    """All checks; the lock returned must stay open as long as CloudiA runs."""
    _root()
    _python()
    lock = _alone(config)
    _port_free(config)
    _readable(config)
    _space(config)
    if config.private_postgres and socket_path_too_long(config.postgres):
        raise StartError(f"{config.postgres} is too long for a unix socket: set CLOUDIA_VAR to a shorter path.")
    return lock


def _root() -> None:
    if os.geteuid() != 0:
        raise StartError(
            "the set-up needs root (sudo make run): it installs packages and starts libvirtd. "
            f"CloudiA itself runs as the user {USER}."
        )


def _python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  the linter trusts pyproject.toml, the machine has not read it
        raise StartError(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}.")


def _alone(config: Config) -> TextIO:
    name = hashlib.sha256(os.fsencode(config.var)).hexdigest()[:12]
    lock = Path(f"/run/cloudia-{name}.lock").open("a+")  # noqa: SIM115  open as long as we run: it is the lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise StartError(f"CloudiA already runs with {config.var} (process {lock.read().strip()}).") from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _port_free(config: Config) -> None:
    family = socket.AF_INET6 if ":" in config.bind else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will do
        try:
            probe.bind((config.bind, config.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartError(f"port {config.port} is taken: choose another, as in make run PORT=8001.") from None
            raise StartError(f"cannot listen on {config.bind} port {config.port}: {error.strerror or error}.") from None


def _readable(config: Config) -> None:
    for folder in (config.root, *config.root.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            raise StartError(f"the user {USER} cannot enter {folder}: clone CloudiA elsewhere, or chmod o+x {folder}.")
    for path in (config.root, config.root / "manage.py", config.root / "cloudia" / "settings.py"):
        if not path.stat().st_mode & stat.S_IROTH:
            raise StartError(f"the user {USER} cannot read {path}: run chmod -R o+rX {config.root}.")


def _space(config: Config) -> None:
    needed = LATER_STARTS_NEED if config.python.exists() else FIRST_START_NEEDS
    for folder in (Path("/"), config.root, config.var, config.pool):
        while not folder.exists():
            folder = folder.parent  # up to where it will be made
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise StartError(f"{folder} has {free / GIB:.1f} GiB of free disk space, {needed / GIB:.1f} are needed.")
