"""What domains do, as it happens."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import libvirt

from cloudia.core.errors import CloudiaError
from cloudia.virt.connection import Connection, Session
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
    """Events flow until ``close()``, or until the host is lost. It has a connection of its own, which it closes."""

    def __init__(self, session: Session, on_disconnect: Callable[[], None] | None) -> None:
        self._session, self._on_disconnect = session, on_disconnect
        self._ids: list[int] = []
        self._open = True

    def start(self, callback: Callback, uuid: UUID | None) -> None:
        """Ask for the events. Raises CloudiaError."""
        self._ids = self._session.call(lambda conn: _register(conn, callback, uuid))
        self._session.call(lambda conn: conn.registerCloseCallback(self._lost, None))

    def close(self) -> None:
        """Stop the events; harmless twice, and when the host is gone."""
        was_open, self._open = self._open, False
        if was_open:
            with contextlib.suppress(CloudiaError):
                self._session.call(self._deregister)

    def _deregister(self, conn: Any) -> None:
        # All of it, or libvirt-python keeps the connection alive.
        conn.unregisterCloseCallback()
        for number in self._ids:
            conn.domainEventDeregisterAny(number)

    def _lost(self, _conn: Any, _reason: int, _opaque: Any) -> None:
        was_open, self._open = self._open, False
        if was_open and self._on_disconnect:
            self._on_disconnect()


def listen(
    connection: Connection,
    callback: Callback,
    uuid: UUID | None = None,
    on_disconnect: Callable[[], None] | None = None,
) -> Subscription:
    """Call back on lifecycle and reboot events of one domain, or of all. Raises CloudiaError."""
    subscription = Subscription(connection.open_session(), on_disconnect)
    subscription.start(callback, uuid)
    return subscription


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
