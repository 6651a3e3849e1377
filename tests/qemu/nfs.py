"""An NFS server in userspace, where guests find it: at the computer's address in a lab's external network."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from tests.qemu.lab import PARENT

PORT = 2049
READY_S = 60
# NFS 4 alone: no port mapper, no lock manager. Without a grace period, which would keep clients waiting.
CONFIGURATION = """
NFS_CORE_PARAM {{ Bind_addr = {address}; NFS_Port = {port}; Protocols = 4; Enable_NLM = false; Enable_RQUOTA = false;
                  Enable_UDP = false; }}
NFSV4 {{ Graceless = true; RecoveryBackend = fs; RecoveryRoot = {directory}/recovery; }}
EXPORT {{ Export_Id = 1; Path = {directory}/files; Pseudo = "/{name}"; Access_Type = RW; Squash = No_Root_Squash;
          SecType = sys; FSAL {{ Name = VFS; }} }}
"""


@dataclass(frozen=True)
class NFSServer:
    """``export`` as a guest mounts it; ``files`` is the folder behind it."""

    export: str
    files: Path


@contextmanager
def nfs_server(address: str, name: str) -> Iterator[NFSServer]:
    """nfs-ganesha at ``address``, which exports an empty folder as ``/<name>``; stopped and removed at the end."""
    directory = Path(mkdtemp(prefix="cloudia-nfs-", dir=PARENT))  # on a disk: it needs file handles
    server = NFSServer(f"{address}:/{name}", directory / "files")
    server.files.mkdir()
    (directory / "recovery").mkdir()
    configuration = directory / "ganesha.conf"
    configuration.write_text(CONFIGURATION.format(address=address, port=PORT, directory=directory, name=name))
    log = directory / "log"
    command: list[str | Path] = ["ganesha.nfsd", "-F", "-f", configuration, "-L", log, "-p", directory / "pid"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        _wait(process, address, log)
        yield server
    finally:
        process.kill()  # it would write its clients down first, which takes seconds
        process.wait()
        shutil.rmtree(directory)


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((address, PORT), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text() if log.exists() else "ganesha.nfsd did not start")
