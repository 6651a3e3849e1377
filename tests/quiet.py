"""A network of its own for the browser, in which nothing changes.

Chromium breaks off whatever it fetches when a network interface of its computer comes or goes
(``net::ERR_NETWORK_CHANGED``), and tests that run beside it make interfaces all the time.
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.children import ends_with_parent

CLONE_NEWNET = 0x40000000  # sched.h
PIECE = 1 << 16
LOOPBACK = "127.0.0.1"
HOLD = "ip link set lo up && echo up && exec sleep infinity"


class QuietNetwork:
    """A network namespace with nothing but a loopback device; chosen ports of it lead to the same ports outside."""

    def __init__(self, holder: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._holder, self._loop = holder, loop
        self._servers: dict[int, asyncio.Server] = {}

    @property
    def path(self) -> Path:
        """The namespace, for ``nsenter --net=``."""
        return Path(f"/proc/{self._holder.pid}/ns/net")

    def reach(self, port: int) -> None:
        """Lead the port to that of the computer."""
        if port in self._servers:
            return
        with ThreadPoolExecutor(1) as pool:  # a namespace is a thread's own: this one ends in it
            listener = pool.submit(self._listen, port).result()
        self._servers[port] = asyncio.run_coroutine_threadsafe(_lead(listener, port), self._loop).result()

    def close(self) -> None:
        """Lead nothing any more."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()

    async def _close(self) -> None:
        for server in self._servers.values():
            server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _listen(self, port: int) -> socket.socket:
        with self.path.open("rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        return socket.create_server((LOOPBACK, port))


async def _lead(listener: socket.socket, port: int) -> asyncio.Server:
    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection(LOOPBACK, port)
        except OSError:  # nobody listens there: as if it had been asked
            writer.transport.abort()
            return
        await asyncio.gather(_pass_on(reader, there[1]), _pass_on(there[0], writer))

    return await asyncio.start_server(lead, sock=listener)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                writer.write(piece)
                await writer.drain()
    finally:
        writer.close()


@contextmanager
def quiet_network() -> Iterator[QuietNetwork]:
    """One that lasts as long as the block. Only root can make it."""
    command, ends = ["unshare", "--net", "sh", "-c", HOLD], ends_with_parent(signal.SIGKILL)
    with subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=ends) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"up\n"
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="quiet-network", daemon=True)
        thread.start()
        network = QuietNetwork(holder, loop)
        try:
            yield network
        finally:
            network.close()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
            holder.kill()


def enter(network: QuietNetwork, program: str, directory: Path) -> Path:
    """A program that is the other one, in the network."""
    script = directory / "quiet"
    script.write_text(f'#!/bin/sh\nexec nsenter --net={network.path} {program} "$@"\n')
    script.chmod(0o755)
    return script
