"""Narrowing lists of images and volumes: one filter set for a page and for the API."""

from __future__ import annotations

import django_filters as filters
from django.utils.translation import gettext_lazy as _

from cloudia.core.filters import Ordering, flag, search
from storage.enums import DomainKind, FileSystemKind, ImageStatus, Media, VolumeStatus
from storage.models import FileSystem, Image, StorageDomain, Volume
from storage.querysets import FileSystemQuerySet, ImageQuerySet, StorageDomainQuerySet, VolumeQuerySet

VISIBILITIES = (("public", _("Public")), ("project", _("This project's")))


class ImageFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """Images by name, system or id; by status, project, and whether they are public."""

    search = search("by_text")
    status = filters.MultipleChoiceFilter(choices=ImageStatus.choices, label=_("Status"))
    os_type = filters.CharFilter(max_length=64, label=_("Operating system"))
    deprecated = flag(_("Deprecated"))
    visibility = filters.ChoiceFilter(choices=VISIBILITIES, method="by_visibility", label=_("Visibility"))
    project = filters.UUIDFilter(field_name="project_id", label=_("Project"))
    ordering = Ordering("name", "created_at")

    class Meta:
        model = Image
        fields: tuple[str, ...] = ()

    def by_text(self, rows: ImageQuerySet, _name: str, text: str) -> ImageQuerySet:
        """By name, system or id."""
        return rows.matching(text)

    def by_visibility(self, rows: ImageQuerySet, _name: str, wanted: str) -> ImageQuerySet:
        """Public ones, or those of projects."""
        return rows.filter(project__isnull=wanted == "public")


class VolumeFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """Volumes by name or id; by status, storage domain, image, and whether an instance has them."""

    search = search("by_text")
    status = filters.MultipleChoiceFilter(choices=VolumeStatus.choices, label=_("Status"))
    # The app of instances attaches volumes.
    attached = flag(_("Attached"), field_name="attachment", lookup_expr="isnull", exclude=True)
    instance = filters.UUIDFilter(field_name="attachment__instance_id", label=_("Instance"))
    storage_domain = filters.UUIDFilter(field_name="storage_domain_id", label=_("Storage domain"))
    image = filters.UUIDFilter(field_name="image_id", label=_("Image"))
    project = filters.UUIDFilter(field_name="project_id", label=_("Project"))
    ordering = Ordering("name", "size_gib", "created_at")

    class Meta:
        model = Volume
        fields: tuple[str, ...] = ()

    def by_text(self, rows: VolumeQuerySet, _name: str, text: str) -> VolumeQuerySet:
        """By name or id."""
        return rows.matching(text)


class StorageDomainFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """Storage domains by name or id; by kind, media, and the host that has them."""

    search = search("by_text")
    kind = filters.MultipleChoiceFilter(choices=DomainKind.choices, label=_("Kind"))
    media = filters.ChoiceFilter(choices=Media.choices, label=_("Disk type"))
    host = filters.UUIDFilter(field_name="hosts", label=_("Host"))
    ordering = Ordering("name", "created_at")

    class Meta:
        model = StorageDomain
        fields: tuple[str, ...] = ()

    def by_text(self, rows: StorageDomainQuerySet, _name: str, text: str) -> StorageDomainQuerySet:
        """By name or id."""
        return rows.matching(text)


class FileSystemFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """File systems by name or id; by kind, subnet, and the instance that mounts them."""

    search = search("by_text")
    kind = filters.MultipleChoiceFilter(choices=FileSystemKind.choices, label=_("Type"))
    subnet = filters.UUIDFilter(field_name="subnet_id", label=_("Subnet"))
    # The app of instances mounts file systems.
    instance = filters.UUIDFilter(field_name="mounts__instance_id", label=_("Instance"))
    project = filters.UUIDFilter(field_name="project_id", label=_("Project"))
    ordering = Ordering("name", "size_gib", "created_at")

    class Meta:
        model = FileSystem
        fields: tuple[str, ...] = ()

    def by_text(self, rows: FileSystemQuerySet, _name: str, text: str) -> FileSystemQuerySet:
        """By name or id."""
        return rows.matching(text)
