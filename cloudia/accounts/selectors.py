"""What an actor may see of accounts."""

from __future__ import annotations

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.querysets import ProjectQuerySet


def projects_visible_to(actor: Actor) -> ProjectQuerySet[Project]:
    """Projects by name."""
    return Project.objects.visible_to(actor)
