"""Forms whose values a service judges: what it finds wrong is shown at the field it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import InputError
from cloudia.core.policy import Text


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, for the list on top of a page. ``anchor`` is the id of the control, if there is one."""

    text: Text
    anchor: str = ""
    label: Text = ""


class ServiceForm(forms.Form):
    """Limits are checked by the service alone; :meth:`take` brings its answer back to the fields."""

    paths: ClassVar[dict[str, str]] = {}  # the services' name of a field, where it differs from ours

    def take(self, error: InputError) -> None:
        """Show what a service found wrong, each at its field."""
        for path, problems in error.fields.items():
            name, words = self.place(path)
            for problem in problems:
                self.add_error(name if name in self.fields else None, f"{words}{problem.detail}")
        if not error.fields:
            self.add_error(None, str(error.message))

    def place(self, path: str) -> tuple[str, Text]:
        """The field that a fault is at, and words to put before it where the field alone does not say what is meant."""
        return self.paths.get(path, path), ""

    def problems(self, prefix: Text = "") -> Iterator[Problem]:
        """Everything that is wrong, in the order of the fields; ``prefix`` says which of several forms it is."""
        for field in self:
            label = f"{prefix} {field.label}" if prefix else field.label
            anchor = field.id_for_label or field.auto_id
            yield from (Problem(str(error), anchor, label) for error in field.errors)
        yield from (Problem(str(error), label=prefix) for error in self.non_field_errors())


class NamingForm(ServiceForm):
    """기본 정보: what people call it."""

    name = forms.CharField(label=_("Name"), strip=False, widget=forms.TextInput({"autocomplete": "off"}))
    description = forms.CharField(
        label=_("Description"),
        required=False,
        widget=forms.Textarea({"rows": 2, "placeholder": _("Note what the instance is for")}),
    )
