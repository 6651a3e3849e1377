"""What the dialogs of floating IPs take in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from networking.models import ExternalNetwork, NetworkInterface
from networking.querysets import InterfaceQuerySet


class AllocateForm(forms.Form):
    """A new address: from where, and what for."""

    external_network = forms.ModelChoiceField(
        ExternalNetwork.objects.none(), label=_("External network"), empty_label=None
    )
    description = forms.CharField(label=_("Description"), required=False, strip=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        networks = ExternalNetwork.objects.order_by("-is_default", "name")
        field: Any = self.fields["external_network"]
        field.queryset = networks
        self.has_choice = networks.exists()


class AssociateForm(forms.Form):
    """Where a floating IP shall lead."""

    interface = forms.ModelChoiceField(NetworkInterface.objects.none(), label=_("Network interface"))

    def __init__(self, *args: Any, rows: InterfaceQuerySet, **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["interface"]
        field.queryset = rows
        field.error_messages["required"] = _("Choose an interface.")

    @property
    def chosen(self) -> NetworkInterface | None:
        """The interface chosen so far, if it is one of the project's."""
        field: Any = self.fields["interface"]
        try:
            found: NetworkInterface | None = field.clean(self["interface"].value())
        except forms.ValidationError:
            return None
        return found
