"""What ``base.html`` needs. Everything is looked up when a template asks, so fragments cost nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from cloudia.accounts.models import Project
from cloudia.accounts.selectors import projects_visible_to
from cloudia.ui import links, nav
from cloudia.ui.requests import maybe_actor, project_of


def page(request: HttpRequest) -> dict[str, Any]:
    """``nav``, ``current_project``, ``projects``, ``layout`` (whole shell or a plain page), ``nil_id``."""
    actor = maybe_actor(request)

    def projects() -> Iterable[Project]:
        return projects_visible_to(actor) if actor else ()

    return {
        "nav": SimpleLazyObject(lambda: nav.sections_for(request)),
        "current_project": project_of(request),
        "projects": SimpleLazyObject(projects),
        "layout": "base.html" if actor else "plain.html",
        "nil_id": links.NIL_ID,
    }
