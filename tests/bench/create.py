"""New instances: one, and fifty at once, against the same by hand."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings

from tests.bench import byhand
from tests.bench.installation import MEMORY_MIB, Installation
from tests.bench.measure import p50
from tests.bench.report import Check, share, times

CREATES = 8
AT_ONCE = 50


def to_running(installation: Installation) -> Iterator[Check]:
    """From POST to the running domain, against a linked clone by hand."""
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(CREATES):
        ours.append(_by_console(installation, [f"create-{number}"]))
        theirs.append(_by_hand(installation, 1, parallel=1))
    yield times("create", "create to running, p50", "s", p50(ours), p50(theirs), 1.3, ours=ours, theirs=theirs)


def at_once(installation: Installation) -> Iterator[Check]:
    """Fifty instances, against a shell that does as many things at a time as there are workers."""
    theirs = _by_hand(installation, AT_ONCE, parallel=settings.CLOUDIA_WORKERS)
    ours = _by_console(installation, [f"burst-{number}" for number in range(AT_ONCE)])
    yield share("burst", f"{AT_ONCE} at once", "/s", AT_ONCE / ours, AT_ONCE / theirs, 0.8, ours=ours, theirs=theirs)


def _by_console(installation: Installation, names: Sequence[str]) -> float:
    """Seconds from the first POST until all domains run."""
    installation.witness.forget()
    began = time.perf_counter()
    with ThreadPoolExecutor(settings.CLOUDIA_WORKERS) as pool:
        jobs = list(pool.map(installation.create, names))
    taken = max(installation.witness.started_at(job["target"]["id"]) for job in jobs) - began
    _remove(installation, jobs)
    return taken


def _remove(installation: Installation, jobs: Sequence[dict[str, Any]]) -> None:
    stack = installation.stack
    for job in jobs:
        installation.done(job)
    instances = [stack.instance(job["target"]["id"]) for job in jobs]
    for job in [installation.stop(instance) for instance in instances]:
        installation.done(job)
    for job in [stack.api("DELETE", f"instances/{instance['id']}/").body for instance in instances]:
        installation.done(job)


def _by_hand(installation: Installation, count: int, parallel: int) -> float:
    """Seconds from the first command until all domains run."""
    hosts = itertools.cycle(installation.stack.lab_hosts)
    guests = [byhand.prepare(next(hosts), installation.blank_file, MEMORY_MIB) for _ in range(count)]
    installation.witness.forget()
    began = time.perf_counter()
    byhand.make(guests, parallel)
    taken = max(installation.witness.started_at(guest.uuid) for guest in guests) - began
    for guest in guests:
        guest.remove()
    return taken
