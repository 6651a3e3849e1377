"""One connection to one libvirt, with a deadline on everything.

libvirt has no time limits of its own: a stopped libvirtd blocks open() and every call for ever. So each call runs on a
thread of its own (0.1 ms) that is left behind when it takes too long. From then on callers are refused at once, while a
single trial waits in the background for the host to answer; they are let in again the moment it does.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

import libvirt

from cloudia.core.errors import CloudiaError
from cloudia.virt.errors import still_silent, translate, unanswered
from cloudia.virt.loop import loop
from cloudia.virt.types import Endpoint

T = TypeVar("T")
log = logging.getLogger(__name__)

DEADLINE_S = 20.0
# A silent connection is cut after 5 s x (3 + 1), which ends the threads that wait in it.
KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT = 5, 3
# How long a trial may be the only one; a packet filter may have swallowed it while the host is back.
TRIAL_S = 60.0
# One slow call (a busy disk) is not a silent host: others wait this long for the trial before they are refused.
GRACE_S = 1.0
CLOSE_S = 1.0


class Connection:
    """Runs work on a libvirt connection that is opened when first needed, and again after it died."""

    def __init__(self, endpoint: Endpoint, deadline_s: float = DEADLINE_S) -> None:
        self.endpoint, self.deadline_s = endpoint, deadline_s
        self.disconnect_listeners: list[Callable[[], None]] = []
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._conn: Any = None  # libvirt.virConnect: libvirt-python is untyped for our purposes
        self._opening: Future[Any] | None = None
        self._opening_since = 0.0
        self._trial: Future[None] | None = None
        self._trial_since = 0.0

    def call(self, work: Callable[[Any], T], deadline_s: float | None = None) -> T:
        """What ``work(virConnect)`` returns. Raises CloudiaError; HostUnreachable after ``deadline_s`` seconds."""
        seconds = deadline_s or self.deadline_s
        self._refuse_while_silent()
        future = _spawn(lambda: self._attempt(work))
        if future not in wait([future], seconds).done:
            self._start_trial()
            raise unanswered(seconds)
        return future.result()

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        with self._lock:
            conn, self._conn = self._conn, None
        if conn is not None:
            wait([_spawn(lambda: _close(conn))], CLOSE_S)

    def abandon(self) -> None:
        """Let go of the connection without a word to the host, which may be silent, or the parent's to talk to."""
        conn = self._conn
        self._reset()
        if conn is not None:
            conn._o = None  # keeps libvirt-python from closing it when the object dies

    def _attempt(self, work: Callable[[Any], T]) -> T:
        conn = self._ensure()
        try:
            return work(conn)
        except libvirt.libvirtError as error:
            connected = _is_alive(conn)
            if not connected:
                self._drop(conn)
            raise translate(error, connected=connected) from error

    def _ensure(self) -> Any:
        """The open connection. Blocks without a limit while it is being opened; several callers share one attempt."""
        with self._lock:
            conn = self._conn
        if conn is not None and _is_alive(conn):
            return conn
        self._drop(conn)
        with self._lock:
            if self._conn is not None:
                return self._conn
            if self._opening is None or self._opening.done() or _older(self._opening_since, TRIAL_S):
                self._opening, self._opening_since = _spawn(self._open), time.monotonic()
            opening = self._opening
        return opening.result()

    def _open(self) -> Any:
        loop.start()
        try:
            conn = libvirt.openAuth(self.endpoint.uri, [_CREDENTIALS, self._answer, None], 0)
        except libvirt.libvirtError as error:
            raise translate(error, connected=False) from error
        with contextlib.suppress(libvirt.libvirtError):  # drivers without a wire have neither
            conn.setKeepAlive(KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT)
            conn.registerCloseCallback(self._on_close, None)
        with self._lock:
            if self._conn is None:
                self._conn = conn
                return conn
            current = self._conn
        _close(conn)  # another attempt was quicker
        return current

    def _answer(self, credentials: list[list[Any]], _opaque: Any) -> int:
        """libvirt's question for credentials: fill in the last place of each."""
        answers = {
            libvirt.VIR_CRED_PASSPHRASE: self.endpoint.password,
            libvirt.VIR_CRED_NOECHOPROMPT: self.endpoint.password,
        }
        for credential in credentials:
            credential[4] = answers.get(credential[0], self.endpoint.username)
        return 0

    def _on_close(self, conn: Any, _reason: int, _opaque: Any) -> None:
        self._drop(conn)

    def _drop(self, conn: Any) -> None:
        """Forget a connection that died, and say so once."""
        with self._lock:
            if conn is None or self._conn is not conn:
                return
            self._conn = None
        _spawn(lambda: _close(conn))
        for listener in list(self.disconnect_listeners):
            try:
                listener()
            except Exception:  # one listener's mistake must not keep the others from hearing
                log.exception("disconnect listener failed")

    def _refuse_while_silent(self) -> None:
        with self._lock:
            trial, since = self._trial, self._trial_since
        if trial is None:
            return
        wait([trial], max(0.0, since + GRACE_S - time.monotonic()))
        if not trial.done():
            if _older(since, TRIAL_S):
                self._start_trial()
            raise still_silent()
        with self._lock:
            if self._trial is trial:
                self._trial = None

    def _start_trial(self) -> None:
        with self._lock:
            if self._trial is None or self._trial.done() or _older(self._trial_since, TRIAL_S):
                self._trial, self._trial_since = _spawn(self._probe), time.monotonic()

    def _probe(self) -> None:
        """Return when the host has answered, be it with a refusal. The first connection may be cut meanwhile."""
        for _attempt in range(2):
            with contextlib.suppress(libvirt.libvirtError, CloudiaError):
                self._ensure().getLibVersion()
                return


_CREDENTIALS = [
    libvirt.VIR_CRED_USERNAME,
    libvirt.VIR_CRED_AUTHNAME,
    libvirt.VIR_CRED_PASSPHRASE,
    libvirt.VIR_CRED_NOECHOPROMPT,
    libvirt.VIR_CRED_ECHOPROMPT,
]
_all: weakref.WeakSet[Connection] = weakref.WeakSet()


def _spawn(work: Callable[[], T]) -> Future[T]:
    """Run ``work`` on a daemon thread: an executor's threads would keep the process from ending."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="libvirt-call", daemon=True).start()
    return future


def _older(since: float, seconds: float) -> bool:
    return time.monotonic() - since > seconds


def _is_alive(conn: Any) -> bool:
    try:
        return bool(conn.isAlive())
    except libvirt.libvirtError:
        return False


def _close(conn: Any) -> None:
    with contextlib.suppress(libvirt.libvirtError):
        conn.unregisterCloseCallback()
    with contextlib.suppress(libvirt.libvirtError):
        conn.close()


@atexit.register
def _close_all() -> None:
    """Say goodbye where that is quick; no silent host may keep the process from ending."""
    for connection in list(_all):
        if connection._trial is None:
            connection.close()
        connection.abandon()


def _after_fork() -> None:
    for connection in list(_all):
        connection.abandon()


os.register_at_fork(after_in_child=_after_fork)
