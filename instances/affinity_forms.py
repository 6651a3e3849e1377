"""What the dialogs of affinity groups take in. What may be is checked by the services alone."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cloudia.accounts.models import Project
from cloudia.ui.forms import NamingForm
from instances.affinity_models import AffinityGroup
from instances.enums import AffinityPolicy


def _checkbox(label: Any) -> forms.BooleanField:
    return forms.BooleanField(
        label=label, required=False, initial=True, widget=forms.CheckboxInput({"class": "form-check-input"})
    )


class AffinityForm(NamingForm):
    """Name and rule of a group."""

    policy = forms.ChoiceField(label=_("Rule"), choices=AffinityPolicy.choices, initial=AffinityPolicy.ANTI_AFFINITY)
    hard = _checkbox(_("Required: without a host that fits the rule, an instance is not created"))
    enabled = _checkbox(_("Enabled"))


class GroupField(forms.ModelChoiceField):  # type: ignore[type-arg]  # Django's takes none
    """One of the groups that a form offers by its ``queryset``, or none."""

    def __init__(self) -> None:
        groups = AffinityGroup.objects.none()
        super().__init__(groups, label=_("Affinity group"), required=False, empty_label=pgettext_lazy("group", "None"))

    def label_from_instance(self, obj: Any) -> str:
        """Name and rule."""
        return str(obj.title)


class RegroupForm(forms.Form):
    """Another group for an instance."""

    affinity_group = GroupField()

    def __init__(self, *args: Any, project: Project, **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["affinity_group"]
        field.queryset = project.affinity_groups.all()
