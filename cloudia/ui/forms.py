"""Fields that dialogs of several apps have."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class NamingForm(forms.Form):
    """What people call it, and what for."""

    name = forms.CharField(
        label=_("Name"), strip=False, widget=forms.TextInput({"autocomplete": "off", "autofocus": True})
    )
    description = forms.CharField(label=_("Description"), required=False, strip=False)
