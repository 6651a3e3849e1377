"""What the page 인스턴스 편집 takes in: of a stopped instance nearly everything, of a running one what can grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.core.policy import Text, Verdict, verdicts
from cloudia.ui.templatetags.units import memory
from instances import mount_policies, policies
from instances.affinity_forms import GroupField
from instances.compute_forms import ComputeForm
from instances.create_rows import MountFormSet, VolumeChoice, VolumeFormSet, VolumeOffer
from instances.disk_policies import DETACH, RESIZE
from instances.disk_wishes import DiskWish
from instances.edit_checks import STEP_MIB
from instances.edit_plan import links_of, mounts_of
from instances.edit_rows import NewInterfaceFormSet, Nics
from instances.edits import EditWish, InterfaceEdit, Regroup, compute_of, resized
from instances.models import Instance, InstanceType
from instances.mounts import MountWish
from instances.network_forms import Offer
from instances.row_forms import FormWithRows, Judged, Rows, rearranged
from instances.size_fields import GIB, MIB
from instances.wishes import Compute
from storage.models import Volume

NEW_VOLUME = {"name": "", "size_gib": "10"}


@dataclass(frozen=True, slots=True)
class DiskRow:
    """A disk that is there, whether it is to be detached, and what may be done to it."""

    volume: Volume
    is_detached: bool
    verdicts: dict[str, Verdict]


class EditForm(FormWithRows, ComputeForm):
    """인스턴스 편집. What was not sent stays as it is: not every page shows everything."""

    affinity_group = GroupField()
    volumes = forms.ModelMultipleChoiceField(Volume.objects.none(), label=_("Volumes"), required=False)
    detach = forms.MultipleChoiceField(label=_("Detach volume"), required=False)

    def __init__(self, data: QueryDict | None, *, instance: Instance, actor: Actor) -> None:
        self.instance, self.actor = instance, actor
        self.offer = Offer.of(instance.project, instance.vpc)
        now = _now(instance)
        sent = data if data is None else _completed(self._rearranged(data), now)
        super().__init__(sent, project=instance.project, initial=now)
        self._offer_rows(sent)
        self._field("affinity_group").queryset = instance.project.affinity_groups.all()
        attached = Volume.objects.for_display().filter(attachment__instance=instance).order_by("attachment__position")
        self.disks = [volume for volume in attached if not volume.attachment.is_boot]
        self.boot = next((volume for volume in attached if volume.attachment.is_boot), None)
        self._field("detach").choices = [(str(volume.pk), volume.name) for volume in self.disks]
        others = instance.project.volumes.exclude(attachment__instance=instance)  # the service says who has one
        self._field("volumes").queryset = others.select_related("storage_domain")
        if kind := instance.instance_type_id:
            types = self._field("instance_type").queryset | InstanceType.objects.filter(pk=kind)
            self._field("instance_type").queryset = types

    def _rearranged(self, data: QueryDict) -> QueryDict:
        blanks = {NewInterfaceFormSet: self.offer.usual, VolumeFormSet: NEW_VOLUME, MountFormSet: {}}
        return rearranged(data, blanks)

    def _offer_rows(self, data: QueryDict | None) -> None:
        instance, mounts = self.instance, mounts_of(self.instance)
        self.nics = Nics(data, links=links_of(instance), offer=self.offer, actor=self.actor)
        self.interfaces = NewInterfaceFormSet(_of(NewInterfaceFormSet, data), offer=self.offer, rows=[])
        self.new_volumes = VolumeFormSet(_of(VolumeFormSet, data))
        self.mounted = sorted((row.filesystem_id, row.mount_path) for row in mounts)
        rows = [{"filesystem": row.filesystem_id, "mount_path": row.mount_path} for row in mounts]
        remounts = instance.state in (mount_policies.EDIT_MOUNT.states or ())
        self.filesystems = MountFormSet(
            _of(MountFormSet, data) if remounts else None, project=instance.project, rows=rows
        )
        added: Sequence[Rows] = (self.interfaces, self.new_volumes, self.filesystems)
        self.lists: Sequence[Judged] = [self.nics, *(rows for rows in added if rows.is_bound)]

    def clean(self) -> dict[str, Any]:
        """Volumes are read once: errors name them by their place."""
        data = super().clean()
        data["volumes"] = list(data.get("volumes", ()))
        return data

    def hush(self) -> None:
        """Say nothing about what is wrong: the form is not finished."""
        for form in (self, *self.nics.forms, *self.interfaces, *self.new_volumes, *self.filesystems):
            form.errors.clear()
        for rows in (self.interfaces, self.new_volumes, self.filesystems):
            rows.non_form_errors().clear()

    def place(self, path: str) -> tuple[str, Text]:
        """Of the volumes, which one is meant."""
        name, _dot, number = path.partition(".")
        if name == "volumes" and number.isdecimal():
            return name, f"{self._existing()[int(number)].volume}: "
        return super().place(path)

    def compute(self) -> Compute | None:
        """vCPUs and memory as far as they are known; None if they stay as they are."""
        wished = super().compute()
        return None if wished == compute_of(self.instance) else wished

    def wish(self) -> EditWish:
        """What the service is asked for, as far as what was entered makes sense."""
        data = self.sensible
        return EditWish(
            name=data.get("name"),
            description=data.get("description"),
            compute=self.compute(),
            interfaces=self._interfaces(),
            volumes=self._volumes(),
            filesystems=self._filesystems(),
            regroup=Regroup(data["affinity_group"]) if "affinity_group" in data else None,
        )

    def _interfaces(self) -> tuple[InterfaceEdit, ...] | None:
        if not self.interfaces.forms and not self.nics.are_changed:
            return None
        staying = self.nics.edits()
        self.interfaces.taken = len(staying)
        return (*staying, *self.interfaces.edits())

    def _existing(self) -> list[DiskWish]:
        """Of the volumes that are there, those that it shall have."""
        detached = self.sensible.get("detach", ())
        kept = [volume for volume in self.disks if str(volume.pk) not in detached]
        return [DiskWish(volume=volume) for volume in (*kept, *self.sensible.get("volumes", ()))]

    def _volumes(self) -> tuple[DiskWish, ...] | None:
        existing = self._existing()
        if not self.new_volumes.forms and [wish.volume for wish in existing] == self.disks:
            return None
        self.new_volumes.taken = len(existing)
        return (*existing, *(DiskWish(**row.cleaned_data) for row in self.new_volumes if not row.errors))

    def _filesystems(self) -> tuple[MountWish, ...] | None:
        """None if they stay as they are, and as long as one of them makes no sense: what is missing would go."""
        rows = self.filesystems
        if not rows.is_bound or not rows.is_valid():
            return None
        wishes = rows.wishes()
        wished = sorted((wish.filesystem.pk, wish.mount_path) for wish in wishes)
        return None if wished == self.mounted else wishes

    def volume_choices(self) -> list[VolumeChoice]:
        """The volumes that could be attached, and which shall be; those that can't say why."""
        offer = VolumeOffer(self.instance.project, self.instance.image.storage_domain, self.actor)
        return offer.choices([str(pk) for pk in self["volumes"].value() or ()])

    def disk_rows(self) -> list[DiskRow]:
        """Its disks, that for booting first; what keeps one attached says so."""
        detached, volumes = self["detach"].value() or (), [self.boot, *self.disks]
        return [
            DiskRow(volume, str(volume.pk) in detached, verdicts((DETACH, RESIZE), volume, self.actor))
            for volume in volumes
            if volume
        ]


