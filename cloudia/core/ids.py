"""Ids: UUIDs in the database and the API, short readable ones for people."""

from __future__ import annotations

import uuid


def is_uuid(value: str) -> bool:
    """Whether ``value`` can be an id at all."""
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True
