"""Collecting everything that is wrong with an input, so that all of it is said at once."""

from __future__ import annotations

from collections import defaultdict

from django.utils.translation import gettext as _

from cloudia.core.errors import FieldError, InputError
from cloudia.core.policy import Text


class Faults:
    """What is wrong, by field."""

    def __init__(self) -> None:
        self.fields: dict[str, list[FieldError]] = defaultdict(list)

    def note(self, field: str, code: str, detail: Text) -> None:
        """Note ``detail`` at ``field``."""
        self.fields[field].append(FieldError(code, detail))

    def require(self, holds: bool, field: str, code: str, detail: Text) -> None:
        """Note ``detail`` at ``field`` unless ``holds``."""
        if not holds:
            self.note(field, code, detail)

    def number(self, field: str, value: int, least: int, most: int) -> None:
        """Note it unless ``least <= value <= most``."""
        detail = _("Enter a number from %(least)s to %(most)s.") % {"least": least, "most": most}
        self.require(least <= value <= most, field, "out_of_range", detail)

    def include(self, error: InputError, prefix: str = "") -> None:
        """Everything another check found, with its fields below ``prefix``."""
        for field, found in error.fields.items():
            self.fields[f"{prefix}{field}"].extend(found)

    def raise_if_any(self) -> None:
        """Raise InputError with everything noted."""
        if self.fields:
            raise InputError(_("Some fields need to be corrected."), self.fields)
