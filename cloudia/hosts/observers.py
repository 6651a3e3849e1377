"""Who wants to hear what the watcher sees on hosts. Apps that have something there register at start-up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from cloudia.hosts.models import Host
from cloudia.virt import DomainEvent, DomainReport, Hypervisor


class Observer(Protocol):
    """Called by the watcher, on its own threads. What it raises is logged and does not stop the others."""

    def on_sync(self, host: Host, hypervisor: Hypervisor, reports: Sequence[DomainReport], seen_at: datetime) -> None:
        """The whole host was looked at; ``reports`` are all domains there, as of ``seen_at`` or later."""

    def on_event(self, host: Host, event: DomainEvent, report: DomainReport | None, seen_at: datetime) -> None:
        """One domain changed; ``report`` is how it was found when read again, None if it is gone."""


_observers: list[Observer] = []


def register(observer: Observer) -> None:
    """Add one; called at start-up."""
    _observers.append(observer)


def observers() -> Sequence[Observer]:
    """Everyone who registered, in order."""
    return tuple(_observers)
