"""Who depends on what lies in storage. Apps that make such couplings register how to find them at start-up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

from cloudia.core.policy import Holder

# The holders of each of the given rows, which are all of one model; one query for all of them.
Finder: TypeAlias = Callable[[Sequence[UUID]], Mapping[UUID, Sequence[Holder]]]
_finders: dict[str, list[Finder]] = {}


def register(model: str, finder: Finder) -> None:
    """Add who may hold rows of ``model`` ("volume", "image", "filesystem"); called at start-up."""
    _finders.setdefault(model, []).append(finder)


def fill(rows: Iterable[Any]) -> None:
    """Give each row of a page its ``known_holders``, so that its policies ask nothing more."""
    by_model: dict[str, list[Any]] = {}
    for row in rows:
        row.known_holders = []
        by_model.setdefault(row._meta.model_name, []).append(row)
    for model, found in by_model.items():
        for finder in _finders.get(model, ()):
            holders = finder([row.pk for row in found])
            for row in found:
                row.known_holders.extend(holders.get(row.pk, ()))


def holders_of(row: Any) -> Sequence[Holder]:
    """Who depends on the row: as :func:`fill` found, else as of now."""
    known: Sequence[Holder] | None = getattr(row, "known_holders", None)
    if known is None:
        fill([row])
        known = row.known_holders
        del row.known_holders  # the next question may have another answer
    return known or ()
