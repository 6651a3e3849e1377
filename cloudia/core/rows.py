"""Rows under their lock, after the only check that counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

from django.db import models
from django.utils.translation import gettext as _

from cloudia.core.faults import Faults
from cloudia.core.policy import Action, ActionDenied, Actor, gone

R = TypeVar("R", bound=models.Model)
MAX_NAME, MAX_DESCRIPTION = 128, 255


def locked(model: type[R], rows: Iterable[R]) -> dict[UUID, R]:
    """The rows as they are now, by id, held until the transaction ends; without those that were deleted meanwhile.

    In one order for all, so that two requests never wait for each other.
    """
    held: Any = model._default_manager.select_for_update(no_key=True)
    return {row.pk: row for row in held.filter(pk__in={row.pk for row in rows}).order_by("pk")}


def checked(action: Action, row: R, actor: Actor) -> R:
    """The row, locked. Raises ActionDenied, also if it was deleted meanwhile.

    Whoever deletes waits for those who refer to the row; whoever changes does not: two groups whose new rules name each
    other would wait for one another.
    """
    rows: Any = type(row)._default_manager.select_for_update(no_key=not action.destructive)
    locked: R | None = rows.filter(pk=row.pk).first()
    if locked is None:
        raise ActionDenied(gone())
    action.check(locked, actor)
    return locked


def check_name(faults: Faults, name: str, siblings: Any) -> None:
    """Something, of one line, that none of ``siblings`` is called."""
    faults.require(bool(name), "name", "required", _("Enter a name."))
    faults.require(len(name) <= MAX_NAME, "name", "too_long", _("At most %(most)s characters.") % {"most": MAX_NAME})
    faults.require(name.isprintable(), "name", "invalid", _("A name is one line without control characters."))
    taken = bool(name) and name.isprintable() and siblings.filter(name=name).exists()
    faults.require(not taken, "name", "taken", _("There is one of this name already."))


def check_description(faults: Faults, text: str) -> None:
    """One line, or none."""
    too_long = _("At most %(most)s characters.") % {"most": MAX_DESCRIPTION}
    faults.require(len(text) <= MAX_DESCRIPTION, "description", "too_long", too_long)
    plain = _("A description is one line without control characters.")
    faults.require(text.isprintable(), "description", "invalid", plain)
