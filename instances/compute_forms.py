"""컴퓨트 사양: what the forms for new instances and for those that are there share."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project
from cloudia.core.errors import InputError
from cloudia.core.policy import Text
from instances.models import InstanceType
from instances.service_forms import NamingForm
from instances.size_fields import MemoryField, number_field
from instances.wishes import Compute


class ComputeForm(NamingForm):
    """A name, and how large the instance is: as an instance type says, or by hand; then also with which cores."""

    BY_TYPE, BY_HAND = "type", "direct"
    BASIC, CUSTOM = "basic", "custom"
    paths: ClassVar[dict[str, str]] = {"memory_mib": "memory", "max_memory_mib": "max_memory"}
    ways: ClassVar[frozenset[str]] = frozenset({"instance_type", "vcpus", "memory", "threads_per_core", "cores"})

    mode = forms.ChoiceField(
        choices=[(BY_TYPE, _("Choose an instance type")), (BY_HAND, _("Set directly"))], initial=BY_TYPE
    )
    instance_type = forms.ModelChoiceField(
        InstanceType.objects.none(), label=_("Instance type"), required=False, empty_label=None
    )
    vcpus = number_field(_("vCPU"), required=False)
    memory = MemoryField(label=_("Memory size"), required=False)
    topology = forms.ChoiceField(
        choices=[(BASIC, _("Basic options")), (CUSTOM, _("Choose the options"))], initial=BASIC, required=False
    )
    threads_per_core = forms.TypedChoiceField(
        label=_("Hyper-threading"),
        choices=[(2, _("On")), (1, _("Off"))],
        coerce=int,
        empty_value=None,
        initial=2,
        required=False,
    )
    cores = number_field(_("Cores"), required=False)
    gpu = forms.BooleanField(label=_("Use a GPU"), required=False)
    max_vcpus = number_field(_("Maximum vCPUs"), required=False)
    max_memory = MemoryField(label=_("Maximum memory"), required=False)

    def __init__(self, *args: Any, project: Project, **options: Any) -> None:
        super().__init__(*args, **options)
        self.project = project
        self.sensible: dict[str, Any] = {}
        self._field("instance_type").queryset = InstanceType.objects.usable_in(project)

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def full_clean(self) -> None:
        """What made sense stays known, whatever a service refuses later."""
        super().full_clean()
        self.sensible = dict(getattr(self, "cleaned_data", {}))

    def clean(self) -> dict[str, Any]:
        """Of the ways to say how large it is, the chosen one must be filled in. The others don't matter."""
        data = self.cleaned_data
        chosen = self._chosen_way()
        for name in self.ways.difference(chosen) & self.errors.keys():
            del self.errors[name]
        for name in chosen:
            if name not in self.errors and data.get(name) is None:
                self.add_error(name, self._field(name).error_messages["required"])
        if "cores" in data and "cores" in chosen and "threads_per_core" in data:
            data["vcpus"] = data["cores"] * data["threads_per_core"]
        return data

    def _chosen_way(self) -> tuple[str, ...]:
        """The fields that count."""
        data = self.cleaned_data
        if data.get("mode") == self.BY_TYPE:
            return ("instance_type",)
        return ("threads_per_core", "cores", "memory") if self._is_custom(data) else ("vcpus", "memory")

    def _is_custom(self, data: dict[str, Any]) -> bool:
        return data.get("mode") != self.BY_TYPE and data.get("topology") == self.CUSTOM

    def take(self, error: InputError) -> None:
        """A maximum left empty follows its value: what is wrong with that is said once."""
        said = {path: problems for path, problems in error.fields.items() if not self._follows(path, error)}
        super().take(InputError(error.message, said))

    def _follows(self, path: str, error: InputError) -> bool:
        value = path.removeprefix("max_")
        return value != path and value in error.fields and self.cleaned_data.get(self.paths.get(path, path)) is None

    def place(self, path: str) -> tuple[str, Text]:
        """Where cores say how many vCPUs there are, that is where it goes wrong."""
        if path == "vcpus" and self._is_custom(self.sensible):
            return "cores", f"{self._field('vcpus').label}: "
        return super().place(path)

    @property
    def known(self) -> dict[str, Any]:
        """What is filled in and makes sense; of a form not sent yet, what it starts with."""
        if self.is_bound:
            return self.sensible
        return {name: self.get_initial_for_field(field, name) for name, field in self.fields.items()}

    def compute(self) -> Compute | None:
        """vCPUs and memory as far as they are known; also of a form that is not complete."""
        data = self.known
        most = data.get("max_vcpus"), data.get("max_memory")
        if data.get("mode") == self.BY_TYPE:
            kind = data.get("instance_type")
            return Compute.of_type(kind, *most) if kind else None
        if data.get("vcpus") is None or data.get("memory") is None:
            return None
        threads, cores = (data["threads_per_core"], data["cores"]) if self._is_custom(data) else (None, None)
        gpu = bool(data.get("gpu"))
        return Compute.by_hand(data["vcpus"], data["memory"], *most, threads=threads, cores=cores, gpu=gpu)
