"""One host's libvirt, opened when first needed, one per process and endpoint."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from cloudia.virt.connection import DEADLINE_S, Connection
from cloudia.virt.describe import describe
from cloudia.virt.domains import Domains
from cloudia.virt.events import Callback, Subscription, listen
from cloudia.virt.pools import Pools
from cloudia.virt.types import Endpoint, HostDescription
from cloudia.virt.volumes import Volumes

log = logging.getLogger(__name__)

DESCRIBE_S = 60.0  # a libvirtd that was just installed first asks every QEMU on the host what it can do


class Hypervisor:
    """A host. Safe to use from any thread, and after a fork; every function raises CloudiaError."""

    def __init__(self, endpoint: Endpoint, deadline_s: float = DEADLINE_S) -> None:
        self.endpoint = endpoint
        self._connection = Connection(endpoint, deadline_s)
        self._listeners: list[Callable[[], None]] = []
        self.domains = Domains(self._connection)
        self.pools = Pools(self._connection)
        self.volumes = Volumes(self._connection)

    def describe(self) -> HostDescription:
        """What the host is and can do."""
        return self._connection.call(describe, DESCRIBE_S)

    def ping(self) -> None:
        """Return if libvirt answers. Raises HostUnreachable."""
        self._connection.call(_ping)

    def subscribe(self, callback: Callback) -> Subscription:
        """Call back with every DomainEvent, on the event thread: hand over and return, never call libvirt there.

        Ends with its connection: see ``on_disconnect``.
        """
        return listen(self._connection, callback, on_disconnect=self._tell_disconnect)

    def on_disconnect(self, listener: Callable[[], None]) -> None:
        """Call ``listener``, on the event thread, whenever a subscription has lost the host. It is void then."""
        self._listeners.append(listener)

    def _tell_disconnect(self) -> None:
        for listener in list(self._listeners):
            try:
                listener()
            except Exception:  # one listener's mistake must not keep the others from hearing
                log.exception("disconnect listener failed")

    def close(self) -> None:
        """Close unused connections; the next use opens another."""
        self._connection.close()


def _ping(conn: Any) -> None:
    conn.getLibVersion()


_known: dict[Endpoint, Hypervisor] = {}


def hypervisor(endpoint: Endpoint) -> Hypervisor:
    """The process's one Hypervisor for ``endpoint``."""
    return _known.get(endpoint) or _known.setdefault(endpoint, Hypervisor(endpoint))
