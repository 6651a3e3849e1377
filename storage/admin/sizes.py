"""Columns of the admin with sizes as people read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin

from cloudia.ui.templatetags.units import size

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


def size_column(field: str, label: _StrPromise) -> Callable[[Any, Any], str]:
    """A column for ``field`` (bytes) in the units of the console's pages, sorted as numbers are; a dash for none."""

    @admin.display(description=label, ordering=field)
    def shown(_admin: Any, row: Any) -> str:
        count: int = getattr(row, field)
        return size(count) if count else "–"

    return shown
