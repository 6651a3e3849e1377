"""Operators' pages for images."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.admin_base import OperatorAdmin, actor_of, service_action
from storage import policies
from storage.admin.sizes import size_column
from storage.models import Image
from storage.services.images import image_delete, image_edit

CHANGED = ("name", "description", "project", "os_type", "os_version", "deprecated")


@admin.register(Image)
class ImageAdmin(OperatorAdmin):
    """Images: whose they are, and whether they are still offered. They come in by ``manage.py import_image``."""

    list_display = (
        "name", "os_type", "os_version", "status", "project", "storage_domain", "deprecated", "file_size",
    )  # fmt: skip
    list_filter = ("status", "deprecated", "storage_domain", "project")
    list_select_related = ("project", "storage_domain")
    search_fields = ("name", "os_type", "id")
    autocomplete_fields = ("project",)
    actions = (service_action(policies.DELETE_IMAGE, image_delete, "image"),)
    fields = (
        "id", *CHANGED, "status", "storage_domain", "virtual_size", "file_size", "sha256", "created_at",
    )  # fmt: skip
    readonly_fields = ("id", "status", "storage_domain", "virtual_size", "file_size", "sha256", "created_at")
    virtual_size = size_column("virtual_bytes", _("virtual size"))
    file_size = size_column("file_bytes", _("file size"))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A file must come with it."""
        return False

    def save_through_service(self, request: HttpRequest, row: Image, form: Any, change: bool) -> Model:
        """Change what is filled in."""
        return image_edit(actor=actor_of(request), image=row, **{name: form.cleaned_data[name] for name in CHANGED})
