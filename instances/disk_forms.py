"""Disks as people fill them in. What may be is checked by the services alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.core.faults import Faults
from cloudia.core.policy import Text
from instances import disk_policies
from instances.disks import check_fits
from instances.models import Instance
from storage.models import Volume

EXISTING, NEW = "existing", "new"
LARGEST_GIB = 10**9  # keeps absurd numbers away from arithmetic; the real limit is the service's


class Picker(forms.Select):
    """Choices of which some can't be taken: those say why."""

    shut: frozenset[str] = frozenset()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """One of them."""
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if str(value) in self.shut:
            option["attrs"]["disabled"] = True
        return option


def size_field(**options: Any) -> forms.IntegerField:
    """A size in GiB, judged by the service."""
    widget = forms.NumberInput({"min": "1", "inputmode": "numeric"})
    return forms.IntegerField(
        label=_("Size (GiB)"), min_value=-LARGEST_GIB, max_value=LARGEST_GIB, widget=widget, **options
    )


def wished_gib(form: forms.Form) -> int:
    """The size as it is typed, for the picture of the quota; 0 if that is no size."""
    typed = str(form["size_gib"].value() or "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < len(str(LARGEST_GIB)) else 0


def obstacle(instance: Instance, volume: Volume, actor: Actor) -> Text:
    """Why the two can't come together now, or nothing."""
    for action, subject in ((disk_policies.ADD_DISK, instance), (disk_policies.ATTACH, volume)):
        if denial := action.denial(subject, actor):
            return denial.message
    faults = Faults()
    check_fits(faults, volume, instance.project, instance.image.storage_domain)
    return next((fault.detail for found in faults.fields.values() for fault in found), "")


class PickForm(forms.Form):
    """One of several rows; those that can't be taken are shown with the reason."""

    def offer(self, name: str, rows: Iterable[tuple[Any, str, Text]]) -> None:
        """Fill the field ``name``: rows, what they are called, and what is against them."""
        offered = list(rows)
        self.rows: dict[str, Any] = {str(row.pk): row for row, _label, _reason in offered}
        field: Any = self.fields[name]
        field.choices = [(pk, label) for pk, label in self._labels(offered)]
        field.widget.shut = frozenset(str(row.pk) for row, _label, reason in offered if reason)
        self.any_fits = any(not reason for _row, _label, reason in offered)

    @staticmethod
    def _labels(offered: list[tuple[Any, str, Text]]) -> Iterable[tuple[str, str]]:
        """Those that fit first."""
        for row, label, reason in sorted(offered, key=lambda entry: bool(entry[2])):
            yield str(row.pk), f"{label} — {reason}" if reason else label

    def picked(self, name: str) -> Any:
        """The chosen row."""
        return self.rows[self.cleaned_data[name]]


class AttachForm(PickForm):
    """Where a volume shall go."""

    instance = forms.ChoiceField(label=_("Instance"), widget=Picker({"autofocus": True}))

    def __init__(self, *args: Any, volume: Volume, instances: Iterable[Instance], actor: Actor, **options: Any) -> None:
        super().__init__(*args, **options)
        entries = ((row, f"{row.name} · {row.short_id}", obstacle(row, volume, actor)) for row in instances)
        self.offer("instance", entries)


class DiskForm(PickForm):
    """What an instance shall get: a volume that is there, or a new one."""

    how = forms.ChoiceField(choices=[(EXISTING, _("Existing volume")), (NEW, _("New volume"))], required=False)
    volume = forms.ChoiceField(label=_("Volume"), widget=Picker, required=False)
    name = forms.CharField(
        label=_("Name"), strip=False, required=False, widget=forms.TextInput({"autocomplete": "off"})
    )
    size_gib = size_field(initial=10, required=False)

    def __init__(self, *args: Any, instance: Instance, volumes: Iterable[Volume], actor: Actor, **options: Any) -> None:
        super().__init__(*args, **options)
        entries = (
            (row, f"{row.name} · {row.size_gib} GiB · {row.short_id}", obstacle(instance, row, actor))
            for row in volumes
        )
        self.offer("volume", entries)
        self.initial.setdefault("how", EXISTING if self.any_fits else NEW)
        for name in ("name", "size_gib") if self.makes else ("volume",):
            self.fields[name].required = True

    @property
    def makes(self) -> bool:
        """Whether a new one is wanted."""
        return bool(self["how"].value() == NEW)


class ResizeForm(forms.Form):
    """How large a volume shall be."""

    size_gib = size_field()
