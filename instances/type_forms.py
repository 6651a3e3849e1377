"""What the dialogs of instance types take in. What may be is checked by the services alone."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project
from cloudia.ui.forms import NamingForm
from instances.size_fields import MemoryField, number_field

PUBLIC, OWN = "public", "project"


class TypeEditForm(NamingForm):
    """What can be changed of a type."""

    vcpus = number_field(_("vCPU"))
    memory_mib = MemoryField(label=_("Memory size"))
    active = forms.BooleanField(
        label=_("Offer it for new instances"),
        required=False,
        initial=True,
        widget=forms.CheckboxInput({"class": "form-check-input"}),
    )
    field_order = ("name", "vcpus", "memory_mib", "description")


class TypeForm(TypeEditForm):
    """A new type; ``visibility`` says for whom."""

    visibility = forms.ChoiceField(label=_("Visibility"), choices=[(PUBLIC, _("Public")), (OWN, _("This project's"))])

    def values(self, project: Project) -> dict[str, Any]:
        """What the service is asked for. Of a valid form."""
        values = dict(self.cleaned_data)
        own = values.pop("visibility") == OWN
        return {**values, "project": project if own else None}
