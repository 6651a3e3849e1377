"""Form fields for how large something is. Their limits only keep absurd numbers away from arithmetic."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

MIB, GIB = 1, 1024
LARGEST = 10**9  # the real limits are in wishes.py


class MemoryWidget(forms.MultiWidget):
    """A number and its unit."""

    def __init__(self) -> None:
        units = forms.Select({"aria-label": _("Unit")}, [(GIB, "GiB"), (MIB, "MiB")])
        super().__init__([forms.NumberInput({"min": "0", "step": "any"}), units])

    use_fieldset = False  # one label is enough: the unit has its own

    def id_for_label(self, id_: str) -> str:
        """The label belongs to the number."""
        return f"{id_}_0"

    def render(self, *args: Any, **options: Any) -> SafeString:
        """Both in one frame."""
        return format_html('<div class="input-group">{}</div>', super().render(*args, **options))

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """The second of the two is a list."""
        context = super().get_context(name, value, attrs)
        context["widget"]["subwidgets"][1]["attrs"]["class"] = "form-select flex-grow-0 w-auto"
        return context

    def decompress(self, value: int | None) -> list[Any]:
        """MiB as the number and unit to show."""
        if value is None:
            return [None, GIB]
        return [value // GIB, GIB] if value % GIB == 0 else [value, MIB]


class MemoryField(forms.MultiValueField):
    """A size in MiB, entered as a number of MiB or GiB."""

    widget = MemoryWidget

    def __init__(self, *, required: bool = True, **options: Any) -> None:
        number = forms.FloatField(min_value=0, max_value=LARGEST, required=required)
        unit = forms.TypedChoiceField(coerce=int, choices=[(GIB, "GiB"), (MIB, "MiB")], required=False)
        super().__init__((number, unit), required=required, require_all_fields=False, **options)

    def compress(self, data_list: list[Any]) -> int | None:
        """The size in MiB."""
        return round(data_list[0] * (data_list[1] or GIB)) if data_list and data_list[0] is not None else None


def number_field(label: Any, *, required: bool = True, css: str = "") -> forms.IntegerField:
    """A whole number, of which the service knows the limits."""
    widget = forms.NumberInput({"min": "1", "class": css})
    return forms.IntegerField(label=label, required=required, min_value=-LARGEST, max_value=LARGEST, widget=widget)
