"""A whole installation to measure, what is needed to use it as people do, and an independent witness."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener
from uuid import UUID

from cloudia.virt import DomainEvent, Endpoint, EventKind, Hypervisor
from deploy import guest_image
from tests.e2e.seed import PASSWORD
from tests.e2e.stack import Stack, running_stack, virsh
from tests.qemu.lab import Lab, LabHost, running_lab
from tests.settings import POSTGRES_DIR

ROOT = Path(__file__).parents[2]
MEMORY_MIB = 96  # of a guest that does next to nothing
PATIENCE_S = 300.0  # fifty guests on two CPUs take their time


class Witness:
    """Hears from libvirt itself when domains start. Times are those of ``time.perf_counter``."""

    def __init__(self, hosts: Sequence[LabHost]) -> None:
        self._started: dict[UUID, float] = {}
        self._changed = threading.Condition()
        self._subscriptions = [Hypervisor(Endpoint(host.uri)).subscribe(self._notice) for host in hosts]

    def started_at(self, uuid: UUID | str) -> float:
        """When the domain started last, after :meth:`forget`; waits for it."""
        key = UUID(str(uuid))
        with self._changed:
            assert self._changed.wait_for(lambda: key in self._started, PATIENCE_S), f"{uuid} did not start"
            return self._started[key]

    def forget(self) -> None:
        """From now on only what comes counts."""
        with self._changed:
            self._started.clear()

    def close(self) -> None:
        """Hear no more."""
        for subscription in self._subscriptions:
            subscription.close()

    def _notice(self, event: DomainEvent) -> None:
        now = time.perf_counter()
        if event.kind is EventKind.STARTED:
            with self._changed:
                self._started[event.uuid] = now
                self._changed.notify_all()


class Browser:
    """Somebody logged in to the console."""

    def __init__(self, url: str, username: str) -> None:
        self.url, self.jar = url, CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self.jar))
        self.get("/login/")
        form = {"username": username, "password": PASSWORD, "csrfmiddlewaretoken": self._cookie("csrftoken")}
        self._opener.open(Request(f"{url}/login/", urlencode(form).encode(), {"Referer": url}), timeout=30).close()
        assert self._cookie("sessionid")

    def get(self, path: str) -> str:
        """A page's text."""
        with self._opener.open(f"{self.url}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def open(self, path: str) -> Any:
        """A page that never ends: read its lines."""
        return self._opener.open(f"{self.url}{path}", timeout=30)

    def _cookie(self, name: str) -> str:
        return next(cookie.value or "" for cookie in self.jar if cookie.name == name)


@dataclass(frozen=True)
class Installation:
    """The stack, its lab, and where its PostgreSQL is."""

    stack: Stack
    lab: Lab
    witness: Witness
    postgres: Path

    @classmethod
    @contextmanager
    def running(cls, server_url: str, hosts: int) -> Iterator[Installation]:
        """A fresh one with so many hosts, gone at the end."""
        image = guest_image.ensure(ROOT / "var" / "images")
        with (
            tempfile.TemporaryDirectory(prefix="cloudia-bench-") as directory,
            running_lab(hosts) as lab,
            running_stack(server_url, lab, image, Path(directory)) as stack,
        ):
            witness = Witness(stack.lab_hosts)
            try:
                yield cls(stack, lab, witness, POSTGRES_DIR)
            finally:
                witness.close()

    @property
    def blank(self) -> str:
        """Id of an image with nothing on it: guests end in their firmware, the CPUs are left to what is measured."""
        return str(self.stack.seeded["blank"])

    @cached_property
    def blank_file(self) -> Path:
        """The same image's file, at the same path on every host."""
        host = self.stack.lab_hosts[0]
        pool = virsh(host, "pool-list", "--name").split()[0]
        return Path(virsh(host, "vol-path", "--pool", pool, self.blank))

    def create(self, name: str) -> dict[str, Any]:
        """Ask for a tiny instance of the blank image; the job."""
        body = {
            "name": name,
            "project": self.stack.seeded["project"],
            "image": self.blank,
            "vcpus": 1,
            "memory_mib": MEMORY_MIB,
            "interfaces": self.stack.interfaces,
        }
        answer = self.stack.api("POST", "instances/", body)
        assert answer.status == 202, answer
        return dict(answer.body)

    def start(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Ask for power; the job."""
        answer = self.stack.api("POST", f"instances/{instance['id']}/start/")
        assert answer.status == 202, answer
        return dict(answer.body)

    def stop(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Cut the power; the job."""
        answer = self.stack.api("POST", f"instances/{instance['id']}/stop/", {"force": True})
        assert answer.status == 202, answer
        return dict(answer.body)

    def done(self, job: dict[str, Any]) -> None:
        """Wait for the job's success."""
        ended = self.stack.finished(job, PATIENCE_S)
        assert ended["status"] == "succeeded", ended

    def until_status(self, instance: dict[str, Any], status: str) -> None:
        """Wait until the API says so."""
        self.stack.until(lambda: self.stack.instance(instance["id"])["status"] == status, PATIENCE_S)
