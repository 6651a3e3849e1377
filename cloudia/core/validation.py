"""Django's validation in CloudiA's terms: one kind of input error for pages, API, admin and commands."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.utils.translation import gettext as _

from cloudia.core.errors import FieldError, InputError


def clean(row: models.Model, exclude: Iterable[str] = ()) -> None:
    """Run the model's own validation; raises InputError naming every field that is wrong."""
    try:
        _refuse_null_characters(row)
        row.full_clean(exclude=set(exclude))
    except ValidationError as error:
        raise input_error(error) from None


def input_error(error: ValidationError, field: str = "") -> InputError:
    """The same error in our terms; ``field`` is where it belongs if it names none itself."""
    named = error.error_dict if hasattr(error, "error_dict") else {field: error.error_list}
    fields = {
        "" if name == NON_FIELD_ERRORS else name: [
            FieldError(found.code or "invalid", message) for found in errors for message in found.messages
        ]
        for name, errors in named.items()
    }
    return InputError(_("Some fields need to be corrected."), fields)


def _refuse_null_characters(row: models.Model) -> None:
    """Django leaves this to forms; PostgreSQL can't keep them and would make it a server error."""
    texts = {field.name: getattr(row, field.attname) for field in row._meta.concrete_fields}
    wrong = {name: _("Null characters are not allowed.") for name, text in texts.items() if "\0" in str(text)}
    if wrong:
        raise ValidationError(wrong)
