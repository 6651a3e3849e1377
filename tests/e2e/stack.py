"""The whole of CloudiA, running: PostgreSQL, web, worker, watcher, and the lab's two hosts."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from tests.children import ends_with_parent
from tests.ports import free_port
from tests.qemu.lab import Lab, LabHost, hosts_of

ROOT = Path(__file__).parents[2]
DATABASE = "cloudia_e2e"


@dataclass(frozen=True)
class Answer:
    """What the API said."""

    status: int
    body: Any
    location: str | None


@dataclass
class Stack:
    """A running installation, and what is needed to use it."""

    port: int
    supervisor: subprocess.Popen[bytes]
    environment: dict[str, str]
    log: Path
    lab_hosts: list[LabHost]
    seeded: dict[str, str]

    @property
    def url(self) -> str:
        """Where the console is."""
        return f"http://127.0.0.1:{self.port}"

    def api(self, method: str, path: str, body: Any = None, role: str = "manager") -> Answer:
        """Ask the API as the member with ``role``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Token {self.seeded[role]}", "Content-Type": "application/json"}
        try:
            connection.request(method, f"/api/v1/{path}", json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        is_json = "json" in (response.getheader("Content-Type") or "")
        return Answer(response.status, json.loads(text) if is_json else text, response.getheader("Location"))

    def create(self, name: str, **values: Any) -> dict[str, Any]:
        """Ask for a tiny instance; the job."""
        where = {"project": self.seeded["project"], "image": self.seeded["tiny"], "interfaces": self.interfaces}
        body = {"name": name, "vcpus": 1, "memory_mib": 96, **where, **values}
        answer = self.api("POST", "instances/", body)
        assert answer.status == 202, answer
        job: dict[str, Any] = answer.body
        return job

    @property
    def interfaces(self) -> list[dict[str, str]]:
        """What a request for an instance says of networks: one interface, with an automatic address."""
        return [{"subnet": self.seeded["subnet"]}]

    def finished(self, job: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
        """The job when it has ended."""

        def ended() -> dict[str, Any] | None:
            last.update(self.api("GET", f"jobs/{job['id']}/").body)
            return last if last["status"] in {"succeeded", "failed", "cancelled"} else None

        last: dict[str, Any] = {}
        self.until(ended, seconds, last)
        return last

    def instance(self, pk: str) -> dict[str, Any]:
        """An instance as the API reads it."""
        found: dict[str, Any] = self.api("GET", f"instances/{pk}/").body
        return found

    def made(self, name: str, **values: Any) -> dict[str, Any]:
        """A tiny instance that is there."""
        job = self.finished(self.create(name, **values))
        assert job["status"] == "succeeded", job
        return self.instance(job["target"]["id"])

    def remove(self, instance: dict[str, Any]) -> None:
        """Stop and delete an instance."""
        if instance["power_state"] == "running":
            self.finished(self.api("POST", f"instances/{instance['id']}/stop/", {"force": True}).body)
        self.finished(self.api("DELETE", f"instances/{instance['id']}/").body)

    @staticmethod
    def until(look: Callable[[], Any], seconds: float = 30, about: Any = "") -> Any:
        """What ``look`` sees when it sees something; fails after ``seconds``, telling ``about``."""
        deadline = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < deadline, f"not within {seconds} s {about}"
            time.sleep(0.05)
        return found

    def host_of(self, instance: dict[str, Any]) -> LabHost:
        """The lab host an instance is on."""
        return next(host for host in self.lab_hosts if host.name == instance["host"]["name"])

    @contextmanager
    def paused(self, word: str) -> Iterator[None]:
        """Nothing happens in the processes whose command line contains ``word``."""
        pids = self.processes(word)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def processes(self, word: str) -> list[int]:
        """Pids of this stack's processes whose command line contains ``word``."""
        return [pid for pid in _descendants(self.supervisor.pid) if word in _command_line(pid)]


def virsh(host: LabHost, *words: str) -> str:
    """What virsh says of a host: the independent witness."""
    command = ["virsh", "-q", "-c", host.uri, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def domains(host: LabHost) -> dict[str, str]:
    """Names and states of all domains of a host, by virsh."""
    lines = (line.split(maxsplit=2) for line in virsh(host, "list", "--all").splitlines())
    return {name: state for _id, name, state in lines}


@contextmanager
def running_stack(server_url: str, lab: Lab, image: Path, directory: Path) -> Iterator[Stack]:
    """A fresh database on the server of ``server_url``, filled, and everything started; stopped at the end."""
    ovn = {"CLOUDIA_OVN_NB": lab.northbound, "CLOUDIA_OVN_SB": lab.southbound}
    environment = installed(server_url, DATABASE, directory, ovn)
    hosts = hosts_of(lab)
    seeded = filled(environment, "tests.e2e.seed", _wanted(hosts, lab, image))
    with served(environment, directory / "stack.log") as (port, supervisor):
        stack = Stack(port, supervisor, environment, directory / "stack.log", hosts, seeded)
        stack.until(lambda: _is_ready(stack), 60)
        yield stack


def installed(
    server_url: str, database: str, directory: Path, settings: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Make a fresh, empty installation; the environment of its processes, which has ``settings``."""
    environment = {
        **os.environ,
        **(settings or {}),
        "DATABASE_URL": _fresh_database(server_url, database),
        "CLOUDIA_VAR": str(directory),
        "CLOUDIA_STATIC_STORAGE": "cloudia.ui.assets.HashedAssets",
        "DJANGO_SETTINGS_MODULE": "cloudia.settings",
        "CLOUDIA_DB_POOL": "24",
    }
    for command in (["migrate", "-v0"], ["collectstatic", "--noinput", "-v0"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True)
    return environment


def filled(environment: dict[str, str], program: str, wanted: Any = None) -> dict[str, str]:
    """Run a module that fills the database; what it answers. JSON both ways."""
    answer = subprocess.run(
        [sys.executable, "-m", program],
        cwd=ROOT,
        env=environment,
        input=json.dumps(wanted).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    seeded: dict[str, str] = json.loads(answer.stdout)
    return seeded


@contextmanager
def served(environment: dict[str, str], log: Path, *names: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run the processes of these names (all, unless some are named); their port and their supervisor."""
    port = free_port()
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.serve", str(port), *names],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=ends_with_parent(signal.SIGTERM),
        )
    try:
        yield port, supervisor
    finally:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(30)


def _is_ready(stack: Stack) -> bool:
    assert stack.supervisor.poll() is None, stack.log.read_text()
    try:
        hosts = stack.api("GET", "hosts/", role="admin")
    except OSError:
        return False
    return hosts.status == 200 and all(host["reachable"] for host in hosts.body["results"]) and _is_connected(stack)


def _is_connected(stack: Stack) -> bool:
    """Whether every host is known to OVN: no guest is placed anywhere else."""
    database = stack.environment["DATABASE_URL"]
    with psycopg.connect(database) as connection:
        (count,) = connection.execute("SELECT count(*) FROM networking_hostnetwork WHERE answers").fetchone() or (0,)
    return bool(count == len(stack.lab_hosts))


def _wanted(hosts: list[LabHost], lab: Lab, image: Path) -> dict[str, Any]:
    return {
        "hosts": {host.name: host.uri for host in hosts},
        "shared_dir": str(lab.shared_dir / f"e2e-{uuid.uuid4().hex[:8]}"),
        "image": str(image),
        "external": lab.external_network,
    }


def _fresh_database(server_url: str, name: str) -> str:
    name += os.environ.get("PYTEST_XDIST_WORKER", "")  # a server that the caller has given serves all processes
    with psycopg.connect(server_url.replace("/cloudia?", "/postgres?"), autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    return server_url.replace("/cloudia?", f"/{name}?")


def _descendants(pid: int) -> list[int]:
    found = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    for child in children:
        found += [int(child), *_descendants(int(child))]
    return found


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except FileNotFoundError:
        return ""
