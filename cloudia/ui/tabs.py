"""Tabs of detail pages: the app that has something to show registers its tab on another app's page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from cloudia.core.policy import Actor, Text


@dataclass(frozen=True, slots=True)
class TabSpec:
    """One tab. ``url_name`` is the fragment's address (reversed with the object's id); it is fetched when opened.

    ``count`` gives the number beside the label. ``permission`` hides the tab from actors without it.
    """

    key: str
    label: Text
    url_name: str
    order: int = 100
    count: Callable[[Any], int] | None = None
    permission: str | None = None


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab as one page shows it."""

    key: str
    label: Text
    url: str
    count: int | None
    selected: bool


_pages: dict[str, dict[str, TabSpec]] = {}


def register_tab(page: str, spec: TabSpec) -> None:
    """Add a tab to the detail page of ``page`` (``"instance"``). Raises ValueError if the key is taken."""
    tabs = _pages.setdefault(page, {})
    if spec.key in tabs:
        raise ValueError(f"{page} has a tab {spec.key} already")
    tabs[spec.key] = spec


def tabs_for(page: str, obj: Any, actor: Actor, wanted: str = "") -> list[Tab]:
    """The tabs this actor may see; the one with the key ``wanted`` is selected, else the first."""
    specs = sorted(_pages.get(page, {}).values(), key=lambda spec: spec.order)
    specs = [spec for spec in specs if spec.permission is None or actor.may(spec.permission, obj)]
    keys = [spec.key for spec in specs]
    selected = wanted if wanted in keys else next(iter(keys), "")
    return [
        Tab(
            spec.key,
            spec.label,
            reverse(spec.url_name, args=[obj.pk]),
            spec.count(obj) if spec.count else None,
            spec.key == selected,
        )
        for spec in specs
    ]
