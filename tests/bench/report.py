"""What was measured, whether it reaches its target, and how that is told: a table and a JSON file."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HEAD = ("row", "what", "measured", "yardstick", "compared", "target", "")


@dataclass(frozen=True)
class Check:
    """One number and its target. ``details`` only go to the JSON file."""

    row: str
    what: str
    unit: str
    measured: float
    yardstick: float | None
    compared: str
    target: str
    passed: bool
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        yardstick = "-" if self.yardstick is None else f"{_short(self.yardstick)} {self.unit}"
        measured = f"{_short(self.measured)} {self.unit}"
        verdict = "PASS" if self.passed else "FAIL"
        return self.row, self.what, measured, yardstick, self.compared, self.target, verdict


def at_most(row: str, what: str, unit: str, measured: float, most: float, **details: Any) -> Check:
    """A number that stands alone."""
    return Check(row, what, unit, measured, None, "-", f"<= {most:g} {unit}", measured <= most, details)


def times(row: str, what: str, unit: str, measured: float, yardstick: float, most: float, **details: Any) -> Check:
    """At most ``most`` times the yardstick."""
    ratio = measured / yardstick
    return Check(row, what, unit, measured, yardstick, f"{ratio:.2f}x", f"<= {most:g}x", ratio <= most, details)


def added(row: str, what: str, unit: str, measured: float, yardstick: float, most: float, **details: Any) -> Check:
    """At most ``most`` more than the yardstick."""
    more = measured - yardstick
    target = f"<= +{most:g} {unit}"
    return Check(row, what, unit, measured, yardstick, f"{more:+.3f} {unit}", target, more <= most, details)


def share(row: str, what: str, unit: str, measured: float, yardstick: float, least: float, **details: Any) -> Check:
    """At least the ``least`` part of the yardstick."""
    part = measured / yardstick
    return Check(row, what, unit, measured, yardstick, f"{part:.0%}", f">= {least:.0%}", part >= least, details)


def table(checks: Sequence[Check]) -> str:
    """All of them, a line each."""
    lines = [HEAD, *(check.cells for check in checks)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def save(checks: Sequence[Check], directory: Path, seconds: float) -> Path:
    """Everything, with what is needed to compare it with another run's."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    content = {"seconds": seconds, "machine": _machine(), "checks": [asdict(check) for check in checks]}
    path.write_text(json.dumps(content, indent=1, default=str) + "\n")
    return path


def _machine() -> dict[str, Any]:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {
        "commit": commit,
        "cpus": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


def _short(value: float) -> str:
    return f"{value:.3f}" if value < 10 and value != int(value) else f"{value:.1f}" if value < 1000 else f"{value:.0f}"
