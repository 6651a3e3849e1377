"""What the dialogs of storage domains take in. What may be is checked by the services alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloudia.hosts.models import Host
from storage.enums import DomainKind, Media
from storage.kinds import KINDS
from storage.models import StorageDomain

# What a field is called and how it is explained, where kinds differ.
WORDS: Mapping[tuple[str, str], tuple[Any, Any]] = {
    (DomainKind.DIR, "path"): (_("Directory"), _("On the one host that gets it; made if it is not there.")),
    (DomainKind.SHARED_DIR, "path"): (_("Directory"), _("Every host has the same file system mounted there.")),
    (DomainKind.NFS, "server"): (_("Server"), _("Name or address of the NFS server; every host mounts it by itself.")),
    (DomainKind.NFS, "source"): (_("Export"), "/export/cloudia"),
    (DomainKind.LVM, "source"): (_("Volume group"), _("It is there already, on the one host that gets it.")),
    (DomainKind.RBD, "server"): (_("Monitors"), _("Names or addresses, separated by commas.")),
    (DomainKind.RBD, "source"): (_("Pool"), ""),
}


def _mono(**attributes: str) -> forms.TextInput:
    return forms.TextInput({"class": "form-control mono", "autocomplete": "off", "spellcheck": "false", **attributes})


class DomainEditForm(forms.Form):
    """What can be changed of a storage domain."""

    name = forms.CharField(label=_("Name"), strip=False, widget=forms.TextInput({"autocomplete": "off"}))
    media = forms.ChoiceField(  # type: ignore[assignment]  # a field, not the form's assets
        label=_("Disk type"), choices=Media.choices, initial=Media.SSD
    )
    over_commit = forms.DecimalField(
        label=_("Over-commit"),
        max_digits=5,
        decimal_places=2,
        min_value=1,
        initial=10,
        help_text=_("How many times its capacity may be promised to disks, which take room only as they fill."),
    )
    secret = forms.CharField(
        label=_("Key"),
        required=False,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "off"}),
        help_text=_("As “ceph auth get-key” prints it. It is kept encrypted and never shown."),
    )

    def __init__(self, *args: Any, kind: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kind = kind
        if "secret" not in KINDS[kind].needs:
            del self.fields["secret"]


class DomainForm(DomainEditForm):
    """A new storage domain: the fields that its kind needs."""

    kind_choice = forms.ChoiceField(label=_("Kind"), choices=DomainKind.choices)
    path = forms.CharField(strip=False, widget=_mono(placeholder="/srv/cloudia"))
    server = forms.CharField(strip=False, widget=_mono())
    source = forms.CharField(strip=False, widget=_mono())
    username = forms.CharField(label=_("User name"), strip=False, widget=_mono(), help_text=_("Without “client.”."))
    field_order = ("kind_choice", "name", "path", "server", "source", "username", "secret", "media", "over_commit")

    def __init__(self, *args: Any, kind: str, **options: Any) -> None:
        super().__init__(*args, kind=kind, **options)
        for name in ("path", "server", "source", "username"):
            if name not in KINDS[kind].needs:
                del self.fields[name]
            elif (kind, name) in WORDS:
                self.fields[name].label, self.fields[name].help_text = WORDS[kind, name]
        if "secret" in self.fields:
            self.fields["secret"].required = True
        self.initial["kind_choice"] = kind

    def wish(self) -> dict[str, Any]:
        """What the service is asked for."""
        wish = {name: value for name, value in self.cleaned_data.items() if name != "kind_choice"}
        return wish | {"kind": self.kind}


class AttachForm(forms.Form):
    """Which host gets it."""

    host = forms.ModelChoiceField(Host.objects.none(), label=_("Host"), empty_label=None)

    def __init__(self, *args: Any, domain: StorageDomain, **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["host"]
        field.queryset = Host.objects.exclude(attachments__domain=domain).order_by("name")
