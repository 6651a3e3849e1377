"""Memory of everything that belongs to CloudiA, while nobody uses it."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.bench.installation import Browser, Installation
from tests.bench.report import Check, at_most

SETTLE_S = 20.0
MIB = 1024.0  # KiB in it
PARTS = {
    "uvicorn": "web",
    "manage.py worker": "worker",
    "watch_hosts": "watcher",
    "tests.e2e.serve": "supervisor",
    "deploy.guard": "supervisor",
    "postgres": "PostgreSQL",
}


def idle(installation: Installation) -> Iterator[Check]:
    """After a page, an API call and an instance's life, so that everything that loads late is loaded."""
    stack = installation.stack
    Browser(stack.url, "the-manager").get("/instances/")
    stack.remove(stack.made("memory"))
    time.sleep(SETTLE_S)
    postmaster = int((installation.postgres / "postmaster.pid").read_text().split()[0])
    pids = [*_tree(stack.supervisor.pid), *_tree(postmaster)]
    sizes = {pid: pss_mib(pid) for pid in pids}
    by_part: dict[str, float] = defaultdict(float)
    for pid, size in sizes.items():
        by_part[_part(pid)] += size
    each = {pid: (_command_line(pid), round(size, 1)) for pid, size in sizes.items()}
    what = ", ".join(f"{part} {size:.0f}" for part, size in by_part.items())
    yield at_most("memory", f"PSS, idle ({what})", "MiB", sum(sizes.values()), 450, processes=each)


def _part(pid: int) -> str:
    command = _command_line(pid)
    return next((part for word, part in PARTS.items() if word in command), command)


def pss_mib(pid: int) -> float:
    """The process's own memory and its share of what it shares with others."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(rollup.split("\nPss:")[1].split()[0]) / MIB


def _tree(pid: int) -> list[int]:
    children = [
        int(child)
        for task in os.listdir(f"/proc/{pid}/task")
        for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()
    ]
    return [pid, *(descendant for child in children for descendant in _tree(child))]


def _command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
