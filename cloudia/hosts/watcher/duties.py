"""What else the leading watcher does, beside following hosts: apps register a thread each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Duty(Protocol):
    """A thread that runs while this watcher leads."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End soon; returns at once."""

    def is_alive(self) -> bool:
        """Whether it still runs."""


_makers: list[Callable[[], Duty]] = []


def register(make: Callable[[], Duty]) -> None:
    """Add one; called at start-up."""
    _makers.append(make)


class Duties:
    """Those of one watcher."""

    def __init__(self) -> None:
        self._running: dict[Callable[[], Duty], Duty] = {}

    def keep(self) -> None:
        """Start what does not run."""
        for make in _makers:
            duty = self._running.get(make)
            if duty is None or not duty.is_alive():
                self._running[make] = make()
                self._running[make].start()

    def stop(self) -> None:
        """End them all."""
        while self._running:
            self._running.popitem()[1].stop()
