"""Power actions: how soon they are accepted, and how soon the guest runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from tests.bench.installation import Installation
from tests.bench.measure import MS, p50, seconds
from tests.bench.report import Check, added, times
from tests.e2e.stack import virsh

ACCEPTS = 15
STARTS = 10
EMPTY = "me/"  # answers with little more than who asks


def accept(installation: Installation) -> Iterator[Check]:
    """From POST to 202, against a request that does nothing."""
    stack, instance = installation.stack, installation.stack.made("accept", start=False)
    asked: list[float] = []
    empty: list[float] = []

    def ask(verb: str, body: Any = None) -> None:
        empty.extend(seconds(lambda: stack.api("GET", EMPTY)) for _ in range(3))
        began = time.perf_counter()
        answer = stack.api("POST", f"instances/{instance['id']}/{verb}/", body)
        asked.append(time.perf_counter() - began)
        assert answer.status == 202, answer
        installation.done(answer.body)

    for _ in range(ACCEPTS):
        ask("start")
        ask("stop", {"force": True})
    stack.remove(stack.instance(instance["id"]))
    yield times("accept", "power action, p50", "ms", p50(asked) * MS, p50(empty) * MS, 3, asked=asked, empty=empty)


def to_running(installation: Installation) -> Iterator[Check]:
    """From POST to the running domain, against ``virsh start``."""
    instance = installation.stack.made("power", start=False)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(STARTS):
        ours.append(_by_console(installation, instance))
        theirs.append(_by_virsh(installation, instance))
    installation.stack.remove(installation.stack.instance(instance["id"]))
    yield added("power", "start to running, p50", "s", p50(ours), p50(theirs), 0.3, ours=ours, theirs=theirs)


def _by_console(installation: Installation, instance: dict[str, Any]) -> float:
    installation.witness.forget()
    began = time.perf_counter()
    job = installation.start(instance)
    taken = installation.witness.started_at(instance["id"]) - began
    installation.done(job)
    installation.done(installation.stop(instance))
    return taken


def _by_virsh(installation: Installation, instance: dict[str, Any]) -> float:
    host = installation.stack.host_of(instance)
    installation.witness.forget()
    began = time.perf_counter()
    virsh(host, "start", instance["short_id"])
    taken = installation.witness.started_at(instance["id"]) - began
    installation.until_status(instance, "running")
    virsh(host, "destroy", instance["short_id"])
    installation.until_status(instance, "stopped")
    return taken
