"""What the create and edit pages take in. Limits are checked by :mod:`instances.wishes` alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.errors import FieldError, InputError
from cloudia.core.policy import Text
from instances.affinity_forms import GroupField
from instances.create_rows import MountFormSet, ScriptFormSet, VolumeChoice, VolumeFormSet, VolumeOffer
from instances.disk_wishes import DiskWish
from instances.guest_wishes import DEFAULT_USERNAME, GuestWish
from instances.models import InstanceType
from instances.network_forms import InterfaceFormSet, Offer
from instances.row_forms import Rows
from instances.service_forms import Problem, ServiceForm
from instances.template_forms import NOTHING, Prefill
from instances.wishes import Compute, InstanceWish
from storage.models import Image, Volume

MIB, GIB = 1, 1024
KEYS = "cloud_init.ssh_keys"
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


def number_field(label: Any, *, required: bool = True, css: str = "") -> forms.IntegerField:
    widget = forms.NumberInput({"min": "1", "class": css})
    return forms.IntegerField(label=label, required=required, min_value=-LARGEST, max_value=LARGEST, widget=widget)


def _password(label: Any) -> forms.CharField:
    """What was typed comes back after an error: an empty field would mean the default password."""
    widget = forms.PasswordInput({"autocomplete": "new-password"}, render_value=True)
    return forms.CharField(label=label, strip=False, required=False, widget=widget)


class NamingForm(ServiceForm):
    """기본 정보: what people call it. Also all that can be edited so far."""

    name = forms.CharField(label=_("Name"), strip=False, widget=forms.TextInput({"autocomplete": "off"}))
    description = forms.CharField(
        label=_("Description"),
        required=False,
        widget=forms.Textarea({"rows": 2, "placeholder": _("Note what the instance is for")}),
    )


class CreateForm(NamingForm):
    """인스턴스 생성, as far as it goes: vCPUs and memory, networks, storage, the guest's first user and scripts."""

    BY_TYPE, BY_HAND = "type", "direct"
    paths: ClassVar[dict[str, str]] = {
        "memory_mib": "memory",
        "max_memory_mib": "max_memory",
        "cloud_init.username": "username",
        "cloud_init.password": "password",
        KEYS: "ssh_keys",
    }

    affinity_group = GroupField()
    mode = forms.ChoiceField(
        choices=[(BY_TYPE, _("Choose an instance type")), (BY_HAND, _("Set directly"))], initial=BY_TYPE
    )
    instance_type = forms.ModelChoiceField(
        InstanceType.objects.none(), label=_("Instance type"), required=False, empty_label=None
    )
    vcpus = number_field(_("vCPU"), required=False)
    memory = MemoryField(label=_("Memory size"), required=False)
    max_vcpus = number_field(_("Maximum vCPUs"), required=False)
    max_memory = MemoryField(label=_("Maximum memory"), required=False)
    image = forms.ModelChoiceField(Image.objects.none(), label=_("OS image"), empty_label=None)
    boot_disk_gib = number_field(_("Boot disk size"), required=False, css="form-control")
    volumes = forms.ModelMultipleChoiceField(Volume.objects.none(), label=_("Volumes"), required=False)
    username = forms.CharField(
        label=_("User name"),
        strip=False,
        required=False,
        initial=DEFAULT_USERNAME,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    password = _password(_("Password"))
    password_again = _password(_("Password confirmation"))
    ssh_keys = forms.CharField(
        label=_("SSH keys"),
        strip=False,
        required=False,
        widget=forms.Textarea({"rows": 2, "class": "form-control mono", "spellcheck": "false", "autocomplete": "off"}),
    )
    start = forms.BooleanField(
        label=_("Start it when it is made"),
        required=False,
        initial=True,
        widget=forms.CheckboxInput({"class": "form-check-input"}),
    )

    choices: ClassVar[tuple[str, ...]] = ("instance_type", "image")
    sections: ClassVar[dict[str, tuple[str, ...]]] = {
        "basic": ("name", "affinity_group", "description"),
        "compute": ("mode", "instance_type", "vcpus", "memory", "max_vcpus", "max_memory"),
        "storage": ("image", "boot_disk_gib", "volumes"),
        "guest": ("username", "password", "password_again", "ssh_keys"),
    }

    def __init__(
        self, data: QueryDict | None = None, *, project: Project, actor: Actor, prefill: Prefill = NOTHING
    ) -> None:
        super().__init__(data, initial=dict(prefill.fields))
        self.project, self.actor = project, actor
        self.interfaces = InterfaceFormSet(data, offer=Offer.of(project), rows=prefill.interfaces)
        self.new_volumes = VolumeFormSet(data, initial=prefill.new_volumes)
        self.filesystems = MountFormSet(data, project=project, rows=prefill.filesystems)
        self.scripts = ScriptFormSet(data, initial=prefill.scripts)
        self.lists: list[Rows] = [self.interfaces, self.new_volumes, self.filesystems, self.scripts]
        self._field("volumes").queryset = project.volumes.filter(attachment=None).select_related("storage_domain")
        self._field("affinity_group").queryset = project.affinity_groups.all()
        self._field("instance_type").queryset = InstanceType.objects.usable_in(project)
        self._field("image").queryset = Image.objects.usable_in(project).select_related("storage_domain", "project")
        for name in self.choices:  # the smallest type, and the first image: most forms need no more than a name
            self.initial.setdefault(name, getattr(self._field(name).queryset.first(), "pk", None))

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def clean(self) -> dict[str, Any]:
        """Of the two ways to say how large it is, the chosen one must be filled in. Passwords are typed twice."""
        data = self.cleaned_data
        data["volumes"] = list(data.get("volumes", ()))  # read once: errors name them by their place
        if data.get("password") != data.get("password_again"):
            self.add_error("password_again", _("The two passwords differ."))
        needed = ["instance_type"] if data.get("mode") == self.BY_TYPE else ["vcpus", "memory"]
        for name in needed:
            if name not in self.errors and data.get(name) is None:
                self.add_error(name, self._field(name).error_messages["required"])
        self.sensible = dict(data)  # stays, whatever a service refuses
        return data

    def is_valid(self) -> bool:
        """Whether the fields and every row of the lists make sense."""
        wrong = [rows for rows in self.lists if not rows.is_valid()]  # each is asked
        return super().is_valid() and not wrong

    def take(self, error: InputError) -> None:
        """Show what a service found wrong, each at its field or row.

        A maximum left empty follows its value: what is wrong with that is said once.
        """
        own: dict[str, list[FieldError]] = {}
        for path, problems in error.fields.items():
            if not self._follows(path, error) and not any(rows.owns(path) for rows in self.lists):
                field, words = self._place(path)
                own.setdefault(field, []).extend(FieldError(it.code, f"{words}{it.detail}") for it in problems)
        if own or not error.fields:
            super().take(InputError(error.message, own))
        for rows in self.lists:
            rows.take(error)

    def _place(self, path: str) -> tuple[str, Text]:
        """The field that a fault is at, and what of its value is meant, if it has several."""
        entries, _dot, number = path.rpartition(".")
        if entries == KEYS:
            return entries, gettext("Line %(number)s: ") % {"number": self._keys()[int(number)][0]}
        if entries == "volumes":
            return entries, f"{self.cleaned_data['volumes'][int(number)]}: "
        return path, ""

    def _keys(self) -> list[tuple[int, str]]:
        """The SSH keys, each with the number of its line."""
        lines = enumerate(self.cleaned_data["ssh_keys"].splitlines(), 1)
        return [(number, line.strip()) for number, line in lines if line.strip()]

    def problems(self, prefix: Text = "") -> Iterator[Problem]:
        """Everything that is wrong: the fields', then the lists'."""
        yield from super().problems(prefix)
        for rows in self.lists:
            yield from rows.problems()

    def _follows(self, path: str, error: InputError) -> bool:
        value = path.removeprefix("max_")
        return value != path and value in error.fields and self.cleaned_data.get(self.paths.get(path, path)) is None

    @property
    def failed_sections(self) -> set[str]:
        """Sections in which something is wrong."""
        failed = {name for name, fields in self.sections.items() if self.errors.keys() & set(fields)}
        return failed | {rows.section for rows in self.lists if any(rows.problems())}

    @property
    def known(self) -> dict[str, Any]:
        """What is filled in and makes sense; of a form not sent yet, what is chosen beforehand."""
        if self.is_bound:
            return getattr(self, "sensible", {})
        chosen = {name: self._chosen(name) for name in (*self.choices, "affinity_group")}
        return {"mode": self.BY_TYPE, **self.initial, **chosen}

    def _chosen(self, name: str) -> Any:
        """The row that is chosen beforehand."""
        pk = self.initial.get(name)
        return self._field(name).queryset.filter(pk=pk).first() if pk else None

    def volume_choices(self) -> list[VolumeChoice]:
        """The volumes that could be taken, and which are; those that the image rules out say so."""
        image = self.known.get("image")
        offer = VolumeOffer(self.project, image.storage_domain if image else None, self.actor)
        return offer.choices([str(pk) for pk in self["volumes"].value() or ()])

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
        self.new_volumes.taken = len(data["volumes"])
        return InstanceWish(
            name=data["name"],
            description=data["description"],
            image=data["image"],
            affinity_group=data["affinity_group"],
            compute=compute,
            interfaces=self.interfaces.wishes(),
            boot_disk_gib=data["boot_disk_gib"],
            volumes=(*(DiskWish(volume=volume) for volume in data["volumes"]), *self.new_volumes.wishes()),
            filesystems=self.filesystems.wishes(),
            guest=self._guest(),
            start=data["start"],
        )

    def _guest(self) -> GuestWish:
        data, keys = self.cleaned_data, tuple(key for _line, key in self._keys())
        return GuestWish(data["username"], data["password"], keys, self.scripts.wishes())
