"""What a new instance gets beside its boot disk and networks, as lists of the create form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.faults import Faults
from cloudia.core.policy import Text
from instances.disk_forms import size_field
from instances.disk_policies import ATTACH
from instances.disk_wishes import MAX_DATA_DISKS, DiskWish
from instances.disks import misfit
from instances.enums import ScriptStage
from instances.guest_wishes import MAX_SCRIPTS, GuestWish, ScriptWish, check_guest
from instances.mount_forms import path_field
from instances.mounts import MAX_MOUNTS, MountWish
from instances.row_forms import Rows, rows_of
from instances.service_forms import Problem, ServiceForm
from storage.models import FileSystem, StorageDomain, Volume
from storage.references import fill

SCRIPTS = "cloud_init.scripts"  # the services' name of the list


class MountRow(ServiceForm):
    """A file system, and where in the guest."""

    filesystem = forms.ModelChoiceField(FileSystem.objects.none(), label=gettext_lazy("File system"), empty_label=None)
    mount_path = path_field()

    def __init__(self, *args: Any, offered: Sequence[FileSystem], **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["filesystem"]
        field.queryset = FileSystem.objects.filter(pk__in=[row.pk for row in offered]).select_related("subnet__vpc")
        field.choices = [(row.pk, f"{row.name} · {row.get_kind_display()}") for row in offered]


class MountRows(Rows):
    """파일 시스템 추가."""

    name = path = "filesystems"
    section = "storage"
    row_form = MountRow
    most = MAX_MOUNTS

    def __init__(
        self, data: QueryDict | None = None, *, project: Project, rows: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self.offered = list(project.filesystems.order_by("name"))
        super().__init__(data, initial=list(rows), form_kwargs={"offered": self.offered})

    def label(self, number: int) -> Text:
        """As the section calls it."""
        return _("File system %(number)s:") % {"number": number}

    def known(self) -> list[FileSystem]:
        """Those that are chosen, as far as they can be."""
        wanted = {str(form["filesystem"].value()) for form in self.forms}
        return [row for row in self.offered if str(row.pk) in wanted]

    def wishes(self) -> tuple[MountWish, ...]:
        """What the service is asked for. Of valid rows."""
        return tuple(MountWish(**form.cleaned_data) for form in self.forms)


class VolumeRow(ServiceForm):
    """A volume to be made."""

    name = forms.CharField(label=gettext_lazy("Name"), strip=False, widget=forms.TextInput({"autocomplete": "off"}))
    size_gib = size_field()


class VolumeRows(Rows):
    """New volumes. In the service's list they come after those that are there."""

    name, path = "new_volumes", "volumes"
    section = "storage"
    row_form = VolumeRow
    most = MAX_DATA_DISKS

    def label(self, number: int) -> Text:
        """As the section calls it."""
        return _("New volume %(number)s:") % {"number": number}

    def wishes(self) -> tuple[DiskWish, ...]:
        """What the service is asked for. Of valid rows."""
        return tuple(DiskWish(**form.cleaned_data) for form in self.forms)


class ScriptRow(ServiceForm):
    """A script that is registered; it is written in the dialog."""

    name = forms.CharField(strip=False, required=False, widget=forms.HiddenInput)
    stage = forms.CharField(required=False, widget=forms.HiddenInput)
    content = forms.CharField(strip=False, required=False, widget=forms.Textarea({"hidden": True}))


class ScriptRows(Rows):
    """사용자 스크립트, in the order in which they run."""

    name, path = "scripts", SCRIPTS
    section = "guest"
    row_form = ScriptRow
    most = MAX_SCRIPTS

    def label(self, number: int) -> Text:
        """By its name."""
        return str(self.forms[number - 1]["name"].value())

    def problems(self) -> Iterator[Problem]:
        """A script is corrected in its dialog: there is no control to go to but the list of them."""
        return (replace(problem, anchor=self.name) for problem in super().problems())

    def wishes(self) -> tuple[ScriptWish, ...]:
        """What the service is asked for. Of valid rows."""
        return tuple(ScriptWish(**form.cleaned_data) for form in self.forms)


