"""What every project starts with: apps register what they make for a new one."""

from __future__ import annotations

from collections.abc import Callable

from cloudia.accounts.models import Project

_providers: list[Callable[[Project], object]] = []


def register(provide: Callable[[Project], object]) -> None:
    """Add something that new projects get; called at start-up."""
    _providers.append(provide)


def provision(project: Project) -> None:
    """Give a new project what it starts with, in the transaction that makes it."""
    for provide in _providers:
        provide(project)
