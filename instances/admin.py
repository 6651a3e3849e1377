"""Operators' pages for instances and instance types."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.admin_base import OperatorAdmin, ReadOnlyAdmin, ReadOnlyInline, RowForm, actor_of, service_action
from cloudia.core.faults import Faults
from cloudia.core.policy import Text
from instances import (
    affinity_policies,
    affinity_services,
    edit_services,
    policies,
    services,
    template_services,
    type_services,
)
from instances.affinity_models import AffinityGroup
from instances.edits import SIZES, EditWish, compute_of, resized
from instances.launch_templates import LaunchTemplate
from instances.models import Instance, InstanceDisk, InstanceGuest, InstanceType, UserScript
from instances.wishes import Compute, check_compute

SERVICES = {
    policies.START: services.instance_start,
    policies.STOP: services.instance_stop,
    policies.REBOOT: services.instance_reboot,
    policies.DELETE: services.instance_delete,
}
EDITABLE = ("name", "description", *SIZES)  # through instance_edit


class DiskInline(ReadOnlyInline):
    """Its disks."""

    model = InstanceDisk
    fields = ("device_name", "volume", "is_boot")

    @admin.display(description=_("device"))
    def device_name(self, disk: InstanceDisk) -> str:
        """What a Linux guest calls it."""
        return disk.device_name


class GuestInline(ReadOnlyInline):
    """Its first user, without the password's hash."""

    model = InstanceGuest
    fields = ("username", "ssh_keys")


class ScriptInline(ReadOnlyInline):
    """Its user scripts."""

    model = UserScript
    fields = ("number", "name", "stage", "content")


class InstanceForm(RowForm):
    """Sizes that don't fit together are said at their field, not in the words of the database's constraint."""

    def clean(self) -> dict[str, Any] | None:
        """With the services' own check."""
        data = super().clean() or {}
        faults = Faults()
        if set(SIZES) <= data.keys():
            check_compute(faults, Compute(**{name: data[name] for name in SIZES}))
        for field, found in faults.fields.items():
            self.add_error(field, [str(fault.detail) for fault in found])
        return data


@admin.register(Instance)
class InstanceAdmin(OperatorAdmin):
    """Every instance of the installation. States are what was seen, so nobody types them here."""

    list_display = ("name", "short_id", "project", "status", "host", "origin", "vcpus", "memory_mib", "created_at")
    list_filter = ("power_state", "origin", "host", "project")
    list_select_related = ("project", "host", "current_job")
    search_fields = ("name", "short_id", "id")
    form = InstanceForm
    inlines = (DiskInline, GuestInline, ScriptInline)
    actions = tuple(service_action(action, service, "instance") for action, service in SERVICES.items())
    fields = (
        ("id", "short_id"),
        "name",
        "description",
        ("project", "origin", "owner_name", "created_by", "created_at"),
        ("host", "image", "instance_type", "launch_template", "affinity_group"),
        ("vcpus", "max_vcpus", "threads_per_core", "cores_per_socket"),
        ("memory_mib", "max_memory_mib", "gpu"),
        "stop_timeout_s",
        ("status", "power_state", "observed_at", "desired_state", "current_job"),
    )

    @admin.display(description=_("status"), ordering="power_state")
    def status(self, instance: Instance) -> Text:
        """What people see."""
        return instance.display_state.label

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All but what the console lets people edit."""
        return tuple(set(flatten(self.fields)) - set(EDITABLE))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Made in the console."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The same answer as the console's button."""
        return obj is not None and policies.EDIT.denial(obj, actor_of(request)) is None

    def save_through_service(self, request: HttpRequest, row: Instance, form: ModelForm[Any], change: bool) -> Model:
        """Rename, describe, or give another size. Its host follows in a job."""
        data = form.cleaned_data
        have = compute_of(Instance.objects.get(pk=row.pk))
        wish = EditWish(name=data["name"], description=data["description"], compute=resized(have, data))
        edit_services.instance_edit(actor=actor_of(request), instance=row, wish=wish)
        return row

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Say where instances are made."""
        return super().changelist_view(request, {"subtitle": _("New instances are made in the console.")})


@admin.register(InstanceType)
class InstanceTypeAdmin(OperatorAdmin):
    """What is offered. Without a project it is offered to everybody."""

    list_display = ("name", "vcpus", "memory_mib", "project", "active", "description")
    list_filter = ("active", "project")
    list_select_related = ("project",)
    search_fields = ("name", "description", "id")
    autocomplete_fields = ("project",)
    fields = ("name", "description", "vcpus", "memory_mib", "project", "active")
    actions = (service_action(policies.DELETE_TYPE, type_services.instance_type_delete, "kind"),)

    def save_through_service(self, request: HttpRequest, row: InstanceType, form: Any, change: bool) -> Model:
        """Create or edit."""
        if change:
            return type_services.instance_type_edit(actor=actor_of(request), kind=row, **form.cleaned_data)
        return type_services.instance_type_create(actor=actor_of(request), **form.cleaned_data)


@admin.register(AffinityGroup)
class AffinityGroupAdmin(OperatorAdmin):
    """Every project's rules about which instances share a host."""

    list_display = ("name", "project", "policy", "hard", "enabled", "description")
    list_filter = ("policy", "enabled", "project")
    list_select_related = ("project",)
    search_fields = ("name", "description", "project__name", "id")
    autocomplete_fields = ("project",)
    fields = ("name", "description", "project", "policy", "hard", "enabled")
    actions = (service_action(affinity_policies.DELETE_AFFINITY, affinity_services.affinity_delete, "group"),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A group stays in its project."""
        return ("project",) if obj else ()

    def save_through_service(self, request: HttpRequest, row: AffinityGroup, form: Any, change: bool) -> Model:
        """Create or edit."""
        if change:
            return affinity_services.affinity_edit(actor=actor_of(request), group=row, **form.cleaned_data)
        return affinity_services.affinity_create(actor=actor_of(request), **form.cleaned_data)


@admin.register(LaunchTemplate)
class LaunchTemplateAdmin(ReadOnlyAdmin):
    """Every project's launch templates. They are made and renamed in the console."""

    list_display = ("name", "short_id", "project", "created_by", "created_at", "description")
    list_filter = ("project",)
    list_select_related = ("project", "created_by")
    search_fields = ("name", "description", "id")
    fields = ("id", "name", "description", ("project", "created_by", "created_at"), "content")
    actions = (service_action(policies.DELETE_TEMPLATE, template_services.launch_template_delete, "template"),)
