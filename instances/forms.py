"""What the create page takes in. Limits are checked by :mod:`instances.wishes` alone."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.policy import Text
from instances.affinity_forms import GroupField
from instances.compute_forms import ComputeForm
from instances.create_rows import MountFormSet, ScriptFormSet, VolumeChoice, VolumeFormSet, VolumeOffer
from instances.disk_wishes import DiskWish
from instances.guest_wishes import DEFAULT_USERNAME, GuestWish
from instances.network_forms import InterfaceFormSet, Offer
from instances.row_forms import FormWithRows, Rows
from instances.size_fields import number_field
from instances.template_forms import NOTHING, Prefill
from instances.wishes import InstanceWish
from storage.models import Image, Volume

KEYS = "cloud_init.ssh_keys"


def _password(label: Any) -> forms.CharField:
    """What was typed comes back after an error: an empty field would mean the default password."""
    widget = forms.PasswordInput({"autocomplete": "new-password"}, render_value=True)
    return forms.CharField(label=label, strip=False, required=False, widget=widget)


class CreateForm(FormWithRows, ComputeForm):
    """인스턴스 생성, as far as it goes: vCPUs and memory, networks, storage, the guest's first user and scripts."""

    paths: ClassVar[dict[str, str]] = {
        **ComputeForm.paths,
        "cloud_init.username": "username",
        "cloud_init.password": "password",
        KEYS: "ssh_keys",
    }

    affinity_group = GroupField()
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
        "compute": ("mode", *ComputeForm.ways, "topology", "gpu", "max_vcpus", "max_memory"),
        "storage": ("image", "boot_disk_gib", "volumes"),
        "guest": ("username", "password", "password_again", "ssh_keys"),
    }

    def __init__(
        self, data: QueryDict | None = None, *, project: Project, actor: Actor, prefill: Prefill = NOTHING
    ) -> None:
        super().__init__(data, initial=dict(prefill.fields), project=project)
        self.actor = actor
        self.interfaces = InterfaceFormSet(data, offer=Offer.of(project), rows=prefill.interfaces)
        self.new_volumes = VolumeFormSet(data, initial=prefill.new_volumes)
        self.filesystems = MountFormSet(data, project=project, rows=prefill.filesystems)
        self.scripts = ScriptFormSet(data, initial=prefill.scripts)
        self.lists: list[Rows] = [self.interfaces, self.new_volumes, self.filesystems, self.scripts]
        # Those that somebody has taken meanwhile too: the service says who has them.
        self._field("volumes").queryset = project.volumes.select_related("storage_domain")
        self._field("affinity_group").queryset = project.affinity_groups.all()
        self._field("image").queryset = Image.objects.usable_in(project).select_related("storage_domain", "project")
        for name in self.choices:  # the smallest type, and the first image: most forms need no more than a name
            self.initial[name] = self._asked_for(name) if name in self.initial else self._field(name).queryset.first()
        self.initial["affinity_group"] = self._asked_for("affinity_group")

    def _asked_for(self, name: str) -> Any:
        """The row that is named beforehand, if it can still be chosen."""
        pk = self.initial.get(name)
        return self._field(name).queryset.filter(pk=pk).first() if pk else None

    def clean(self) -> dict[str, Any]:
        """Passwords are typed twice."""
        data = super().clean()
        data["volumes"] = list(data.get("volumes", ()))  # read once: errors name them by their place
        if data.get("password") != data.get("password_again"):
            self.add_error("password_again", _("The two passwords differ."))
        return data

    def place(self, path: str) -> tuple[str, Text]:
        """Of a field with several values, what is meant."""
        entries, _dot, number = path.rpartition(".")
        if entries == KEYS:
            return self.paths[KEYS], gettext("Line %(number)s: ") % {"number": self._keys()[int(number)][0]}
        if entries == "volumes":
            return entries, f"{self.sensible['volumes'][int(number)]}: "
        return super().place(path)

    def _keys(self) -> list[tuple[int, str]]:
        """The SSH keys, each with the number of its line."""
        lines = enumerate(self.sensible["ssh_keys"].splitlines(), 1)
        return [(number, line.strip()) for number, line in lines if line.strip()]

    @property
    def failed_sections(self) -> set[str]:
        """Sections in which something is wrong."""
        failed = {name for name, fields in self.sections.items() if self.errors.keys() & set(fields)}
        return failed | {rows.section for rows in self.lists if any(rows.problems())}

    def volume_choices(self) -> list[VolumeChoice]:
        """The volumes that could be taken, and which are; those that the image rules out say so."""
        image = self.known.get("image")
        offer = VolumeOffer(self.project, image.storage_domain if image else None, self.actor)
        return offer.choices([str(pk) for pk in self["volumes"].value() or ()])

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
