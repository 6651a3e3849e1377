"""What guests use on each host. The apps whose guests these are register how to count them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Usage:
    """Resources claimed on a host by guests that run or are about to; a GPU is kept while its guest is off, too."""

    guests: int = 0
    vcpus: int = 0
    memory_mib: int = 0
    gpus: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*map(sum, zip(astuple(self), astuple(other), strict=True)))


Counter: TypeAlias = Callable[[], Mapping[uuid.UUID, Usage]]
_counters: list[Counter] = []


def register(counter: Counter) -> None:
    """Add a way to count; called at start-up."""
    _counters.append(counter)


def usage_by_host() -> dict[uuid.UUID, Usage]:
    """Everything claimed, by host id; one query per counter."""
    total: dict[uuid.UUID, Usage] = defaultdict(Usage)
    for counter in _counters:
        for host_id, usage in counter().items():
            total[host_id] += usage
    return total
