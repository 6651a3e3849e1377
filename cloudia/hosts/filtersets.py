"""Narrowing lists of hosts: one filter set for the page and for the API."""

from __future__ import annotations

import django_filters as filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from cloudia.core.filters import Ordering, flag, search
from cloudia.hosts.enums import HostState
from cloudia.hosts.models import Host


class HostFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """``search`` finds by either name of a host."""

    search = search("by_text")
    state = filters.MultipleChoiceFilter(choices=HostState.choices, label=_("State"))
    reachable = flag(_("Reachable"))
    ordering = Ordering("name", "created_at", "cpus", "memory_mib")

    class Meta:
        model = Host
        fields: tuple[str, ...] = ()

    def by_text(self, rows: QuerySet[Host], _name: str, text: str) -> QuerySet[Host]:
        """By the name it has here or the one it gives itself."""
        return rows.filter(Q(name__icontains=text) | Q(hostname__icontains=text))
