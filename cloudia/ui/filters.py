"""The filters of a list as its page shows them: what may be chosen, and what the address has chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Text

ALL = _("All")


@dataclass(frozen=True, slots=True)
class Select:
    """A filter with a few choices; ``options`` are (value, label, chosen), ``otherwise`` is what no choice means."""

    name: str
    label: Text
    options: Sequence[tuple[str, Text, bool]]
    otherwise: Text


def select(
    name: str, label: Text, choices: Iterable[tuple[Any, Text]], query: QueryDict, otherwise: Text = ALL
) -> Select:
    """The filter ``name`` as ``query`` has it."""
    chosen = query.getlist(name)
    return Select(name, label, [(str(value), words, str(value) in chosen) for value, words in choices], otherwise)


def is_filtered(query: QueryDict, names: Iterable[str]) -> bool:
    """Whether any of the filters ``names`` is in use."""
    return any(query.get(name) for name in names)
