"""Narrowing lists of projects and tokens: one filter set for the page and for the API."""

from __future__ import annotations

import django_filters as filters
from django.db.models import QuerySet

from cloudia.accounts.models import ApiToken, Project
from cloudia.core.filters import Ordering, search


class ProjectFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """Projects by name."""

    search = search("by_text")
    ordering = Ordering("name", "created_at")

    class Meta:
        model = Project
        fields: tuple[str, ...] = ()

    def by_text(self, rows: QuerySet[Project], _name: str, text: str) -> QuerySet[Project]:
        """By name."""
        return rows.filter(name__icontains=text)


class TokenFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """Tokens by name."""

    search = search("by_text")
    ordering = Ordering("name", "created_at", "expires_at")

    class Meta:
        model = ApiToken
        fields: tuple[str, ...] = ()

    def by_text(self, rows: QuerySet[ApiToken], _name: str, text: str) -> QuerySet[ApiToken]:
        """By name."""
        return rows.filter(name__icontains=text)
