"""Ports for servers that tests start."""

from __future__ import annotations

import os
import socket
from itertools import cycle

# Below those that the kernel gives to whoever asks for any (ip_local_port_range: 32768 and up), and other ones for
# every process: between the choice and the server's start nobody else takes it.
SHARE = 10
FIRST = 10_000 + os.getpid() % 2000 * SHARE
_ports = cycle(range(FIRST, FIRST + SHARE))


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    return next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
