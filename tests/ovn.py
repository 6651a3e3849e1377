"""OVN without a host: its two databases and the daemon between them, as plain processes in a throw-away folder."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.children import ends_with_parent

START_S = 30
SCHEMAS = Path("/usr/share/ovn")


@dataclass
class Ovn:
    """Where it is, and ways to hurt it. The folder's path must be short: unix sockets have 107 bytes at most."""

    folder: Path
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def northbound(self) -> str:
        """The remote of what shall be."""
        return f"unix:{self.folder}/nb.sock"

    @property
    def southbound(self) -> str:
        """The remote of what northd made of it."""
        return f"unix:{self.folder}/sb.sock"

    def start(self, *names: str) -> None:
        """Start databases (``nb``, ``sb``) and ``northd``; a database that is not there is made empty."""
        for name in names:
            self._start(name, self._northd() if name == "northd" else self._server(name))

    def _start(self, name: str, command: Sequence[str]) -> None:
        end = ends_with_parent(signal.SIGKILL)
        self._processes[name] = subprocess.Popen(command, env=self._environment, preexec_fn=end)
        if name == "northd":
            return
        self._wait_for(name)
        if "northd" in self._processes:  # left alone it would look again after up to 8 s
            self.stop("northd")
            self.start("northd")

    def stop(self, *names: str, kill: bool = False) -> None:
        """End processes, also those that are frozen."""
        for name in names:
            process = self._processes.pop(name)
            process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            process.send_signal(signal.SIGCONT)
            process.wait(10)

    def listen(self, name: str, port: int, key: Path, certificate: Path, authority: Path) -> None:
        """Have a database listen on a port of this machine as well, with TLS, until it is started again."""
        self.stop(name)
        files = [f"--private-key={key}", f"--certificate={certificate}", f"--ca-cert={authority}"]
        self._start(name, [*self._server(name), f"--remote=pssl:{port}:127.0.0.1", *files])

    def lose(self, name: str = "nb") -> None:
        """Kill a database and remove its file."""
        self.stop(name, kill=True)
        (self.folder / f"{name}.db").unlink()

    @contextmanager
    def frozen(self, name: str = "nb") -> Iterator[None]:
        """A server that takes connections and answers nothing."""
        process = self._processes[name]
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def stop_all(self) -> None:
        """End what runs."""
        self.stop(*list(self._processes))

    def empty(self) -> None:
        """Run everything, with nothing in it."""
        self.start(*(name for name in ("nb", "sb", "northd") if name not in self._processes))
        self.nbctl("init", *_all_of("Logical_Switch Logical_Router Port_Group Address_Set DHCP_Options DNS"))
        self.nbctl("clear", "NB_Global", ".", "external_ids")
        self.sbctl("init", *_all_of("Chassis_Private Chassis"))
        self.nbctl("--wait=sb", "sync")

    def nbctl(self, *arguments: str) -> str:
        """What an operator does by hand."""
        return self._run("ovn-nbctl", f"--db={self.northbound}", "--no-leader-only", *arguments)

    def sbctl(self, *arguments: str) -> str:
        """What a host's ovn-controller does."""
        return self._run("ovn-sbctl", f"--db={self.southbound}", "--no-leader-only", *arguments)

    def trace(self, switch: str, packet: str) -> str:
        """How a packet travels that no probe describes: one of a new connection."""
        options = [f"--db={self.southbound}", "--no-leader-only", "--no-friendly-names", *["--ct=new"] * 16]
        return self._run("ovn-trace", *options, switch, packet)

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self._environment, check=True, stdout=subprocess.PIPE, text=True, timeout=START_S
        )
        return done.stdout.strip()

    @property
    def _environment(self) -> dict[str, str]:
        places = ("OVN_RUNDIR", "OVS_RUNDIR", "OVN_DBDIR", "OVS_LOGDIR", "OVN_LOGDIR")
        return {**os.environ, **dict.fromkeys(places, str(self.folder))}

    def _server(self, name: str) -> Sequence[str]:
        database = self.folder / f"{name}.db"
        if not database.exists():
            subprocess.run(["ovsdb-tool", "create", database, SCHEMAS / f"ovn-{name}.ovsschema"], check=True)
        (self.folder / f"{name}.sock").unlink(missing_ok=True)
        remote, control = f"--remote=punix:{self.folder}/{name}.sock", f"--unixctl={self.folder}/{name}.ctl"
        return ["ovsdb-server", str(database), remote, control, "-vconsole:off"]

    def _northd(self) -> Sequence[str]:
        remotes = [f"--ovnnb-db={self.northbound}", f"--ovnsb-db={self.southbound}"]
        return ["ovn-northd", *remotes, f"--unixctl={self.folder}/northd.ctl", "-vconsole:off"]

    def _wait_for(self, name: str) -> None:
        deadline = time.monotonic() + START_S
        while not (self.folder / f"{name}.sock").exists():
            if self._processes[name].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"ovsdb-server did not start: {name}")
            time.sleep(0.01)


@contextmanager
def running_ovn(folder: Path) -> Iterator[Ovn]:
    """Databases and northd, until the end of the block."""
    ovn = Ovn(folder)
    try:
        ovn.start("nb", "sb", "northd")
        yield ovn
    finally:
        ovn.stop_all()


def _all_of(tables: str) -> list[str]:
    return [word for table in tables.split() for word in ("--", "--all", "destroy", table)]
