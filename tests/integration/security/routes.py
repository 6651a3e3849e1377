"""Every address there is, taken from the URL configuration, so that a new one is walked from its first day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import get_resolver

# What stands for <slug:name> below each resource.
NAMES = {"instances": "start", "jobs": "cancel", "hosts": "maintenance"}
PK = re.compile(r"<uuid:pk>|\(\?P<pk>[^)]*\)")
OTHER = re.compile(r"<uuid:\w+>|\(\?P<\w+>[^)]*\)")  # what is named beside it, such as one of its interfaces


@dataclass(frozen=True)
class Route:
    """An address, as the URL configuration writes it."""

    pattern: str

    def __str__(self) -> str:
        return self.pattern or "home"

    @property
    def is_api(self) -> bool:
        """Whether programs use it."""
        return self.pattern.startswith("api/")

    @property
    def resource(self) -> str:
        """What it is about: instances, jobs, tokens."""
        parts = self.pattern.removeprefix("api/v1/").removeprefix("account/").strip("^").split("/")
        return parts[0]

    @property
    def is_about_one(self) -> bool:
        """Whether it names an object."""
        return bool(PK.search(self.pattern)) or "actions/<slug:name>" in self.pattern

    def url(self, pk: Any) -> str:
        """The address with an object's id in its place."""
        path = OTHER.sub(str(pk), PK.sub(str(pk), self.pattern)).replace("^", "").replace("$", "")
        path = path.replace("<slug:name>", NAMES.get(self.resource, "x"))
        return f"/{path}" + ("" if PK.search(self.pattern) else f"?id={pk}")


def walk(resolver: Any = None, prefix: str = "") -> Iterator[Route]:
    """All but django-admin's own, which has one door: tests/integration/admin."""
    for found in (resolver or get_resolver()).url_patterns:
        pattern = prefix + str(found.pattern)
        if pattern.startswith("admin/"):
            continue
        if hasattr(found, "url_patterns"):
            yield from walk(found, pattern)
        else:
            yield Route(pattern)


ROUTES = list({route.pattern: route for route in walk()}.values())
