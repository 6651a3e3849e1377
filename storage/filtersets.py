"""Narrowing lists of images: one filter set for the page and for the API."""

from __future__ import annotations

import django_filters as filters
from django.utils.translation import gettext_lazy as _

from cloudia.core.filters import Ordering, flag, search
from storage.enums import ImageStatus
from storage.models import Image
from storage.querysets import ImageQuerySet


class ImageFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """Images by name, status, system and project."""

    search = search("by_text")
    status = filters.MultipleChoiceFilter(choices=ImageStatus.choices, label=_("Status"))
    os_type = filters.CharFilter(max_length=64, label=_("Operating system"))
    deprecated = flag(_("Deprecated"))
    project = filters.UUIDFilter(field_name="project_id", label=_("Project"))
    ordering = Ordering("name", "created_at")

    class Meta:
        model = Image
        fields: tuple[str, ...] = ()

    def by_text(self, rows: ImageQuerySet, _name: str, text: str) -> ImageQuerySet:
        """By name."""
        return rows.filter(name__icontains=text)
