"""Operators' pages for volumes."""

from __future__ import annotations

from django.contrib import admin

from cloudia.accounts.admin_base import ReadOnlyAdmin, service_action
from storage import policies
from storage.models import Volume
from storage.services.volumes import volume_delete


@admin.register(Volume)
class VolumeAdmin(ReadOnlyAdmin):
    """Every volume of the installation, boot disks included: to look at, and to delete what nothing uses."""

    list_display = ("name", "status", "project", "storage_domain", "size_gib", "image", "created_at")
    list_filter = ("status", "storage_domain", "project")
    list_select_related = ("project", "storage_domain", "image")
    search_fields = ("name", "id")
    actions = (service_action(policies.DELETE_VOLUME, volume_delete, "volume"),)
    fields = (
        "id", "name", "description", "project", "status", "storage_domain", "size_gib", "image", "created_by",
        "created_at", "current_job",
    )  # fmt: skip
    readonly_fields = ("id", "status", "created_at", "created_by", "current_job")
