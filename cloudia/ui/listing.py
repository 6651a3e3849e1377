"""Sorting and paging of lists, all in the address so that a list can be bookmarked and sent to a colleague."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import F, Model, QuerySet
from django.http import HttpRequest

PAGE_SIZE = 50
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Listing(Generic[M]):
    """One page of rows. ``sort`` is the key in force, with a leading ``-`` for descending."""

    page: Page[M]
    sort: str

    @property
    def total(self) -> int:
        """Rows on all pages."""
        return self.page.paginator.count

    @property
    def page_numbers(self) -> list[int | str]:
        """Numbers to offer, with the paginator's ellipsis where some are left out."""
        return list(self.page.paginator.get_elided_page_range(self.page.number, on_each_side=2, on_ends=1))


def listing(
    request: HttpRequest, rows: QuerySet[M], *, sorts: Mapping[str, str], default: str, size: int = PAGE_SIZE
) -> Listing[M]:
    """The page asked for by ``?sort=-name&page=3``; what makes no sense falls back to ``default`` and the nearest page.

    ``sorts`` maps the key in the address to a field. The primary key decides between equals, so that pages don't
    overlap.
    """
    sort = request.GET.get("sort", default)
    if sort.lstrip("-") not in sorts or sort.startswith("--"):
        sort = default
    return Listing(Paginator(rows.order_by(*_ordering(sort, sorts)), size).get_page(request.GET.get("page")), sort)


def _ordering(sort: str, sorts: Mapping[str, str]) -> list[Any]:
    fields = [F(sorts[sort.lstrip("-")]), F("pk")]
    return [field.desc() for field in fields] if sort.startswith("-") else [field.asc() for field in fields]
