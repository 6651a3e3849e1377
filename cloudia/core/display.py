"""How a state is shown."""

from __future__ import annotations

from dataclasses import dataclass

from cloudia.core.policy import Text


@dataclass(frozen=True, slots=True)
class DisplayState:
    """The status a person sees: words, icon and tone belong together, so that colour never stands alone.

    ``progress`` is in percent, or None where it is not known; ``note`` says more in small print.
    """

    code: str
    label: Text
    icon: str
    tone: str  # ok, busy, warn, bad, idle
    progress: int | None = None
    note: Text = ""
