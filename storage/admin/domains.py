"""Operators' pages for storage domains."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.admin_base import OperatorAdmin, ReadOnlyInline, actor_of
from storage.models import StorageAttachment, StorageDomain
from storage.services import domains as services


class AttachmentInline(ReadOnlyInline):
    """The hosts that have it."""

    model = StorageAttachment
    fields = ("host", "active", "available_bytes", "capacity_bytes", "checked_at")


@admin.register(StorageDomain)
class StorageDomainAdmin(OperatorAdmin):
    """Storage domains and the hosts that have them."""

    list_display = ("name", "kind", "path", "media", "created_at")
    list_filter = ("kind", "media")
    search_fields = ("name", "path", "id")
    inlines = (AttachmentInline,)
    fields = ("name", "kind", "path", "media")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Where the files are does not change: they would not move with it."""
        return ("kind", "path") if obj else ()

    def save_through_service(self, request: HttpRequest, row: StorageDomain, form: Any, change: bool) -> Model:
        """Create; of an existing one only the name and the disk type are filled in."""
        if change:
            return super().save_through_service(request, row, form, change)
        return services.storage_domain_create(actor=actor_of(request), **form.cleaned_data)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Say how a host gets one: libvirt must answer for that, and no page waits for libvirt."""
        hint = _("A host gets a storage domain by “manage.py attach_storage”.")
        return super().changelist_view(request, {"subtitle": hint})
