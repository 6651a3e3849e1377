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
    return Listing(_page(rows.order_by(*_ordering(sort, sorts)), size, request.GET.get("page")), sort)


def _page(rows: QuerySet[M], size: int, number: str | None) -> Page[M]:
    """The ids of the page are found on an index, and only for these the rows with all their joins: so the last page of
    many costs what the first does."""
    page: Page[Any] = Paginator(rows.values_list("pk", flat=True), size).get_page(number)
    ids = list(page.object_list)
    found = {row.pk: row for row in rows.order_by().filter(pk__in=ids)}
    page.object_list = [found[pk] for pk in ids if pk in found]
    return page


def _ordering(sort: str, sorts: Mapping[str, str]) -> list[Any]:
    fields = [F(sorts[sort.lstrip("-")]), F("pk")]
    return [field.desc() for field in fields] if sort.startswith("-") else [field.asc() for field in fields]