@dataclass(frozen=True, slots=True)
class Slider:
    """What can grow: from what there is now to the maximum, both in ``unit``."""

    field: BoundField
    name: str
    value: Any
    now: str
    most: str
    step: str
    unit: Text
    now_words: Text
    most_words: Text

    @property
    def can_grow(self) -> bool:
        """Whether there is room."""
        return self.now != self.most


class LiveEditForm(EditForm):
    """라이브 편집: of a running instance's size only vCPUs and memory change, upwards."""

    def __init__(self, data: QueryDict | None, *, instance: Instance, actor: Actor) -> None:
        super().__init__(data, instance=instance, actor=actor)
        gone = ("mode", "topology", "gpu", "max_vcpus", "max_memory", "affinity_group")
        for name in (*self.ways - {"vcpus", "memory"}, *gone):
            del self.fields[name]

    def compute(self) -> Compute | None:
        """The same with more; what an instance type says is no longer what it has."""
        have, data = compute_of(self.instance), self.known
        vcpus, memory_mib = data.get("vcpus"), data.get("memory")
        if vcpus is None or memory_mib is None:
            return None
        wished = resized(have, {"vcpus": vcpus, "memory_mib": memory_mib})
        return None if wished == have else wished

    @property
    def sliders(self) -> list[Slider]:
        """What can grow."""
        return [self._vcpus(), self._memory()]

    def _vcpus(self) -> Slider:
        now, most, field = str(self.instance.vcpus), str(self.instance.max_vcpus), self["vcpus"]
        return Slider(field, field.html_name, field.value(), now, most, "1", "", now, most)

    def _memory(self) -> Slider:
        """In GiB where those are not too many decimals."""
        now, most, field = self.instance.memory_mib, self.instance.max_memory_mib, self["memory"]
        unit = MIB if now % STEP_MIB or most % STEP_MIB else GIB
        known = self.known.get("memory")
        typed = field.value()[0] if known is None else _in(known, unit)
        least, limit, step = (_in(size, unit) for size in (now, most, STEP_MIB))
        name = "GiB" if unit == GIB else "MiB"
        return Slider(field, f"{field.html_name}_0", typed, least, limit, step, name, memory(now), memory(most))

    @property
    def memory_unit(self) -> int:
        """In which unit memory is entered, in MiB."""
        return GIB if self._memory().unit == "GiB" else MIB


