"""A file that nobody may read, and whether somebody did."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_ACCESS, IN_OPEN = 0x1, 0x20  # inotify(7)


class Canary:
    """Watched by the kernel, so whoever opens it is noticed: libvirt's processes, ours, and their children."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._watch = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._checked(self._libc.inotify_add_watch(self._watch, os.fsencode(path), IN_ACCESS | IN_OPEN))

    @property
    def was_opened(self) -> bool:
        """Whether somebody has opened or read it since this was asked last."""
        try:
            return bool(os.read(self._watch, 1 << 16))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Watch it no longer."""
        os.close(self._watch)

    @staticmethod
    def _checked(number: int) -> int:
        if number < 0:
            raise OSError(ctypes.get_errno(), "inotify")
        return number


@contextmanager
def watched(path: Path) -> Iterator[Canary]:
    """A canary at ``path``: a raw disk with a secret. It is gone afterwards."""
    path.write_bytes(b"secret".ljust(1 << 20, b"\0"))
    canary = Canary(path)
    try:
        yield canary
    finally:
        canary.close()
        path.unlink()
