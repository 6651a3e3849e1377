"""Threads that may be left behind in libvirt, which has no time limits: one for each call, and for each closing.

Closing a connection asks its host as well, and libvirt-python closes one when it is collected: on whichever thread asks
for memory at that moment, the event loop's included, which serves all hosts. So closing happens on threads of its own.
"""

from __future__ import annotations

import ctypes
import os
import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

import libvirt

T = TypeVar("T")

# At the end of the process, what has only just begun needs this long to end, or to get stuck where it does no harm: a
# thread that enters Python from libvirt while the interpreter goes down is unwound through libvirt's code, and crashes.
SETTLE_S = 0.5

_spawned: weakref.WeakSet[Future[Any]] = weakref.WeakSet()


def spawn(work: Callable[[], T]) -> Future[T]:
    """Run ``work`` on a daemon thread: an executor's threads would keep the process from ending."""
    future: Future[T] = Future()
    _spawned.add(future)

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="libvirt-call", daemon=True).start()
    return future


def settle() -> None:
    """Let the process end, whatever is left behind. Call when nothing more is to be spawned."""
    if wait(list(_spawned), SETTLE_S).not_done:
        _skip_destructors()


def _skip_destructors() -> None:
    """Let the C library's exit() end the process before it unloads libvirt, which crashes a thread that is still in it.

    ``on_exit`` hands the exit status to its functions, the latest first, and ``_exit`` takes just that.
    """
    libc = ctypes.CDLL(None)
    libc.on_exit(libc._exit, None)


class _Closer:
    """A thread that has connections closed, each on a thread of its own: a silent host holds up no other."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: a child has neither its parent's thread nor the right to close its connections."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        # A simple queue may be put to by a destructor, which may run in the middle of anything.
        self._handles: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def start(self) -> None:
        """Start the thread, unless it runs."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="libvirt-close", daemon=True)
                self._thread.start()

    def put(self, handle: Any) -> None:
        """Close libvirt's own handle soon."""
        self._handles.put(handle)

    def _run(self) -> None:
        while True:
            spawn(libvirt.virConnect(self._handles.get()).close)


class _Connect(libvirt.virConnect):  # type: ignore[misc]  # libvirt-python has no usable types
    def __del__(self) -> None:
        handle, self._o = self.__dict__.get("_o"), None
        if handle is not None:
            _closer.put(handle)


def closed_elsewhere(conn: Any) -> Any:
    """The same virConnect, to be collected without waiting for its host; the one that was given is void."""
    _closer.start()
    handle, conn._o = conn._o, None
    return _Connect(handle)


_closer = _Closer()
os.register_at_fork(after_in_child=_closer.reset)
