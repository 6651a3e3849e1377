"""``scope=all``: operators may list what every project has."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cloudia.ui.filters import Select, select
from cloudia.ui.requests import actor_of

EVERYWHERE = "all"


def everywhere(request: HttpRequest) -> bool:
    """Whether the list shall not stop at the current project."""
    return actor_of(request).is_operator and request.GET.get("scope") == EVERYWHERE


def scope_selects(request: HttpRequest) -> list[Select]:
    """The choice between this project and all, for those who have it."""
    if not actor_of(request).is_operator:
        return []
    return [select("scope", _("Projects"), [(EVERYWHERE, _("Every project"))], request.GET, _("This project"))]
