"""Puts ``request.actor`` and ``request.project`` on every request of a logged-in person."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from cloudia.accounts.actor import Actor
from cloudia.accounts.addresses import client_address
from cloudia.accounts.models import Project, User
from cloudia.accounts.selectors import projects_visible_to
from cloudia.core.ids import is_uuid

SESSION_KEY = "project"


class ActorMiddleware:
    """After authentication: who asks, and in which project they are working."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set ``request.actor`` (None for the anonymous) and ``request.project``."""
        actor = Actor(request.user, address=client_address(request)) if isinstance(request.user, User) else None
        request.actor = actor  # type: ignore[attr-defined]  # read through cloudia.ui.requests
        request.project = current_project(request, actor) if actor else None  # type: ignore[attr-defined]
        return self.get_response(request)


def current_project(request: HttpRequest, actor: Actor) -> Project | None:
    """The project in the address (``?project=<id>``), else the session's, else the first visible one.

    The address wins and is remembered, so that a link to a list opens in the project it was copied from.
    """
    projects = projects_visible_to(actor)
    wanted = request.GET.get(SESSION_KEY) or request.session.get(SESSION_KEY, "")
    project = projects.filter(pk=wanted).first() if is_uuid(wanted) else None
    project = project or projects.first()
    if project and request.session.get(SESSION_KEY) != str(project.pk):
        request.session[SESSION_KEY] = str(project.pk)
    return project
