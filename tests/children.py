"""Servers that tests start end with the tests, even with those that are killed."""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # prctl(2)


def ends_with_parent(number: signal.Signals) -> Callable[[], None]:
    """What to give Popen as ``preexec_fn``: the signal reaches the child when its parent has ended in any way."""

    def prepare() -> None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)

    return prepare
