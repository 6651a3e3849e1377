"""Storage as people fill it in. What may be is checked by the services alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloudia.accounts.models import Project
from cloudia.ui.forms import NamingForm
from cloudia.ui.templatetags.units import size
from storage.kinds import KINDS
from storage.models import Image, StorageDomain
from storage.querysets import ImageQuerySet

LARGEST_GIB = 10**9  # keeps absurd numbers away from arithmetic; the real limit is in space.py
# What people write, offered while they type. Anything else may be typed as well.
SYSTEMS = ("AlmaLinux", "CentOS", "Debian", "Fedora", "FreeBSD", "Rocky Linux", "SUSE", "Ubuntu", "Windows Server")


def domain_label(domain: StorageDomain) -> str:
    """``nfs-ssd-01 · SSD · 600 GiB free``."""
    free = max((place.available_bytes for place in domain.attachments.all() if place.active), default=0)
    words = _("%(size)s free") % {"size": size(free)}
    return f"{domain.name} · {domain.get_media_display()} · {words}"


def _domain_field() -> forms.Field:
    """Storage domains, each with its disk type and the room that is left; :func:`_offer` says which."""
    field: Any = forms.ModelChoiceField(
        StorageDomain.objects.none(), label=gettext_lazy("Storage domain"), empty_label=None
    )
    field.label_from_instance = domain_label
    chosen: forms.Field = field
    return chosen


def _offer(form: forms.Form, name: str, rows: Any) -> None:
    field: Any = form.fields[name]
    field.queryset = rows


def _domains(kinds: Iterable[str]) -> Any:
    rows = StorageDomain.objects.filter(attachments__active=True, kind__in=kinds).distinct()
    return rows.prefetch_related("attachments").order_by("name")


class VolumeForm(NamingForm):
    """A volume: how large, where, and of what. An image fixes where it lies, and how small it may be."""

    image = forms.ModelChoiceField(
        Image.objects.none(), label=gettext_lazy("Content"), required=False, empty_label=gettext_lazy("Empty")
    )
    size_gib = forms.IntegerField(
        label=gettext_lazy("Size (GiB)"),
        min_value=-LARGEST_GIB,
        max_value=LARGEST_GIB,
        initial=10,
        widget=forms.NumberInput({"min": "1", "inputmode": "numeric"}),
    )
    storage_domain = _domain_field()

    def __init__(self, *args: Any, images: ImageQuerySet, **options: Any) -> None:
        super().__init__(*args, **options)
        _offer(self, "image", images.select_related("storage_domain").order_by("name"))
        _offer(self, "storage_domain", _domains(KINDS))
        if image := self._chosen_image():
            self._follow(image)

    def _follow(self, image: Image) -> None:
        """The volume lies where its image does, and is no smaller."""
        _offer(self, "storage_domain", _domains(KINDS).filter(pk=image.storage_domain_id))
        least = {"gib": image.minimum_gib}
        self.fields["size_gib"].help_text = _("At least %(gib)s GiB: as large as the image.") % least
        self.initial["size_gib"] = max(self.wished_gib, image.minimum_gib)

    def _chosen_image(self) -> Image | None:
        field: Any = self.fields["image"]
        try:
            chosen: Image | None = field.clean(self["image"].value())
        except forms.ValidationError:
            return None
        return chosen

    @property
    def wished_gib(self) -> int:
        """The size as it is typed, for the picture of the quota; 0 if that is no size."""
        given = self.data if self.is_bound else self.initial
        typed = str(given.get("size_gib", self.fields["size_gib"].initial))
        return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < len(str(LARGEST_GIB)) else 0


def _system(label: Any, **attrs: str) -> forms.CharField:
    return forms.CharField(label=label, max_length=64, required=False, widget=forms.TextInput(attrs))


class SystemForm(NamingForm):
    """What an image is called, and what is on it."""

    os_type = _system(gettext_lazy("Operating system"), list="systems", autocomplete="off")
    os_version = _system(gettext_lazy("Version"), autocomplete="off")


class ImageForm(SystemForm):
    """What can be changed of an image."""

    deprecated = forms.BooleanField(
        label=gettext_lazy("Deprecated"),
        required=False,
        help_text=gettext_lazy("It is not offered for new instances any more. What was made of it goes on."),
    )


class NewImageForm(SystemForm):
    """A new image, uploaded or fetched: where it lies, for whom, and how to tell that it is whole."""

    storage_domain = _domain_field()
    public = forms.BooleanField(
        label=gettext_lazy("Public"), required=False, help_text=gettext_lazy("Every project can use it.")
    )
    sha256 = forms.CharField(
        label="SHA-256",
        max_length=64,
        required=False,
        help_text=gettext_lazy("If you know it: a file that was damaged or changed on its way is refused."),
        widget=forms.TextInput({"class": "form-control mono", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, is_operator: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        del self.fields["name"].widget.attrs["autofocus"]  # the file or the address comes first
        _offer(self, "storage_domain", _domains(kind for kind, traits in KINDS.items() if traits.takes_uploads))
        if not is_operator:
            del self.fields["public"]

    def project_of(self, project: Project) -> Project | None:
        """Whose it will be; None: everybody's. Of a valid form."""
        return None if self.cleaned_data.get("public") else project


class FetchForm(NewImageForm):
    """An image from an address."""

    url = forms.CharField(
        label="URL",
        max_length=2048,
        widget=forms.TextInput(
            {
                "type": "url",
                "inputmode": "url",
                "class": "form-control mono",
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": "https://",
            }
        ),
    )
