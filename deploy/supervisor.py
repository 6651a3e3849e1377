"""Keeps a handful of processes running: starts them in order, prefixes what they say, restarts what dies, stops all.

Written because the usual runners end everything when one process dies. Under systemd the units of deploy/systemd do
this work instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from deploy.guard import Guard, kill_group

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1  # prctl(2)
FIRST_DELAY, LONGEST_DELAY = 1.0, 10.0  # seconds before a restart; doubled each time
HEALTHY_AFTER = 30.0  # seconds of life after which the delay starts again at the first
READY_POLL = 0.1  # seconds between two questions whether a process is ready
LONGEST_LINE = 65536  # bytes; more than this without a line end is printed as it is
COMMAND_NOT_FOUND = 127  # as a shell says it
COLOURS = (36, 33, 35, 32, 34, 31)  # ANSI foregrounds, one per process in turn


@dataclass(frozen=True)
class Process:
    """A command to keep running; those after it in the list wait until it is ready."""

    name: str
    command: tuple[str, ...]
    once: bool = False  # not kept running: those after it wait for its end, and its failure ends everything
    ready: tuple[str, ...] = ()  # succeeds when the process serves those after it, which are therefore stopped first
    stop_signal: signal.Signals = signal.SIGTERM


def _spawn(process: Process) -> subprocess.Popen[bytes]:
    """Start it in a session of its own: a Ctrl-C in the terminal reaches the supervisor alone."""

    def die_with_supervisor() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, process.stop_signal)

    return subprocess.Popen(
        process.command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_supervisor,
    )


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


async def _ended(pid: int) -> None:
    loop, event, handle = asyncio.get_running_loop(), asyncio.Event(), os.pidfd_open(pid)
    loop.add_reader(handle, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


class Lines(asyncio.Protocol):
    """Prints what a process says, one whole line at a time."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """``say`` prints one line."""
        self.say, self.rest, self.ended = say, b"", asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Print the complete lines, keep the rest."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) > LONGEST_LINE:
            lines, self.rest = [*lines, self.rest], b""
        for line in lines:
            self.say(line.decode(errors="replace").rstrip("\r"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Print a last line that has no end."""
        if self.rest:
            self.say(self.rest.decode(errors="replace"))
        self.ended.set()


@dataclass
class Supervisor:
    """Runs ``processes`` until SIGINT, SIGTERM or SIGHUP; ``grace`` seconds later it kills what has not stopped."""

    processes: Sequence[Process]
    grace: float = 10.0
    running: dict[Process, int] = field(default_factory=dict, init=False)  # to pid, which is also the group's id

    def run(self) -> int:
        """Exit status: 0 when stopped by a signal, 1 when a process that runs once has failed."""
        self.guard = Guard(self.grace)
        return asyncio.run(self._run())

    async def _run(self) -> int:
        self.stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.stopping.set)
        starting = asyncio.create_task(self._start_all())
        await asyncio.wait({starting, asyncio.create_task(self.stopping.wait())}, return_when=asyncio.FIRST_COMPLETED)
        failed = starting.done() and not starting.result()
        if not failed:
            await self.stopping.wait()
        self.stopping.set()
        starting.cancel()
        await self._stop([process for process in self.running if not process.ready])
        await self._stop(list(self.running))
        return int(failed)

    async def _start_all(self) -> bool:
        self.keepers = []  # referenced, or the event loop would forget its tasks
        for process in self.processes:
            if process.once:
                if await self._live(process):
                    self._say(process, "failed, so everything stops")
                    return False
                continue
            self.keepers.append(asyncio.create_task(self._keep(process)))
            while process.ready and not _succeeds(process.ready):
                await asyncio.sleep(READY_POLL)
        return True

    async def _keep(self, process: Process) -> None:
        delay = FIRST_DELAY
        while not self.stopping.is_set():
            started = time.monotonic()
            status = await self._live(process)
            if self.stopping.is_set():
                return
            delay = FIRST_DELAY if time.monotonic() - started > HEALTHY_AFTER else delay
            self._say(process, f"ended with status {status}, starts again in {delay:.0f} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def _live(self, process: Process) -> int:
        """From start to end of one run; its exit status, negative for a signal."""
        try:
            child = _spawn(process)
        except OSError as error:
            self._say(process, str(error))
            return COMMAND_NOT_FOUND
        self.running[process] = child.pid
        self.guard.tell("started", child.pid)
        lines = Lines(partial(self._say, process))
        await asyncio.get_running_loop().connect_read_pipe(lambda: lines, child.stdout)
        await _ended(child.pid)
        kill_group(child.pid, signal.SIGKILL)  # its children; before wait(), so that the id is still taken
        with contextlib.suppress(TimeoutError):  # a descendant that left the group may keep the pipe
            await asyncio.wait_for(lines.ended.wait(), 1)
        self.guard.tell("ended", child.pid)
        del self.running[process]
        return child.wait()

    async def _stop(self, processes: Sequence[Process]) -> None:
        for process in processes:
            os.kill(self.running[process], process.stop_signal)
        deadline = time.monotonic() + self.grace
        while any(process in self.running for process in processes):
            late = [pid for process, pid in self.running.items() if process in processes]
            if time.monotonic() > deadline:
                for pid in late:
                    kill_group(pid, signal.SIGKILL)
            await asyncio.sleep(0.05)

    def _say(self, process: Process, line: str) -> None:
        width = max(len(other.name) for other in self.processes)
        prefix = f"{process.name:<{width}} |"
        if sys.stdout.isatty():
            prefix = f"\033[{COLOURS[self.processes.index(process) % len(COLOURS)]}m{prefix}\033[0m"
        print(prefix, line, flush=True)
