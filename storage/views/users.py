"""What depends on a row, with links to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cloudia.core.policy import Holder
from cloudia.ui.links import holder_url
from storage import references

ICONS = {"instance": "server-2", "volume": "database"}


@dataclass(frozen=True, slots=True)
class User:
    """An instance or a volume by name, with its page if it has one."""

    name: str
    href: str
    icon: str

    @classmethod
    def of(cls, holder: Holder) -> User:
        """As :mod:`storage.references` tells it."""
        return cls(holder.name, holder_url(holder), ICONS.get(holder.type, "link"))


def users_of(row: Any) -> list[User]:
    """All that depends on it."""
    return [User.of(holder) for holder in references.holders_of(row)]
