"""What ``manage.py doctor`` says: one line for each thing that has to work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, and how to mend it; nothing to mend means that it works."""

    what: str
    remedy: str = ""
