"""Narrowing lists of jobs: one filter set for the page and for the API."""

from __future__ import annotations

import django_filters as filters
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cloudia.core.filters import Ordering, search
from cloudia.core.ids import is_uuid
from cloudia.core.policy import Text
from cloudia.jobs import registry
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.models import Job, JobQuerySet


def kind_choices() -> list[tuple[str, Text]]:
    """Every kind of operation, with its label."""
    return [(name, operation.label) for name, operation in registry.kinds().items()]


class JobFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """``search`` finds by target or by the job's id; ``status`` and ``kind`` may be given several times."""

    search = search("by_text")
    status = filters.MultipleChoiceFilter(choices=JobStatus.choices, label=_("Status"))
    kind = filters.MultipleChoiceFilter(choices=kind_choices, label=_("Kind"))
    target_type = filters.CharFilter(max_length=32, label=_("Target type"))
    target = filters.UUIDFilter(field_name="target_id", label=_("Target"))
    project = filters.UUIDFilter(field_name="project_id", label=_("Project"))
    ordering = Ordering("created_at", "kind", "status", "target_name")

    class Meta:
        model = Job
        fields: tuple[str, ...] = ()

    def by_text(self, rows: JobQuerySet, _name: str, text: str) -> JobQuerySet:
        """By what it was about, or by its own id."""
        found = Q(target_name__icontains=text)
        return rows.filter(found | Q(pk=text) | Q(target_id=text) if is_uuid(text) else found)
