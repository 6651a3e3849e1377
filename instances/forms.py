"""What the create and edit pages take in. Limits are checked by :mod:`instances.wishes` alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project
from cloudia.core.errors import InputError
from cloudia.core.policy import Text
from instances.models import InstanceType
from instances.network_forms import PREFIX, InterfaceFormSet, Offer
from instances.service_forms import Problem, ServiceForm
from instances.wishes import Compute, InstanceWish
from storage.models import Image

MIB, GIB = 1, 1024
LARGEST = 10**9  # keeps absurd numbers away from arithmetic; the real limits are in wishes.py


class MemoryWidget(forms.MultiWidget):
    """A number and its unit."""

    def __init__(self) -> None:
        units = forms.Select({"aria-label": _("Unit")}, [(GIB, "GiB"), (MIB, "MiB")])
        super().__init__([forms.NumberInput({"min": "0", "step": "any"}), units])

    use_fieldset = False  # one label is enough: the unit has its own

    def id_for_label(self, id_: str) -> str:
        """The label belongs to the number."""
        return f"{id_}_0"

    def render(self, *args: Any, **options: Any) -> SafeString:
        """Both in one frame."""
        return format_html('<div class="input-group">{}</div>', super().render(*args, **options))

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """The second of the two is a list."""
        context = super().get_context(name, value, attrs)
        context["widget"]["subwidgets"][1]["attrs"]["class"] = "form-select flex-grow-0 w-auto"
        return context

    def decompress(self, value: int | None) -> list[Any]:
        """MiB as the number and unit to show."""
        if value is None:
            return [None, GIB]
        return [value // GIB, GIB] if value % GIB == 0 else [value, MIB]


class MemoryField(forms.MultiValueField):
    """A size in MiB, entered as a number of MiB or GiB."""

    widget = MemoryWidget

    def __init__(self, *, required: bool = True, **options: Any) -> None:
        number = forms.FloatField(min_value=0, max_value=LARGEST, required=required)
        unit = forms.TypedChoiceField(coerce=int, choices=[(GIB, "GiB"), (MIB, "MiB")], required=False)
        super().__init__((number, unit), required=required, require_all_fields=False, **options)

    def compress(self, data_list: list[Any]) -> int | None:
        """The size in MiB."""
        return round(data_list[0] * (data_list[1] or GIB)) if data_list and data_list[0] is not None else None


def _number(label: Any, *, required: bool = True, css: str = "") -> forms.IntegerField:
    widget = forms.NumberInput({"min": "1", "class": css})
    return forms.IntegerField(label=label, required=required, min_value=-LARGEST, max_value=LARGEST, widget=widget)


class NamingForm(ServiceForm):
    """기본 정보: what people call it. Also all that can be edited so far."""

    name = forms.CharField(label=_("Name"), strip=False, widget=forms.TextInput({"autocomplete": "off"}))
    description = forms.CharField(
        label=_("Description"),
        required=False,
        widget=forms.Textarea({"rows": 2, "placeholder": _("Note what the instance is for")}),
    )


class CreateForm(NamingForm):
    """인스턴스 생성, as far as it goes: image, vCPUs and memory, networks, boot disk."""

    BY_TYPE, BY_HAND = "type", "direct"
    paths: ClassVar[dict[str, str]] = {"memory_mib": "memory", "max_memory_mib": "max_memory"}

    mode = forms.ChoiceField(
        choices=[(BY_TYPE, _("Choose an instance type")), (BY_HAND, _("Set directly"))], initial=BY_TYPE
    )
    instance_type = forms.ModelChoiceField(
        InstanceType.objects.none(), label=_("Instance type"), required=False, empty_label=None
    )
    vcpus = _number(_("vCPU"), required=False)
    memory = MemoryField(label=_("Memory size"), required=False)
    max_vcpus = _number(_("Maximum vCPUs"), required=False)
    max_memory = MemoryField(label=_("Maximum memory"), required=False)
    image = forms.ModelChoiceField(Image.objects.none(), label=_("OS image"), empty_label=None)
    boot_disk_gib = _number(_("Boot disk size"), required=False, css="form-control")
    start = forms.BooleanField(
        label=_("Start it when it is made"),
        required=False,
        initial=True,
        widget=forms.CheckboxInput({"class": "form-check-input"}),
    )

    choices: ClassVar[tuple[str, ...]] = ("instance_type", "image")
    sections: ClassVar[dict[str, tuple[str, ...]]] = {
        "basic": ("name", "description"),
        "compute": ("mode", "instance_type", "vcpus", "memory", "max_vcpus", "max_memory"),
        "storage": ("image", "boot_disk_gib"),
    }

    def __init__(self, data: QueryDict | None = None, *, project: Project) -> None:
        super().__init__(data)
        self.interfaces = InterfaceFormSet(data, offer=Offer.of(project))
        self._field("instance_type").queryset = InstanceType.objects.usable_in(project)
        self._field("image").queryset = Image.objects.usable_in(project).select_related("storage_domain", "project")
        for name in self.choices:  # the smallest type, and the first image: most forms need no more than a name
            self.initial[name] = getattr(self._field(name).queryset.first(), "pk", None)

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def clean(self) -> dict[str, Any]:
        """Of the two ways to say how large it is, the chosen one must be filled in."""
        data = self.cleaned_data
        needed = ["instance_type"] if data.get("mode") == self.BY_TYPE else ["vcpus", "memory"]
        for name in needed:
            if name not in self.errors and data.get(name) is None:
                self.add_error(name, self._field(name).error_messages["required"])
        return data

    def is_valid(self) -> bool:
        """Whether the fields and every row of the networks make sense."""
        rows_are_valid = self.interfaces.is_valid()
        return super().is_valid() and rows_are_valid

    def take(self, error: InputError) -> None:
        """A maximum left empty follows its value: what is wrong with that is said once. Networks have their rows."""
        own = {
            path: problems
            for path, problems in error.fields.items()
            if not path.startswith(PREFIX) and not self._follows(path, error)
        }
        if own or not error.fields:
            super().take(InputError(error.message, own))
        self.interfaces.take(error)

    def problems(self, prefix: Text = "") -> Iterator[Problem]:
        """Everything that is wrong: the fields', then the networks'."""
        yield from super().problems(prefix)
        yield from self.interfaces.problems()

    def _follows(self, path: str, error: InputError) -> bool:
        value = path.removeprefix("max_")
        return value != path and value in error.fields and self.cleaned_data.get(self.paths.get(path, path)) is None

    @property
    def failed_sections(self) -> set[str]:
        """Sections in which something is wrong."""
        failed = {name for name, fields in self.sections.items() if self.errors.keys() & set(fields)}
        return failed | ({"network"} if any(self.interfaces.problems()) else set())

    @property
    def known(self) -> dict[str, Any]:
        """What is filled in and makes sense; of a form not sent yet, what is chosen beforehand."""
        if self.is_bound:
            return getattr(self, "cleaned_data", {})
        chosen = {name: self._field(name).queryset.filter(pk=self.initial[name]).first() for name in self.choices}
        return {"mode": self.BY_TYPE, **chosen}

    def compute(self) -> Compute | None:
        """vCPUs and memory as far as they are known; also of a form that is not complete."""
        data = self.known
        most = data.get("max_vcpus"), data.get("max_memory")
        if data.get("mode") == self.BY_TYPE:
            kind = data.get("instance_type")
            return Compute.of_type(kind, *most) if kind else None
        if data.get("vcpus") is None or data.get("memory") is None:
            return None
        return Compute.by_hand(data["vcpus"], data["memory"], *most)

    def wish(self) -> InstanceWish:
        """What the service is asked for. Of a valid form."""
        data, compute = self.cleaned_data, self.compute()
        if compute is None:
            raise RuntimeError("clean() lets no form pass without vCPUs and memory")
        return InstanceWish(
            name=data["name"],
            description=data["description"],
            image=data["image"],
            compute=compute,
            interfaces=self.interfaces.wishes(),
            boot_disk_gib=data["boot_disk_gib"],
            start=data["start"],
        )
