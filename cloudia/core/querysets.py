"""Authorise by fetching: everything starts from ``visible_to(actor)``; what is invisible is 404."""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeVar

from django.db import models
from django.db.models import Q

from cloudia.core.ids import is_uuid


class Viewer(Protocol):
    """The part of an actor that decides what it sees."""

    @property
    def is_operator(self) -> bool:
        """Operators of the installation see every project."""

    @property
    def project_ids(self) -> frozenset[Any]:
        """Ids of the projects this actor is a member of."""


M = TypeVar("M", bound=models.Model)


class ProjectQuerySet(models.QuerySet[M]):
    """Rows that belong to a project through the field named ``project_field``."""

    project_field = "project_id"

    def visible_to(self, actor: Viewer) -> Self:
        """Only what this actor may know of."""
        if actor.is_operator:
            return self.all()
        return self.filter(**{f"{self.project_field}__in": actor.project_ids})


def id_is(text: str) -> Q:
    """Rows whose id is ``text``, or whose readable id (``vol-7f3c2a91``) it is."""
    if is_uuid(text):
        return Q(pk=text)
    digits = text.rpartition("-")[2].lower()
    if len(digits) == 8 and all(digit in "0123456789abcdef" for digit in digits):
        low = f"{digits}-0000-0000-0000-000000000000"
        return Q(pk__gte=low, pk__lte=f"{digits}-ffff-ffff-ffff-ffffffffffff")
    return Q(pk__in=[])
