"""The left navigation: apps register what they have in ``apps.py``, so only pages that exist are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Text
from cloudia.ui.requests import maybe_actor

Badge: TypeAlias = Callable[[HttpRequest], Text | int | None]


class Section(Enum):
    """What people think in, in the order shown."""

    COMPUTE = _("Compute")
    STORAGE = _("Storage")
    NETWORK = _("Network")
    OPERATIONS = _("Operations")


@dataclass(frozen=True, slots=True)
class Entry:
    """One page in the navigation. ``badge`` is a number or short text shown beside it, or None."""

    section: Section
    label: Text
    icon: str
    url_name: str
    order: int = 100
    operator_only: bool = False
    badge: Badge | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An entry as one request shows it."""

    label: Text
    icon: str
    href: str
    current: bool
    badge: Text | int | None


_entries: list[Entry] = []


def register_nav(
    section: Section,
    label: Text,
    icon: str,
    url_name: str,
    *,
    order: int = 100,
    operator_only: bool = False,
    badge: Badge | None = None,
) -> None:
    """Add a page to the navigation; ``order`` sorts within the section."""
    _entries.append(Entry(section, label, icon, url_name, order, operator_only, badge))


def entries_for(request: HttpRequest) -> list[Entry]:
    """The entries this actor may open, in the order shown."""
    actor = maybe_actor(request)
    if actor is None:
        return []
    sections = list(Section)
    visible = [entry for entry in _entries if actor.is_operator or not entry.operator_only]
    return sorted(visible, key=lambda entry: (sections.index(entry.section), entry.order))


def sections_for(request: HttpRequest) -> dict[Text, list[Item]]:
    """Items by the label of their section."""
    found: dict[Text, list[Item]] = {}
    for entry in entries_for(request):
        href = reverse(entry.url_name)
        badge = entry.badge(request) if entry.badge else None
        item = Item(entry.label, entry.icon, href, request.path.startswith(href), badge)
        found.setdefault(entry.section.value, []).append(item)
    return found
