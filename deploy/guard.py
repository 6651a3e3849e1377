"""Ends what a supervisor leaves behind when it is killed."""

from __future__ import annotations

import os
import signal
import time

POLL = 0.1  # seconds


def kill_group(leader: int, number: int) -> bool:
    """Send a signal to a process and all its descendants in its group. False: there are none any more."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return False
    return True


class Guard:
    """A process that outlives the supervisor's kill -9 and then ends what is left.

    PR_SET_PDEATHSIG only reaches direct children, and only asks; the guard takes whole groups, after the grace.
    """

    def __init__(self, grace: float) -> None:
        """Fork. To be called before any thread or event loop exists."""
        reading, self.writing = os.pipe()
        if os.fork() == 0:
            os.close(self.writing)
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self._watch(reading, grace)
            os._exit(0)
        os.close(reading)

    def tell(self, word: str, leader: int) -> None:
        """Say that the group of ``leader`` was ``started`` or has ``ended``."""
        os.write(self.writing, f"{word} {leader}\n".encode())

    @staticmethod
    def _watch(reading: int, grace: float) -> None:
        leaders: set[int] = set()
        with os.fdopen(reading) as lines:
            for line in lines:  # until the supervisor is gone
                word, pid = line.split()
                (leaders.add if word == "started" else leaders.discard)(int(pid))
        deadline = time.monotonic() + grace
        while any(kill_group(leader, 0) for leader in leaders) and time.monotonic() < deadline:
            time.sleep(POLL)
        for leader in leaders:
            kill_group(leader, signal.SIGKILL)
