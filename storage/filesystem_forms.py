"""What the dialogs of file systems take in. What may be is checked by the services alone."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project
from cloudia.ui.forms import NamingForm
from networking.models import Subnet
from storage.enums import FileSystemKind
from storage.forms import LARGEST_GIB

PLACE = {"class": "form-control mono", "autocomplete": "off", "spellcheck": "false"}


class FileSystemEditForm(NamingForm):
    """What can be changed of a file system."""

    size_gib = forms.IntegerField(
        label=_("Size (GiB)"),
        required=False,
        min_value=-LARGEST_GIB,
        max_value=LARGEST_GIB,
        help_text=_("As you know it; it is shown, not measured."),
    )


class FileSystemForm(FileSystemEditForm):
    """A new file system: an export of a server, or a directory of the hosts."""

    kind = forms.ChoiceField(label=_("Type"), choices=FileSystemKind.choices, initial=FileSystemKind.NFS)
    export = forms.CharField(
        label=_("Export"),
        required=False,
        strip=False,
        help_text=_("Server and directory, like nfs.example.com:/srv/share."),
        widget=forms.TextInput(PLACE),
    )
    subnet = forms.ModelChoiceField(
        Subnet.objects.none(),
        label=_("Subnet of the server"),
        required=False,
        empty_label=_("None: the server is outside"),
        help_text=_("Instances of its VPC reach the server."),
    )
    path = forms.CharField(label=_("Host directory"), required=False, strip=False, widget=forms.TextInput(PLACE))
    field_order = ("kind", "name", "export", "subnet", "path", "size_gib", "description")

    def __init__(self, *args: Any, project: Project, **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["subnet"]
        field.queryset = Subnet.objects.filter(project=project).select_related("vpc").order_by("vpc__name", "name")
        field.label_from_instance = lambda subnet: f"{subnet.vpc} · {subnet} · {subnet.cidr}"
        self.fields["export" if self.chosen == FileSystemKind.NFS else "path"].required = True

    @property
    def chosen(self) -> str:
        """The type it is about now; its other type's fields are not shown."""
        value = self["kind"].value()
        return str(value) if value in FileSystemKind.values else FileSystemKind.NFS

    def clean(self) -> dict[str, Any]:
        """What belongs to the other type was not shown."""
        data = {**self.cleaned_data}
        others = ("path",) if data.get("kind") == FileSystemKind.NFS else ("export", "subnet")
        for name in others:
            data.pop(name, None)
        return data
