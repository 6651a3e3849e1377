"""Links, not dead ends: where the page of what a denial names is. Apps register their type in ``apps.py``."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Holder, Text

NIL_ID = uuid.UUID(int=0)  # stands in addresses for the id of the row that will be selected
OPEN = _("Open %(name)s")

Resolver: TypeAlias = Callable[[str], str]  # id to address; "" where there is no page


@dataclass(frozen=True, slots=True)
class Link:
    """An address and the words on it."""

    href: str
    text: str


_types: dict[str, tuple[Resolver, Text]] = {}


def register(type_name: str, resolver: Resolver, words: Text = OPEN) -> None:
    """Say where objects of a type live. ``words`` may use ``%(name)s``. A type has one home: ValueError otherwise."""
    if type_name in _types:
        raise ValueError(f"{type_name} is registered already")
    _types[type_name] = resolver, words


def holder_link(holder: Holder | None) -> Link | None:
    """The link to what stands in the way, or None if it has no page."""
    if holder is None or holder.type not in _types:
        return None
    resolver, words = _types[holder.type]
    href = resolver(holder.id)
    return Link(href, str(words) % {"name": holder.name}) if href else None


def holder_url(holder: Holder | None) -> str:
    """The address alone, or an empty text."""
    link = holder_link(holder)
    return link.href if link else ""
