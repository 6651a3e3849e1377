"""What domains do, as it happens."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import libvirt

from cloudia.core.errors import CloudiaError
from cloudia.virt.connection import Connection
from cloudia.virt.types import DomainEvent, EventKind

log = logging.getLogger(__name__)

_KINDS: Mapping[int, EventKind] = {
    libvirt.VIR_DOMAIN_EVENT_DEFINED: EventKind.DEFINED,
    libvirt.VIR_DOMAIN_EVENT_UNDEFINED: EventKind.UNDEFINED,
    libvirt.VIR_DOMAIN_EVENT_STARTED: EventKind.STARTED,
    libvirt.VIR_DOMAIN_EVENT_SUSPENDED: EventKind.SUSPENDED,
    libvirt.VIR_DOMAIN_EVENT_RESUMED: EventKind.RESUMED,
    libvirt.VIR_DOMAIN_EVENT_STOPPED: EventKind.STOPPED,
    libvirt.VIR_DOMAIN_EVENT_SHUTDOWN: EventKind.SHUTDOWN,
    libvirt.VIR_DOMAIN_EVENT_PMSUSPENDED: EventKind.PMSUSPENDED,
    libvirt.VIR_DOMAIN_EVENT_CRASHED: EventKind.CRASHED,
}
_BAD_STOPS = (libvirt.VIR_DOMAIN_EVENT_STOPPED_CRASHED, libvirt.VIR_DOMAIN_EVENT_STOPPED_FAILED)

Callback = Callable[[DomainEvent], None]


class Subscription:
    """Events flow until ``close()``, or until the connection dies (see ``Hypervisor.on_disconnect``)."""

    def __init__(self, connection: Connection, conn: Any, ids: list[int]) -> None:
        self._connection, self._conn, self._ids = connection, conn, ids

    def close(self) -> None:
        """Stop the events; harmless twice, and when the connection is gone."""
        ids, self._ids = self._ids, []
        with contextlib.suppress(CloudiaError):
            self._connection.call(lambda conn: self._deregister(conn, ids))

    def _deregister(self, conn: Any, ids: list[int]) -> None:
        if conn is self._conn:  # the numbers mean nothing to another connection
            for number in ids:
                conn.domainEventDeregisterAny(number)


def listen(connection: Connection, callback: Callback, uuid: UUID | None = None) -> Subscription:
    """Call back on lifecycle and reboot events of one domain, or of all. Raises CloudiaError."""
    return connection.call(lambda conn: Subscription(connection, conn, _register(conn, callback, uuid)))


def _register(conn: Any, callback: Callback, uuid: UUID | None) -> list[int]:
    domain = conn.lookupByUUIDString(str(uuid)) if uuid else None

    def on_lifecycle(_conn: Any, dom: Any, event: int, detail: int, _opaque: Any) -> None:
        _deliver(callback, dom, event_kind(event, detail))

    def on_reboot(_conn: Any, dom: Any, _opaque: Any) -> None:
        _deliver(callback, dom, EventKind.REBOOTED)

    return [
        conn.domainEventRegisterAny(domain, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, on_lifecycle, None),
        conn.domainEventRegisterAny(domain, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, on_reboot, None),
    ]


def event_kind(event: int, detail: int) -> EventKind | None:
    """Our name for one of libvirt's lifecycle events; None for those of later versions."""
    if event == libvirt.VIR_DOMAIN_EVENT_STOPPED and detail in _BAD_STOPS:
        return EventKind.CRASHED
    return _KINDS.get(event)


def _deliver(callback: Callback, domain: Any, kind: EventKind | None) -> None:
    if kind is None:
        return
    try:
        callback(DomainEvent(UUID(domain.UUIDString()), domain.name(), kind))
    except Exception:  # raised into libvirt's C code it would only be printed
        log.exception("event callback failed")
