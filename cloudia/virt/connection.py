"""Connections to one libvirt, with a deadline on everything.

libvirt has no time limits of its own: a stopped libvirtd blocks open() and every call for ever. So each call runs on a
thread of its own (0.1 ms) that is left behind when it takes too long. From then on callers are refused at once, while a
single trial waits in the background for the host to answer; they are let in again the moment it does.

A connection serves one call at a time, and more are opened when calls overlap. libvirt 9.0 crashes the process when
keep-alive cuts a connection that two threads wait in: only the first is woken, the second returns to freed memory.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any, TypeVar

import libvirt

from cloudia.core.errors import CloudiaError
from cloudia.virt.errors import still_silent, translate, unanswered
from cloudia.virt.loop import loop
from cloudia.virt.threads import closed_elsewhere, settle, spawn
from cloudia.virt.types import Endpoint

T = TypeVar("T")

# For one call; opening a connection first may take half as long again, so a host is given up within 30 s.
DEADLINE_S = 20.0
# A silent connection is cut after 5 s x (3 + 1), which ends the thread that waits in it.
KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT = 5, 3
# How long a trial may be the only one; a packet filter may have swallowed it while the host is back.
TRIAL_S = 60.0
# One slow call (a busy disk) is not a silent host: others wait this long for the trial before they are refused.
GRACE_S = 1.0
CLOSE_S = 1.0
# Connections kept open between calls.
IDLE = 4
_CREDENTIALS = [
    libvirt.VIR_CRED_USERNAME,
    libvirt.VIR_CRED_AUTHNAME,
    libvirt.VIR_CRED_PASSPHRASE,
    libvirt.VIR_CRED_ECHOPROMPT,
    libvirt.VIR_CRED_NOECHOPROMPT,
]
_SECRETS = (libvirt.VIR_CRED_PASSPHRASE, libvirt.VIR_CRED_NOECHOPROMPT)


class Connection:
    """Runs work on libvirt connections that are opened when needed, and opened again after they died."""

    def __init__(self, endpoint: Endpoint, deadline_s: float = DEADLINE_S) -> None:
        self.endpoint, self.deadline_s = endpoint, deadline_s
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Any] = []  # of libvirt.virConnect, which has no usable types
        self._opened: weakref.WeakSet[Any] = weakref.WeakSet()
        self._trial: Future[None] | None = None
        self._trial_since = 0.0

    def call(self, work: Callable[[Any], T], deadline_s: float | None = None) -> T:
        """What ``work(virConnect)`` returns. Raises CloudiaError; HostUnreachable after ``deadline_s`` seconds."""
        with self.session() as session:
            return session.call(work, deadline_s)

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """A connection for the caller alone: for several calls that belong together."""
        self._refuse_while_silent()
        session = Session(self, self._take())
        try:
            yield session
        finally:
            if session.usable:
                self._give_back(session.conn)

    def open_session(self) -> Session:
        """A connection for the caller alone, which is never given back: events need one of their own."""
        self._refuse_while_silent()
        return Session(self, self._take())

    def run(self, work: Callable[[], T], seconds: float) -> T:
        """What ``work`` returns, on a thread of its own. Raises HostUnreachable when it takes too long."""
        future = spawn(work)
        if future not in wait([future], seconds).done:
            self._start_trial()
            raise unanswered(seconds)
        return future.result()

    def close(self) -> None:
        """Close what is open and unused; the next call opens another one."""
        with self._lock:
            idle, self._idle = self._idle, []
        wait([spawn(conn.close) for conn in idle], CLOSE_S)

    def abandon(self) -> None:
        """Let go of all connections without a word to the host, which may be silent, or the parent's to talk to."""
        opened = list(self._opened)
        self._reset()
        for conn in opened:
            conn._o = None  # keeps libvirt-python from closing it when the object dies

    def _take(self) -> Any:
        with self._lock:
            while self._idle:
                conn = self._idle.pop()
                if is_alive(conn):
                    return conn
        return self.run(self._open, self.deadline_s / 2)

    def _give_back(self, conn: Any) -> None:
        with self._lock:
            if len(self._idle) < IDLE:
                self._idle.append(conn)

    def _open(self) -> Any:
        loop.start()
        try:
            conn = closed_elsewhere(libvirt.openAuth(self.endpoint.uri, [_CREDENTIALS, self._answer, None], 0))
        except libvirt.libvirtError as error:
            raise translate(error, connected=False) from error
        with contextlib.suppress(libvirt.libvirtError):  # drivers without a wire don't have it
            conn.setKeepAlive(KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT)
        self._opened.add(conn)
        return conn

    def _answer(self, credentials: list[list[Any]], _opaque: Any) -> int:
        """libvirt's question for credentials: fill in the last place of each."""
        for credential in credentials:
            credential[4] = self.endpoint.password if credential[0] in _SECRETS else self.endpoint.username
        return 0

    def _refuse_while_silent(self) -> None:
        with self._lock:
            trial, since = self._trial, self._trial_since
        if trial is None:
            return
        wait([trial], max(0.0, since + GRACE_S - time.monotonic()))
        if not trial.done():
            self._start_trial()
            raise still_silent()
        with self._lock:
            if self._trial is trial:
                self._trial = None

    def _start_trial(self) -> None:
        """Find out whether the host is silent, unless somebody is on it."""
        with self._lock:
            trial, age = self._trial, time.monotonic() - self._trial_since
            if trial is None or trial.done() or age > TRIAL_S:
                self._trial, self._trial_since = spawn(self._probe), time.monotonic()

    def _probe(self) -> None:
        """Return when the host has answered, be it with a refusal."""
        with contextlib.suppress(libvirt.libvirtError, CloudiaError):
            conn = self._open()
            conn.getLibVersion()
            self._give_back(conn)


class Session:
    """One open connection in the hands of one caller. ``usable`` until it died, or a call was left behind in it."""

    def __init__(self, owner: Connection, conn: Any) -> None:
        self.owner, self.conn, self.usable = owner, conn, True

    def call(self, work: Callable[[Any], T], deadline_s: float | None = None) -> T:
        """What ``work(virConnect)`` returns. Raises CloudiaError; HostUnreachable after ``deadline_s`` seconds."""
        usable, self.usable = self.usable, False
        if not usable:
            raise still_silent()
        return self.owner.run(lambda: self._attempt(work), deadline_s or self.owner.deadline_s)

    def _attempt(self, work: Callable[[Any], T]) -> T:
        try:
            return work(self.conn)
        except libvirt.libvirtError as error:
            raise translate(error, connected=is_alive(self.conn)) from error
        finally:
            self.usable = is_alive(self.conn)


_all: weakref.WeakSet[Connection] = weakref.WeakSet()


def is_alive(conn: Any) -> bool:
    """Whether the connection was not cut, as far as this side knows."""
    try:
        return bool(conn.isAlive())
    except libvirt.libvirtError:
        return False


@atexit.register
def _close_all() -> None:
    """Say goodbye where that is quick; no silent host may keep the process from ending."""
    for connection in list(_all):
        if connection._trial is None:
            connection.close()
        connection.abandon()
    settle()


def _after_fork() -> None:
    for connection in list(_all):
        connection.abandon()


os.register_at_fork(after_in_child=_after_fork)
