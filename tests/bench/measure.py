"""Taking times. All of them in seconds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

Works: TypeAlias = Mapping[str, Callable[[], object]]

MS = 1000.0  # milliseconds in a second


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def p50(samples: Sequence[float]) -> float:
    """The median."""
    return statistics.median(samples)


def p95(samples: Sequence[float]) -> float:
    """The smallest sample that at least 95 % of all are not above."""
    return sorted(samples)[-(-95 * len(samples) // 100) - 1]


def in_turn(works: Works, rounds: int, warm_up: int = 0, pause_s: float = 0.0) -> dict[str, list[float]]:
    """Times of several works, each once a round, so that whatever else the machine does meets all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for number in range(-warm_up, rounds):
        for name, work in works.items():
            taken = seconds(work)
            if number >= 0:
                times[name].append(taken)
        time.sleep(pause_s)
    return times
