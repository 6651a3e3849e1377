"""What happens behind the console's back: a guest that was destroyed with virsh, a host that hangs."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from instances.enums import STOPPED
from tests.bench.installation import Browser, Installation
from tests.bench.measure import MS, Works, in_turn, p50, p95
from tests.bench.report import Check, at_most, times
from tests.e2e.stack import virsh

DESTROYS = 10
CYCLES = 3  # of calm and hanging: what else the machine does meets both
ROUNDS, PAUSE_S = 20, 0.7  # together longer than the watcher takes to call a host unreachable
COALESCE_S = 0.1  # static/js/live.js: a page collects what changed for so long before it asks


def outside_change(installation: Installation) -> Iterator[Check]:
    """``virsh destroy`` to the new state on a page that is open: the stream tells, the page's row is fetched."""
    stack, reader = installation.stack, Browser(installation.stack.url, "the-manager")
    instance = stack.made("outside")
    topics = _follow(reader)
    taken = [_destroy(installation, reader, topics, instance) for _ in range(DESTROYS)]
    stack.remove(stack.instance(instance["id"]))
    yield at_most("outside", "virsh destroy to open page, p95", "s", p95(taken), 1, samples=taken)


def hung_host(installation: Installation) -> Iterator[Check]:
    """The list while the host of its instances is stopped, against the same in between."""
    stack, reader = installation.stack, Browser(installation.stack.url, "the-manager")
    instances = [stack.made(f"hung-{number}", start=False) for number in range(6)]
    works: Works = {"list page": lambda: reader.get("/instances/"), "API list": lambda: stack.api("GET", "instances/")}
    host = stack.host_of(instances[0])
    healthy: dict[str, list[float]] = defaultdict(list)
    hung: dict[str, list[float]] = defaultdict(list)
    for _ in range(CYCLES):
        _collect(healthy, works)
        host.hang()
        try:
            _collect(hung, works)
            seen = [row["status"] for row in stack.api("GET", "instances/").body["results"]]
        finally:
            host.unhang()
        assert "unknown" in seen, "the host was not called unreachable"
        _until_reachable(installation)
    for instance in instances:
        stack.remove(stack.instance(instance["id"]))
    for name in works:
        yield times("hung", f"{name}, p50", "ms", p50(hung[name]) * MS, p50(healthy[name]) * MS, 1.2)


def _collect(samples: dict[str, list[float]], works: Works) -> None:
    for name, taken in in_turn(works, ROUNDS, warm_up=3, pause_s=PAUSE_S).items():
        samples[name] += taken


def _until_reachable(installation: Installation) -> None:
    stack = installation.stack
    stack.until(lambda: all(host["reachable"] for host in stack.api("GET", "hosts/", role="admin").body["results"]), 60)


def _follow(reader: Browser) -> queue.Queue[str]:
    """Topics of the live stream, as they come."""
    topics: queue.Queue[str] = queue.Queue()
    stream = reader.open("/live/")

    def read() -> None:
        for line in stream:
            if line.startswith(b"data: "):
                for topic in json.loads(line[6:])["topics"]:
                    topics.put(topic)

    threading.Thread(target=read, daemon=True).start()
    time.sleep(1)  # the stream's listener is up after its answer began
    return topics


def _destroy(installation: Installation, reader: Browser, topics: queue.Queue[str], instance: dict[str, Any]) -> float:
    host, topic = installation.stack.host_of(instance), f"instance:{instance['id']}"
    _settle(topics)
    began = time.perf_counter()
    command = subprocess.Popen(
        ["virsh", "-q", "-c", host.uri, "destroy", instance["short_id"]], stdout=subprocess.DEVNULL
    )
    while True:
        if topics.get(timeout=30) != topic:
            continue
        time.sleep(COALESCE_S)
        if f'data-tone="{STOPPED.tone}"' in reader.get(f"/instances/{instance['id']}/row/"):
            break
    taken = time.perf_counter() - began
    assert command.wait() == 0
    virsh(host, "start", instance["short_id"])
    installation.until_status(instance, "running")
    return taken


def _settle(topics: queue.Queue[str]) -> None:
    """Forget what was told of earlier changes."""
    time.sleep(0.5)
    while not topics.empty():
        topics.get_nowait()
