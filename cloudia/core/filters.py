"""What the filter sets of all apps share. The same filter set serves a page and the API."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from cloudia.core.policy import Text

MAX_SEARCH = 128  # characters; as long as the longest name


def search(method: str) -> filters.CharFilter:
    """The one search box of a list; ``method`` is the filter set's method that narrows the rows."""
    return filters.CharFilter(method=method, max_length=MAX_SEARCH, label=_("Search"))


def flag(label: Text, **how: Any) -> filters.TypedChoiceFilter:
    """True or false and nothing else: django-filter's own takes any word for "either". ``how``: its other options."""
    choices = [("true", _("Yes")), ("false", _("No"))]
    strict = filters.TypedChoiceFilter(choices=choices, coerce=lambda value: value == "true", label=label, **how)
    return extend_schema_field(OpenApiTypes.BOOL)(strict)


class Ordering(filters.OrderingFilter):  # type: ignore[misc]  # django-filter ships no types
    """``ordering=-created_at``. Ties are broken by id, so that no row is shown twice or never while paging."""

    def __init__(self, *names: str, **others: str) -> None:
        """``others``: columns that are called differently outside: ``ip_address="address"``."""
        fields = [*((name, name) for name in names), *((column, name) for name, column in others.items())]
        super().__init__(fields=fields, label=_("Ordering"))

    def filter(self, qs: Any, value: Any) -> Any:
        """The rows in the wished order, or as they were if none is wished."""
        ordered = super().filter(qs, value)
        if not value:
            return ordered
        last = ordered.query.order_by[-1]
        return ordered.order_by(*ordered.query.order_by, "-pk" if last.startswith("-") else "pk")
