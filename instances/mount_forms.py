"""The file systems of an instance as people fill them in. What may be is checked by the services alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloudia.core.faults import Faults
from cloudia.core.policy import Text
from instances.disk_forms import Picker, PickForm
from instances.models import Instance
from instances.mounts import check_filesystem, check_place
from storage.models import FileSystem


def obstacle(instance: Instance, filesystem: FileSystem, mounted: frozenset[Any]) -> Text:
    """Why the instance can't mount it, or nothing."""
    if filesystem.pk in mounted:
        return _("mounted already")
    faults = Faults()
    check_filesystem(faults, "", filesystem, instance.project, instance.vpc)
    check_place(faults, "", filesystem, instance.host)
    return next((fault.detail for found in faults.fields.values() for fault in found), "")


def path_field() -> forms.CharField:
    """Where in the guest something is mounted."""
    return forms.CharField(
        label=gettext_lazy("Mount path"),
        strip=False,
        help_text=gettext_lazy("A folder inside the guest, like /mnt/shared. It is made if it is not there."),
        widget=forms.TextInput({"class": "form-control mono", "autocomplete": "off", "spellcheck": "false"}),
    )


class PathForm(forms.Form):
    """Where in the guest."""

    mount_path = path_field()


class MountForm(PathForm, PickForm):
    """What an instance shall mount, and where."""

    filesystem = forms.ChoiceField(label=gettext_lazy("File system"), widget=Picker({"autofocus": True}))
    field_order = ("filesystem", "mount_path")

    def __init__(self, *args: Any, instance: Instance, filesystems: Iterable[FileSystem], **options: Any) -> None:
        super().__init__(*args, **options)
        mounted = frozenset(instance.mounts.values_list("filesystem", flat=True))
        entries = [
            (row, f"{row.name} · {row.get_kind_display()}", obstacle(instance, row, mounted)) for row in filesystems
        ]
        self.offer("filesystem", entries)
        # What mounts a VirtioFS one stays on its host; only worth a word if one can be chosen.
        self.stays = any(row.path and not reason for row, _label, reason in entries)
