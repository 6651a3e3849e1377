"""A private PostgreSQL cluster: reachable through a unix socket in its own folder, and through nothing else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from deploy.errors import StartError

SERVERS = Path("/usr/lib/postgresql")  # where Debian and Ubuntu keep every major version
SOCKET_PATH_LIMIT = 107  # bytes, unix(7)
SOCKET_NAME = "/.s.PGSQL.5432"


def binaries(directory: Path | None = None) -> Path:
    """The programs' folder: the newest version, or the one that ``directory`` was made with.

    Raises StartError.
    """
    marker = directory / "PG_VERSION" if directory else None
    wanted = marker.read_text().strip() if marker and marker.exists() else "*"
    found = sorted(SERVERS.glob(f"{wanted}/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise StartError("PostgreSQL is not installed" if wanted == "*" else f"{directory} needs PostgreSQL {wanted}")
    return found[-1].parent


def socket_path_too_long(directory: Path) -> bool:
    """Whether the kernel would refuse the socket's path."""
    return len(os.fsencode(f"{directory}{SOCKET_NAME}")) > SOCKET_PATH_LIMIT


def initialise(directory: Path, user: int | None) -> None:
    """Make the cluster, unless it is there, owned by the user id ``user`` (None: by ourselves).

    Its superuser ``cloudia`` needs no password, because the folder (mode 0700) keeps everybody else out.
    Raises CalledProcessError and StartError.
    """
    if (directory / "PG_VERSION").exists():
        return
    directory.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        os.chown(directory, user, -1)
    initdb = [str(binaries() / "initdb"), "-D", str(directory), "-U", "cloudia", "--auth=trust"]
    # Byte order is also the alphabetical order of Hangul syllables, and doesn't change when the C library does.
    command = [*initdb, "--encoding=UTF8", "--locale=C.UTF-8"]
    subprocess.run(command, check=True, user=user, cwd="/", capture_output=True)


def server_command(directory: Path, *options: str) -> list[str]:
    """The server in the foreground; ``options`` like ``fsync=off``. SIGINT stops it without waiting for clients."""
    settings = ("listen_addresses=", f"unix_socket_directories={directory}", "max_connections=200", *options)
    server = [str(binaries(directory) / "postgres"), "-D", str(directory)]
    return [*server, *(word for setting in settings for word in ("-c", setting))]


def ready_command(directory: Path) -> list[str]:
    """Exits with 0 when the server takes connections."""
    return [str(binaries(directory) / "pg_isready"), "-q", "-h", str(directory), "-U", "cloudia", "-d", "postgres"]
