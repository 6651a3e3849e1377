"""What the dialogs of VPCs and subnets take in. What may be is checked by the services alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project
from cloudia.core.errors import FieldError, InputError
from cloudia.ui.forms import NamingForm
from networking.models import VPC, ExternalNetwork

MAX_ENTRY = 64  # characters of an entry that are repeated with what is wrong with it


class VPCForm(NamingForm):
    """A VPC: what people call it, and its way out. No external network: it is isolated."""

    external_network = forms.ModelChoiceField(
        ExternalNetwork.objects.none(),
        label=_("External network"),
        required=False,
        empty_label=_("None: its instances reach each other only"),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["external_network"]
        field.queryset = ExternalNetwork.objects.order_by("-is_default", "name")


class Lines(forms.CharField):
    """One entry a line; blank lines are none."""

    widget = forms.Textarea({"rows": 2, "class": "form-control mono", "spellcheck": "false"})

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, strip=False, **options)

    def prepare_value(self, value: Any) -> Any:
        """A list as lines."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """The entries."""
        return [line.strip() for line in super().clean(value).replace(",", "\n").splitlines() if line.strip()]


def _address(label: Any, **options: Any) -> forms.CharField:
    widget = forms.TextInput({"class": "form-control mono", "autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(label=label, max_length=64, strip=False, widget=widget, **options)


class SubnetEditForm(forms.Form):
    """What can be changed of a subnet."""

    name = forms.CharField(label=_("Name"), strip=False, widget=forms.TextInput({"autocomplete": "off"}))
    dns = Lines(label=_("DNS servers"), help_text=_("One a line."))
    reserved = Lines(label=_("Reserved addresses"), help_text=_("One a line. No interface gets these."))


class SubnetForm(SubnetEditForm):
    """A new subnet."""

    vpc = forms.ModelChoiceField(VPC.objects.none(), label="VPC", empty_label=None)
    cidr = _address(_("Address range"))
    gateway = _address(_("Gateway"), required=False, help_text=_("Empty: the first address."))
    field_order = ("vpc", "name", "cidr", "gateway", "dns", "reserved")

    def __init__(self, *args: Any, project: Project, **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["vpc"]
        field.queryset = VPC.objects.filter(project=project).order_by("name")


def merged(error: InputError, data: Mapping[str, Any]) -> InputError:
    """Errors of single entries (``dns.1``) at the field that has them all, each with the entry as it was typed."""
    fields: dict[str, list[FieldError]] = {}
    for path, found in error.fields.items():
        name, _dot, index = path.partition(".")
        entry = f"{data[name][int(index)][:MAX_ENTRY]}: " if index else ""
        fields.setdefault(name, []).extend(FieldError(one.code, f"{entry}{one.detail}") for one in found)
    return InputError(error.message, fields)
