"""Operators' pages for storage domains."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.admin_base import OperatorAdmin, ReadOnlyAdmin, ReadOnlyInline, RowForm, actor_of, service_action
from storage import policies
from storage.admin.sizes import size_column
from storage.models import StorageAttachment, StorageDomain, StrayFile
from storage.services import domains as services

PLACE = ("kind", "path", "server", "source", "username")
CHANGED = ("name", "media", "over_commit")


class DomainForm(RowForm):
    """With the key, which goes in and never comes out."""

    secret = forms.CharField(
        label=_("Key"), required=False, widget=forms.PasswordInput, help_text=_("Empty: the key stays as it is.")
    )


class AttachmentInline(ReadOnlyInline):
    """The hosts that have it."""

    model = StorageAttachment
    fields = ("host", "active", "trouble", "free", "capacity", "checked_at")
    free = size_column("available_bytes", _("Free on disk"))
    capacity = size_column("capacity_bytes", _("Capacity"))

    @admin.display(description=_("problem"))
    def trouble(self, attachment: StorageAttachment) -> str:
        """Why it does not work there, in the reader's language."""
        return attachment.problem or "–"


@admin.register(StorageDomain)
class StorageDomainAdmin(OperatorAdmin):
    """Storage domains and the hosts that have them, which get them on the storage domain's own page."""

    form = DomainForm
    list_display = ("name", "kind", "path", "media", "created_at")
    list_filter = ("kind", "media")
    search_fields = ("name", "path", "server", "source", "id")
    inlines = (AttachmentInline,)
    actions = (
        service_action(policies.SCAN, services.storage_domain_scan, "domain"),
        service_action(policies.DELETE_DOMAIN, services.storage_domain_delete, "domain"),
    )
    fields = ("name", *PLACE, "secret", "media", "over_commit")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Where the files are does not change: they would not move with it."""
        return PLACE if obj else ()

    def view_on_site(self, obj: StorageDomain) -> str:
        """Where hosts get it."""
        return obj.get_absolute_url()

    def save_through_service(self, request: HttpRequest, row: StorageDomain, form: Any, change: bool) -> Model:
        """Create, or change what is filled in."""
        if not change:
            return services.storage_domain_create(actor=actor_of(request), **form.cleaned_data)
        changes = {name: form.cleaned_data[name] for name in (*CHANGED, "secret")}
        return services.storage_domain_edit(actor=actor_of(request), domain=row, **changes)


@admin.register(StrayFile)
class StrayFileAdmin(ReadOnlyAdmin):
    """Where files and rows disagree; deleted on the storage domain's own page."""

    list_display = ("name", "kind", "domain", "size", "holder_name", "seen_at")
    list_filter = ("kind", "domain")
    list_select_related = ("domain",)
    search_fields = ("name", "holder_name", "id")
    fields = ("id", "name", "kind", "domain", "size", "holder_type", "holder_id", "holder_name", "seen_at")
    readonly_fields = fields
    size = size_column("size_bytes", _("Size"))
