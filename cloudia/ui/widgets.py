"""Form widgets in the clothes of the style sheet."""

from __future__ import annotations

from django import forms
from django.forms import BoundField
from django.utils.safestring import SafeString


def dress(bound: BoundField, *, mono: bool = False) -> SafeString:
    """The field's widget with the classes it needs, marked if what was typed is wrong."""
    classes = [base_class(bound.field.widget)]
    if mono:
        classes.append("mono")
    if bound.errors:
        classes.append("is-invalid")
    return bound.as_widget(attrs={"class": " ".join(classes)})


def base_class(widget: forms.Widget) -> str:
    """The style sheet's class for this kind of widget."""
    if isinstance(widget, forms.CheckboxInput | forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "form-check-input"
    return "form-select" if isinstance(widget, forms.Select) else "form-control"
