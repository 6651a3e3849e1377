"""Pages by cursor: as fast at the end of ten thousand rows as at the beginning, and stable while rows come and go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from cloudia.core.errors import InputError

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
SALT = "cloudia.cursor"


@dataclass(frozen=True, slots=True)
class Key:
    """One column of an ordering."""

    field: models.Field[Any, Any]
    descending: bool

    def order(self, backwards: bool) -> str:
        """For ``order_by``."""
        return f"-{self.field.attname}" if self.descending != backwards else self.field.attname

    def beyond(self, value: Any, backwards: bool) -> Q:
        """Rows after ``value`` in the direction of reading."""
        return Q(**{f"{self.field.attname}__{'lt' if self.descending != backwards else 'gt'}": value})


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows: the key values of the row before it, and which way to read."""

    values: tuple[str, ...]
    backwards: bool


def keys_of(queryset: QuerySet[Any]) -> list[Key]:
    """The columns a queryset is ordered by, ended by its primary key so that no two rows are equal."""
    meta = queryset.model._meta
    names = [str(name) for name in queryset.query.order_by or meta.ordering or ()]
    if not any(name.lstrip("-") in {"pk", meta.pk.name} for name in names):
        names.append("-pk" if names and names[-1].startswith("-") else "pk")
    return [Key(_field(meta, name.lstrip("-")), name.startswith("-")) for name in names]


def _field(meta: Any, name: str) -> models.Field[Any, Any]:
    field: models.Field[Any, Any] = meta.pk if name == "pk" else meta.get_field(name)
    return field


def after(keys: list[Key], values: tuple[Any, ...], backwards: bool) -> Q:
    """Rows beyond a place, in the order of all keys together."""
    condition = Q()
    for key, value in reversed(list(zip(keys, values, strict=True))):
        beyond = key.beyond(value, backwards)
        condition = beyond | (Q(**{key.field.attname: value}) & condition) if condition else beyond
    return condition


class CursorPages(BasePagination):
    """``{"next", "previous", "results"}``; ``limit`` is the page size, ``cursor`` comes from a link."""

    template = "rest_framework/pagination/previous_and_next.html"
    display_page_controls = False

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """One page. Raises InputError for a bad ``limit`` or ``cursor``."""
        self.request, self.keys = request, keys_of(queryset)
        limit, cursor = self._limit(), self._cursor()
        backwards = cursor is not None and cursor.backwards
        rows = queryset.order_by(*[key.order(backwards) for key in self.keys])
        if cursor:
            rows = rows.filter(after(self.keys, self._values(cursor), backwards))
        found = list(rows[: limit + 1])
        page, more = found[:limit], len(found) > limit
        if backwards:
            page.reverse()
        before, behind = (more, True) if backwards else (cursor is not None, more)
        self.next = self._link(page[-1], backwards=False) if page and behind else None
        self.previous = self._link(page[0], backwards=True) if page and before else None
        self.display_page_controls = bool(self.next or self.previous)
        return page

    def get_paginated_response(self, data: Any) -> Response:
        """The page with its links."""
        return Response({"next": self.next, "previous": self.previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The same for OpenAPI."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """``limit`` and ``cursor``."""
        size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE}
        return [
            {"name": "limit", "in": "query", "schema": size, "description": "Rows on a page."},
            {
                "name": "cursor",
                "in": "query",
                "schema": {"type": "string"},
                "description": "From `next` or `previous` of another page with the same `ordering`.",
            },
        ]

    def get_html_context(self) -> dict[str, str | None]:
        """For the browsable API's links."""
        return {"previous_url": self.previous, "next_url": self.next}

    def to_html(self) -> str:
        """The browsable API's links."""
        from django.template import loader  # noqa: PLC0415  # only people need it

        return loader.get_template(self.template).render(self.get_html_context())

    def _limit(self) -> int:
        text = self.request.query_params.get("limit", str(PAGE_SIZE))
        if (
            text.isascii()
            and text.isdigit()
            and len(text) <= len(str(MAX_PAGE_SIZE))
            and 0 < int(text) <= MAX_PAGE_SIZE
        ):
            return int(text)
        detail = _("Enter a number from %(least)s to %(most)s.") % {"least": 1, "most": MAX_PAGE_SIZE}
        raise InputError.at("limit", detail, "out_of_range")

    def _cursor(self) -> Cursor | None:
        """Cursors are signed, so what comes back is what was given out, or an error."""
        text = self.request.query_params.get("cursor", "")
        if not text:
            return None
        try:
            order, backwards, values = signing.loads(text, salt=SALT)
        except signing.BadSignature:
            order, backwards, values = "", False, []
        if order != self._order:
            raise InputError.at("cursor", _("This cursor belongs to another list."), "invalid_cursor")
        return Cursor(tuple(values), backwards)

    @property
    def _order(self) -> str:
        return ",".join(key.order(backwards=False) for key in self.keys)

    def _values(self, cursor: Cursor) -> tuple[Any, ...]:
        return tuple(key.field.to_python(value) for key, value in zip(self.keys, cursor.values, strict=True))

    def _link(self, row: Any, *, backwards: bool) -> str:
        values = [key.field.value_to_string(row) for key in self.keys]
        cursor = signing.dumps([self._order, backwards, values], salt=SALT)
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor)
