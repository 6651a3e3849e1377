"""Operators' pages for file systems."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.admin_base import ReadOnlyAdmin, ReadOnlyInline, service_action
from storage import policies
from storage.models import FileSystem, FileSystemPlace
from storage.services.filesystems import filesystem_delete


class PlaceInline(ReadOnlyInline):
    """The hosts that were looked at."""

    model = FileSystemPlace
    fields = ("host", "usable", "trouble", "checked_at")

    @admin.display(description=_("problem"))
    def trouble(self, place: FileSystemPlace) -> str:
        """Why it can't be used there, in the reader's language."""
        return place.problem or "–"


@admin.register(FileSystem)
class FileSystemAdmin(ReadOnlyAdmin):
    """File systems; registered and edited on their own pages."""

    list_display = ("name", "kind", "project", "export", "path", "subnet", "size_gib", "created_at")
    list_filter = ("kind", "project")
    list_select_related = ("project", "subnet")
    search_fields = ("name", "export", "path", "project__name", "id")
    inlines = (PlaceInline,)
    actions = (service_action(policies.DELETE_FILESYSTEM, filesystem_delete, "filesystem"),)
