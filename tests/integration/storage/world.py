"""Hosts with storage that exists in memory: what libvirt would say of kinds that this machine has no servers for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from cloudia.core.errors import HostUnreachable, OperationFailed
from cloudia.hosts.models import Host
from cloudia.jobs.models import Job
from cloudia.jobs.runner import run_job
from cloudia.virt import Endpoint, PoolInfo, PoolSpec, VolumeInfo

GIB = 2**30
CAPACITY, FREE = 100 * GIB, 60 * GIB


class Killed(BaseException):
    """A worker dies here."""


@dataclass
class World:
    """Hosts by their endpoint, and the places they see: two that see the same place share it."""

    hosts: dict[Endpoint, FakeHost] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _call: None
    after: Callable[[str], None] = lambda _call: None

    def hypervisor(self, endpoint: Endpoint) -> Any:
        """In place of :func:`cloudia.virt.hypervisor`."""
        return self.hosts.setdefault(endpoint, FakeHost(self))

    def of(self, host: Host) -> FakeHost:
        """What is on a host."""
        return self.hosts.setdefault(host.endpoint, FakeHost(self))

    def mount(self, place: str, *hosts: Host) -> dict[str, VolumeInfo]:
        """Let hosts see the same files at ``place``."""
        files: dict[str, VolumeInfo] = {}
        for host in hosts:
            self.of(host).places[place] = files
        return files

    def do(self, call: str, work: Callable[[], Any]) -> Any:
        """One call of libvirt, which a test may let fail before or after."""
        self.calls.append(call)
        self.before(call)
        result = work()
        self.after(call)
        return result


class FakeHost:
    """One host: places with files, and pools on them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.places: dict[str, dict[str, VolumeInfo]] = {}
        self.defined: dict[str, PoolSpec] = {}
        self.stopped: set[str] = set()
        self.silent = False
        self.made: list[str] = []
        self.guests: dict[str, str] = {}  # names of domains by the file that they have
        self.pools = self.volumes = self.domains = self

    def _call(self, name: str, work: Callable[[], Any]) -> Any:
        if self.silent:
            raise HostUnreachable("no answer")
        return self.world.do(name, work)

    def _files(self, pool: str) -> dict[str, VolumeInfo]:
        return self.places[place_of(self.defined[pool])]

    # --- pools

    def ensure_directory(self, path: str, name: str, *, make: bool = True) -> None:
        """The directory, made if that is asked for."""

        def run() -> None:
            if path not in self.places:
                if not make:
                    raise OperationFailed("There is no such directory.", code="not_a_directory")
                self.places[path] = {}
                self.made.append(path)

        self._call("ensure_directory", run)

    def ensure(self, spec: PoolSpec) -> PoolInfo:
        """A running pool."""

        def run() -> PoolInfo:
            if place_of(spec) not in self.places:
                raise OperationFailed("It can't be reached.", code="libvirt")
            self.defined[spec.name] = spec
            self.stopped.discard(spec.name)
            return self._info(spec.name)

        result: PoolInfo = self._call("ensure", run)
        return result

    def remove(self, name: str) -> None:
        """Forget a pool."""
        self._call("remove", lambda: self.defined.pop(name, None))

    def info(self, pool: str, name: str = "") -> Any:
        """Of a pool, or of a volume in it."""
        if not name:
            return self._call("pool_info", lambda: self._info(pool) if pool in self.defined else None)
        return self._call("info", lambda: self._files(pool).get(name))

    def _info(self, name: str) -> PoolInfo:
        spec = self.defined[name]
        active = place_of(spec) in self.places and name not in self.stopped
        return PoolInfo(
            name=name,
            uuid=spec.uuid,
            active=active,
            path=spec.path,
            capacity_bytes=CAPACITY,
            allocation_bytes=CAPACITY - FREE,
            available_bytes=FREE,
        )

    # --- volumes

    def list(self, pool: str) -> Sequence[VolumeInfo]:
        """The files."""
        files: Sequence[VolumeInfo] = self._call("list", lambda: list(self._files(pool).values()))
        return files

    def ensure_empty(self, pool: str, name: str, capacity_bytes: int, format: str = "qcow2") -> VolumeInfo:
        """A new file."""
        volume = file(name, pool=pool, size=capacity_bytes)
        made: VolumeInfo = self._call("ensure_empty", lambda: self._files(pool).setdefault(name, volume))
        return made

    def delete(self, pool: str, name: str) -> None:
        """One file less."""
        self._call("delete", lambda: self._files(pool).pop(name, None))

    # --- domains

    def users_of(self, file_name: str) -> Sequence[str]:
        """Domains that have the file."""
        users = [name for name, file in self.guests.items() if file == file_name]
        found: Sequence[str] = self._call("users_of", lambda: users)
        return found


def place_of(spec: PoolSpec) -> str:
    """What tells one place from another."""
    return f"{spec.host}:{spec.source}" if spec.host else spec.path or spec.source


def file(name: str, *, pool: str = "", size: int = GIB, backing: str | None = None) -> VolumeInfo:
    """A file as libvirt would tell of it."""
    return VolumeInfo(
        pool=pool,
        name=name,
        path=f"/pool/{name}",
        capacity_bytes=size,
        allocation_bytes=size,
        format="qcow2",
        backing_path=backing and f"/pool/{backing}",
    )


def finish(job: Job, most: int = 40) -> Job:
    """Deliver a job until it has finished, as the watcher would but without letting time pass."""
    for _delivery in range(most):
        Job.objects.filter(pk=job.pk).update(resume_at=None, lease_until=None)  # whoever had it is dead
        try:
            run_job(str(job.pk))
        except Killed:
            continue
        job.refresh_from_db()
        if not job.is_active:
            return job
    raise AssertionError(f"{job.kind} is still {job.status} in step {job.step}")


def uuid_of(number: int) -> UUID:
    """An id that is easy to read."""
    return UUID(int=number)