def _in(mib: int, unit: int) -> str:
    """MiB in a unit, without zeros behind the point."""
    return f"{mib / unit:.3f}".rstrip("0").rstrip(".")


def _now(instance: Instance) -> dict[str, Any]:
    """An instance as its form starts."""
    kind = instance.instance_type
    as_typed = kind is not None and (kind.vcpus, kind.memory_mib) == (instance.vcpus, instance.memory_mib)
    return {
        "name": instance.name,
        "description": instance.description,
        "affinity_group": instance.affinity_group,
        "mode": ComputeForm.BY_TYPE if as_typed else ComputeForm.BY_HAND,
        "instance_type": kind,
        "vcpus": instance.vcpus,
        "memory": instance.memory_mib,
        "topology": ComputeForm.CUSTOM if instance.cores_per_socket else ComputeForm.BASIC,
        "threads_per_core": instance.threads_per_core,
        "cores": instance.cores,
        "gpu": instance.gpu,
        "max_vcpus": instance.max_vcpus,
        "max_memory": instance.max_memory_mib,
    }


def _completed(data: QueryDict, now: dict[str, Any]) -> QueryDict:
    """What was sent, and for what was not, what there is now. A page for a running instance sends no maxima."""
    if "vcpus" in data:
        data.setdefault("mode", ComputeForm.BY_HAND)
    for name, value in now.items():
        if name.endswith("memory"):
            data.setdefault(f"{name}_0", str(value))
            data.setdefault(f"{name}_1", str(MIB))
        else:
            data.setdefault(name, str(getattr(value, "pk", value) or ""))
    return data


def _of(kind: type[Rows], data: QueryDict | None) -> QueryDict | None:
    """What was sent, if the list was."""
    return data if data is not None and f"{kind.name}-TOTAL_FORMS" in data else None


def form_for(instance: Instance, actor: Actor, data: QueryDict | None = None) -> EditForm:
    """The form for an instance that is off, or runs."""
    kind = EditForm if instance.state in (policies.RESHAPE.states or ()) else LiveEditForm
    return kind(data, instance=instance, actor=actor)
