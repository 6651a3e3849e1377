"""``make run`` for real: a clone of this checkout, installed, started, killed in part, stopped and started again."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parents[3]
INSTALLATION = 360  # seconds that the issue gives a first start
CONTINUATION = 30  # seconds for a later one, on a machine that does other things as well
BACK_AGAIN = 30  # seconds after a kill -9
# What libvirt's daemons have to themselves on a machine. The rest is shared with this one.
LIBVIRT = "/run /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt"
BOOT = f"""
for folder in {LIBVIRT}; do mkdir -p $folder && mount -t tmpfs -o mode=755 tmpfs $folder || exit 1; done
echo ready && exec sleep infinity
"""

pytestmark = [pytest.mark.slow, pytest.mark.qemu]


class Installation:
    """A clone with data, port and storage of its own, on the machine whose process 1 is ``machine``."""

    def __init__(self, folder: Path, machine: int) -> None:
        self.folder, self.checkout, self.pool = folder, folder / "cloudia", folder / "pool"
        self.machine, self.port = machine, free_port()
        self.command = self.inside(str(self.checkout / "deploy" / "run"))  # all that `make run` does
        subprocess.run(["git", "clone", "-q", ROOT, self.checkout], check=True)

    def inside(self, *command: str) -> list[str]:
        """The command to run something on the installation's machine."""
        return ["nsenter", "--mount", f"--target={self.machine}", f"--wd={self.folder}", *command]

    def start(self, seconds: float) -> None:
        """Start and wait until it says that it is ready."""
        with (self.folder / "log").open("w") as log:
            self.supervisor = subprocess.Popen(
                self.command, env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        wait_for(lambda: "CloudiA is ready" in self.log() or self.supervisor.poll() is not None, seconds)
        assert self.supervisor.poll() is None, self.log()

    def environment(self) -> dict[str, str]:
        """The caller's, without what makes a test's Django another one.

        OVN would stay on this machine, and its external network is the lab's too: test_network starts it elsewhere.
        """
        own = {"PORT": str(self.port), "CLOUDIA_POOL_DIR": str(self.pool), "CLOUDIA_NETWORK": "off"}
        foreign = ("CLOUDIA_", "DJANGO_", "DATABASE_URL")
        return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | own

    def stop(self) -> int:
        """Ctrl-C, as a terminal sends it: to the whole foreground group."""
        os.killpg(self.supervisor.pid, signal.SIGINT)
        return self.supervisor.wait(30)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def processes(self) -> dict[int, str]:
        """Command lines of what runs from this clone, by pid."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.checkout) in command and "libvirtd" not in command:
                found[int(entry.name)] = command
        return found

    def leader(self, part: str) -> int | None:
        """The pid of one of the supervisor's own children; its children came later and have higher ones."""
        return min((pid for pid, command in self.processes().items() if part in command), default=None)

    def status(self, path: str) -> int | None:
        """HTTP status of a page; None when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def wait_for(fact: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def machine() -> Iterator[int]:
    """A process on whose machine no libvirt runs or has ever run; what has been started there ends with the tests."""
    with subprocess.Popen(["unshare", "--mount", "sh", "-c", BOOT], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process.pid
        for pid in _neighbours(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _neighbours(pid: int) -> list[int]:
    """All processes with the mounts of this one, itself included: daemons that libvirt and CloudiA have left too."""
    mounts = Path(f"/proc/{pid}/ns/mnt").readlink()
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _mounts(entry) == mounts]


def _mounts(process: Path) -> Path | None:
    try:
        return (process / "ns" / "mnt").readlink()
    except OSError:  # it has ended
        return None


@pytest.fixture(scope="module")
def installation(machine: int) -> Iterator[Installation]:
    """CloudiA as ``make run`` leaves it; every test leaves it up."""
    folder = Path(tempfile.mkdtemp(prefix="cloudia-run-", dir="/var/tmp"))
    folder.chmod(0o755)
    installation = Installation(folder, machine)
    try:
        installation.start(INSTALLATION)
        yield installation
        assert installation.stop() == 0
    finally:
        if installation.supervisor.poll() is None:
            installation.supervisor.kill()
        shutil.rmtree(folder)


def test_nothing_that_serves_people_runs_as_root(installation: Installation) -> None:
    owners = {Path(f"/proc/{pid}").owner() for pid in installation.processes()}
    assert owners == {"cloudia"}


def test_login_page_answers(installation: Installation) -> None:
    assert installation.status("/login/") == 200


@pytest.mark.parametrize("part", ["uvicorn", "manage.py worker", "manage.py watch_hosts", "postgresql"])
def test_killed_process_is_back(installation: Installation, part: str) -> None:
    killed = installation.leader(part)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: installation.leader(part) not in {None, killed}, BACK_AGAIN)
    wait_for(lambda: installation.status("/login/") == 200, BACK_AGAIN)


def test_stop_leaves_libvirt_running_and_a_start_continues(installation: Installation) -> None:
    assert installation.stop() == 0
    assert installation.processes() == {}
    subprocess.run(installation.inside("virsh", "-q", "-c", "qemu:///system", "list"), check=True)
    installation.start(CONTINUATION)
    assert installation.status("/login/") == 200
    assert not re.search(r"(?i)password|비밀번호", installation.log()), "it is printed once, at the first start"


def test_second_start_is_refused_and_disturbs_nothing(installation: Installation) -> None:
    answer = subprocess.run(installation.command, env=installation.environment(), capture_output=True, text=True)
    assert answer.returncode == 1
    assert answer.stderr.startswith("CloudiA cannot start: CloudiA already runs with ")
    assert installation.status("/login/") == 200
