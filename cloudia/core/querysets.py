"""Authorise by fetching: everything starts from ``visible_to(actor)``; what is invisible is 404."""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeVar

from django.db import models


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
