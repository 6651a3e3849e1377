"""The toolbar of a list: actions on the selected rows, on a phone as a dock and a sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from cloudia.core.policy import Action, Text
from cloudia.ui.links import NIL_ID


@dataclass(frozen=True, slots=True)
class ListAction:
    """One button.

    ``url`` (see :func:`row_url`) answers with a dialog for one row, or is a whole page if ``page`` is set. ``bulk_url``
    answers with a dialog for ``?id=...&id=...``; without it ``one_only`` says that several rows are too many. A line
    is drawn between groups.
    """

    action: Action
    url: str
    bulk_url: str = ""
    one_only: Text = ""
    page: bool = False
    group: int = 0

    def __post_init__(self) -> None:
        if not self.bulk_url and not self.one_only:
            raise ValueError(f"{self.action.name}: either bulk_url, or one_only to say why several rows are too many")


def row_url(url_name: str, *args: Any) -> str:
    """The address for the row that will be selected: reversed with a stand-in for its id, then ``args``."""
    return reverse(url_name, args=[NIL_ID, *args])
