"""What ``cloudia.accounts.middleware`` puts on a request, with its types."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project


def maybe_actor(request: HttpRequest) -> Actor | None:
    """Who asks, or None: not logged in, or an error page made before the middleware ran."""
    return getattr(request, "actor", None)


def actor_of(request: HttpRequest) -> Actor:
    """Who asks. Raises PermissionDenied for the anonymous."""
    if actor := maybe_actor(request):
        return actor
    raise PermissionDenied


def project_of(request: HttpRequest) -> Project | None:
    """The project worked in; None for somebody without any."""
    return getattr(request, "project", None)
