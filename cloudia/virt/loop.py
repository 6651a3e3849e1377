"""libvirt's event loop: one thread per process that serves keep-alives, disconnects and events.

libvirt's own default loop can't be used, because it does not survive a fork: the child would share the parent's poll
set and wait for ever for a loop owner that does not exist there. This one starts empty in the child.
"""

from __future__ import annotations

import itertools
import logging
import math
import os
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import libvirt

log = logging.getLogger(__name__)

_TO_POLL = (
    (libvirt.VIR_EVENT_HANDLE_READABLE, select.POLLIN),
    (libvirt.VIR_EVENT_HANDLE_WRITABLE, select.POLLOUT),
    (libvirt.VIR_EVENT_HANDLE_ERROR, select.POLLERR),
    (libvirt.VIR_EVENT_HANDLE_HANGUP, select.POLLHUP),
)


_TROUBLE = int(libvirt.VIR_EVENT_HANDLE_ERROR | libvirt.VIR_EVENT_HANDLE_HANGUP)  # is told whether asked for or not


@dataclass(slots=True)
class _Handle:
    fd: int
    events: int
    invoke: Callable[..., None]
    opaque: Any  # libvirt's own capsule


@dataclass(slots=True)
class _Timer:
    interval_ms: int
    due: float
    invoke: Callable[..., None]
    opaque: Any  # libvirt's own capsule


class EventLoop:
    """Poll file descriptors and timers for libvirt. Its functions are called by libvirt from any thread."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._lock = threading.RLock()
        self._registered = False
        self._reset()

    def _reset(self) -> None:
        self._handles: dict[int, _Handle] = {}
        self._timers: dict[int, _Timer] = {}
        self._garbage: list[Any] = []
        self._thread: threading.Thread | None = None
        self._wake_read = self._wake_write = -1
        self._polled: dict[int, int] = {}  # what the thread waits for now: handles and their events,
        self._polled_until = 0.0  # and how long

    def start(self) -> None:
        """Register with libvirt and start the thread, unless that is done. Call before any connection is opened."""
        with self._lock:
            if not self._registered:
                self._register()
            if self._thread is None:
                self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
                # A daemon: a process must be able to end while hosts are silent.
                self._thread = threading.Thread(target=self._run, name="libvirt-events", daemon=True)
                self._thread.start()

    def after_fork(self) -> None:
        """Forget the parent's connections: its thread and its polling do not exist in the child."""
        for fd in (self._wake_read, self._wake_write):
            if fd >= 0:
                os.close(fd)
        self._lock = threading.RLock()
        self._reset()

    def on_thread(self) -> bool:
        """Whether the caller is a callback of this loop."""
        return threading.current_thread() is self._thread

    def _register(self) -> None:
        libvirt.virEventRegisterImpl(
            self._add_handle,
            self._update_handle,
            self._remove_handle,
            self._add_timer,
            self._update_timer,
            self._remove_timer,
        )
        # libvirt prints every error to stderr as well; ours are raised, translated and logged.
        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        self._registered = True

    def _add_handle(self, fd: int, events: int, invoke: Callable[..., None], opaque: Any) -> int:
        return self._add(self._handles, _Handle(fd, events, invoke, opaque))

    def _add_timer(self, interval_ms: int, invoke: Callable[..., None], opaque: Any) -> int:
        return self._add(self._timers, _Timer(interval_ms, time.monotonic() + interval_ms / 1000, invoke, opaque))

    def _add(self, table: dict[int, Any], entry: _Handle | _Timer) -> int:
        with self._lock:
            number = next(self._ids)
            table[number] = entry
        self._wake()
        return number

    def _update_handle(self, number: int, events: int) -> None:
        # libvirt turns its handle off and on with every call and every message: waking for that costs more than both.
        with self._lock:
            if handle := self._handles.get(number):
                handle.events = events
            awaited = not events & ~self._polled.get(number, 0)
        if not awaited:
            self._wake()

    def _update_timer(self, number: int, interval_ms: int) -> None:
        with self._lock:
            if timer := self._timers.get(number):
                timer.interval_ms, timer.due = interval_ms, time.monotonic() + interval_ms / 1000
            awaited = timer is None or interval_ms < 0 or self._polled_until <= timer.due
        if not awaited:
            self._wake()

    def _remove_handle(self, number: int) -> int:
        return self._remove(self._handles, number)

    def _remove_timer(self, number: int) -> int:
        return self._remove(self._timers, number)

    def _remove(self, table: dict[int, Any], number: int) -> int:
        with self._lock:
            entry = table.pop(number, None)
            if entry is None:
                return -1
            self._garbage.append(entry.opaque)  # libvirt wants it freed later, outside of this call
        self._wake()
        return 0

    def _wake(self) -> None:
        # A full pipe wakes as well as a longer one. On the loop's own thread the next turn comes anyway.
        if not self.on_thread() and self._wake_write >= 0:
            try:
                os.write(self._wake_write, b"x")
            except BlockingIOError:
                return

    def _run(self) -> None:
        while True:
            try:
                self._turn()
            except Exception:  # the thread serves every host: it must outlive a bad callback
                log.exception("libvirt event callback failed")

    def _turn(self) -> None:
        for number, fd, events in self._poll():
            with self._lock:
                handle = self._handles.get(number)
            # It may have been turned off meanwhile: who did so reads for himself.
            if handle is not None and handle.fd == fd and events & (handle.events | _TROUBLE):
                handle.invoke(number, fd, events, handle.opaque)
        for number, timer in self._due():
            timer.invoke(number, timer.opaque)
        with self._lock:
            garbage, self._garbage = self._garbage, []
        for opaque in garbage:
            libvirt.virEventInvokeFreeCallback(opaque)

    def _poll(self) -> list[tuple[int, int, int]]:
        with self._lock:
            watched = [(number, h.fd, h.events) for number, h in self._handles.items()]
            timeout = self._timeout_ms()
            self._polled = {number: events for number, _fd, events in watched}
            self._polled_until = time.monotonic() + timeout / 1000 if timeout is not None else math.inf
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        wanted: dict[int, int] = {}
        for _number, fd, events in watched:
            wanted[fd] = wanted.get(fd, 0) | _to_poll(events)
        for fd, mask in wanted.items():
            poll.register(fd, mask)
        ready = dict(poll.poll(timeout))
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        return [(n, fd, events) for n, fd, asked in watched if (events := _from_poll(ready.get(fd, 0)) & (asked | 12))]

    def _timeout_ms(self) -> float | None:
        due = [timer.due for timer in self._timers.values() if timer.interval_ms >= 0]
        # Rounded up: a poll that ends a moment too early would spin.
        return max(0, int((min(due) - time.monotonic()) * 1000) + 1) if due else None

    def _due(self) -> list[tuple[int, _Timer]]:
        now = time.monotonic()
        with self._lock:
            due = [(n, t) for n, t in self._timers.items() if t.interval_ms >= 0 and t.due <= now]
            for _number, timer in due:
                timer.due = now + timer.interval_ms / 1000
        return due


def _to_poll(events: int) -> int:
    return sum(poll for virt, poll in _TO_POLL if events & virt)


def _from_poll(events: int) -> int:
    if events & select.POLLNVAL:
        return int(libvirt.VIR_EVENT_HANDLE_ERROR)
    return int(sum(virt for virt, poll in _TO_POLL if events & poll))


loop = EventLoop()
os.register_at_fork(after_in_child=loop.after_fork)
