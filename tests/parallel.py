"""How several processes share the tests (``pytest -n 4``, pytest-xdist): file by file.

Each process has what its tests ask for to itself: folders, a database server, labs, consoles. Who takes which file
decides only how long it all takes, so a new file needs no entry here.
"""

from __future__ import annotations

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests import settings

# What takes long to start, and the processes (by number) that take its tests first, so that it is not started in all.
HOMES = {"lab": (0, 1), "stack": (2,), "gallery": (3,), "cloud": (0,)}
GALLERY = {f"tests/e2e/test_{name}.py" for name in ("accessibility", "rules", "screenshots", "words")}
CLOUD = {f"tests/qemu/test_{name}.py" for name in ("cloud_init", "filesystems")}  # two such guests at once crawl
STACK = {f"tests/e2e/test_{name}.py" for name in ("crashes", "journey", "upload")}
# Tests that take long each: to be started early. Otherwise the file with the most tests comes first.
LONG = {f"tests/{name}.py" for name in ("integration/deploy/test_run", "integration/deploy/test_network")}
LONG |= {f"tests/e2e/test_{name}.py" for name in ("journey", "words")}
LONG |= CLOUD
# What these measure in seconds is the host's, the guest's and the page's: nothing else may run. They come last, in one
# process.
ALONE = {f"tests/qemu/test_virt_{name}.py" for name in ("faults", "network")} | {"tests/e2e/test_live.py"}


def _need(path: str) -> str:
    """What of HOMES the tests of a file need."""
    for need, paths in (("cloud", CLOUD), ("stack", STACK), ("gallery", GALLERY)):
        if path in paths:
            return need
    return "lab" if path.startswith("tests/qemu/") else ""


def _number(node: WorkerController) -> int:
    """Which of the processes it is, from 0."""
    return int(node.gateway.id.removeprefix("gw"))


class Schedule(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Whole files, because their tests share fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        number = _number(node)
        self.workqueue.move_to_end(min(self.workqueue, key=lambda path: self._place(path, number)), last=False)
        super()._assign_work_unit(node)

    def _place(self, path: str, number: int) -> tuple[bool, int, bool, int]:
        """Where a file stands in the queue of process ``number``."""
        need = _need(path)
        distance = 1 if not need else 0 if number in HOMES[need] else 2
        return path in ALONE, distance, path not in LONG, -len(self.workqueue[path])

    def _reschedule(self, node: WorkerController) -> None:
        """Have one process wait for the end of all others when only the lonely files are left."""
        working = [node for node in self.nodes if not node.shutting_down]
        if len(self.nodes) == 1 or not self.workqueue or self.workqueue.keys() - ALONE:
            super()._reschedule(node)
        elif node in working and node is not max(working, key=lambda node: _number(node) in HOMES["stack"]):
            node.shutdown()  # one with a stack stays: that takes longest to start

    def remove_node(self, node: WorkerController) -> str | None:
        """What runs in a process that ended; whoever waited for that goes on."""
        crashed: str | None = super().remove_node(node)
        for other in self.nodes:
            self._reschedule(other)
        return crashed


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Schedule:
    """What to use instead of ``--dist``."""
    return Schedule(config, log)


def pytest_xdist_setupnodes() -> None:
    """Let no process inherit the places of the one that starts it."""
    for name in settings.ADDED:
        del os.environ[name]