MountFormSet, VolumeFormSet, ScriptFormSet = rows_of(MountRows), rows_of(VolumeRows), rows_of(ScriptRows)


class ScriptForm(ServiceForm):
    """The dialog 등록: one script. ``script_number`` is that of the row it replaces, if it is there already."""

    script_name = forms.CharField(
        label=gettext_lazy("File name"),
        strip=False,
        widget=forms.TextInput({"class": "form-control mono", "autocomplete": "off", "spellcheck": "false"}),
    )
    script_order = forms.IntegerField(
        label=gettext_lazy("Run order"), required=False, min_value=1, max_value=MAX_SCRIPTS, widget=forms.NumberInput
    )
    script_stage = forms.ChoiceField(label=gettext_lazy("Stage"), choices=ScriptStage.choices)
    script_content = forms.CharField(
        label=gettext_lazy("Script"),
        strip=False,
        widget=forms.Textarea({"class": "form-control mono", "rows": 9, "spellcheck": "false"}),
    )
    script_number = forms.IntegerField(required=False, min_value=0, max_value=MAX_SCRIPTS - 1, widget=forms.HiddenInput)

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], number: int) -> ScriptForm:
        """The dialog for one of them, or for a new one after them."""
        if not 0 <= number < len(rows):
            return cls(initial={"script_order": len(rows) + 1, "script_stage": ScriptStage.BOOT})
        values = {f"script_{name}": value for name, value in rows[number].items()}
        return cls(initial={**values, "script_order": number + 1, "script_number": number})

    def put_into(self, rows: list[dict[str, Any]]) -> bool:
        """Whether it could be put into ``rows``, at its place; what is wrong with it is said at its fields."""
        if not self.is_valid():
            return False
        number = self.cleaned_data["script_number"]
        if number is not None and number < len(rows):
            del rows[number]
        place = (self.cleaned_data["script_order"] or len(rows) + 1) - 1
        rows.insert(place, {name: self.cleaned_data[f"script_{name}"] for name in ScriptRow.base_fields})
        place = min(place, len(rows) - 1)
        for field, problem in _problems_of(rows, place):
            self.add_error(f"script_{field}", problem)
        return not self.errors


def _problems_of(rows: Sequence[Mapping[str, Any]], place: int) -> Iterator[tuple[str, str]]:
    """What is wrong with one of the scripts: field and sentence."""
    faults = Faults()
    check_guest(faults, GuestWish(scripts=tuple(ScriptWish(**row) for row in rows)))
    for path, problems in faults.fields.items():
        number, _dot, field = path.removeprefix(f"{SCRIPTS}.").partition(".")
        if number == str(place):
            yield from ((field, str(problem.detail)) for problem in problems)


@dataclass(frozen=True)
class VolumeChoice:
    """A volume that nothing uses, as the create form offers it."""

    volume: Volume
    chosen: bool
    reason: Text  # why it can't be chosen


@dataclass(frozen=True)
class VolumeOffer:
    """The volumes of a project that could be taken, as far as they are in ``domain``, where the image is."""

    project: Project
    domain: StorageDomain | None
    actor: Actor

    def choices(self, chosen: Sequence[str]) -> list[VolumeChoice]:
        """Those that fit first."""
        rows = list(self.project.volumes.filter(attachment=None).select_related("storage_domain").order_by("name"))
        fill(rows)
        found = [VolumeChoice(row, str(row.pk) in chosen, self._reason(row)) for row in rows]
        return sorted(found, key=lambda choice: bool(choice.reason))

    def _reason(self, volume: Volume) -> Text:
        if denial := ATTACH.denial(volume, self.actor):
            return denial.message
        return misfit(volume, self.domain) if self.domain else ""


def lost(choices: Sequence[VolumeChoice]) -> list[Volume]:
    """Which of the chosen ones no longer fit."""
    return [choice.volume for choice in choices if choice.chosen and choice.reason]


def kept(choices: Sequence[VolumeChoice]) -> list[VolumeChoice]:
    """The same choices without those."""
    return [VolumeChoice(entry.volume, entry.chosen and not entry.reason, entry.reason) for entry in choices]
