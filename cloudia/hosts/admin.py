"""Operators' pages for hosts (물리 머신)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.admin_base import OperatorAdmin, actor_of, service_action
from cloudia.hosts import policies, services
from cloudia.hosts.models import Host

CONNECTION = ("name", "uri", "username", "password", "accelerator_choice")
OBSERVED = (
    ("reachable", "last_seen_at", "problem"),
    ("hostname", "cpu_model", "cpus", "memory_mib"),
    ("libvirt_version", "qemu_version", "accelerators"),
)


class HostForm(forms.ModelForm):  # type: ignore[type-arg]  # can't be subscripted at run time
    """The password goes in and never comes out."""

    password = forms.CharField(
        label=_("password"),
        required=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("For SASL. Leave empty to keep the one there is."),
    )

    class Meta:
        model = Host
        fields = ("name", "uri", "username", "accelerator_choice", "vcpu_ratio", "reserved_memory_mib")


@admin.register(Host)
class HostAdmin(OperatorAdmin):
    """Hosts: how they are reached, how much of them is given away, and what was seen of them."""

    form = HostForm
    list_display = ("name", "state", "reachable", "last_seen_at", "cpus", "memory_mib", "libvirt_version", "uri")
    list_filter = ("state", "reachable")
    search_fields = ("name", "hostname", "uri", "id")
    readonly_fields = (
        "id", "state", "reachable", "last_seen_at", "problem", "hostname", "cpu_model", "cpus", "memory_mib",
        "libvirt_version", "qemu_version", "accelerators",
    )  # fmt: skip
    actions = (
        service_action(policies.MAINTENANCE, services.host_maintenance, "host"),
        service_action(policies.ACTIVATE, services.host_activate, "host"),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new host: how to reach it. Later also how much of it to use, and what was seen."""
        if obj is None:
            return ((None, {"fields": CONNECTION}),)
        return (
            (None, {"fields": ("id", "state", *CONNECTION)}),
            (_("Capacity"), {"fields": ("vcpu_ratio", "reserved_memory_mib")}),
            (_("Seen by the watcher"), {"fields": OBSERVED}),
        )

    @admin.display(description=_("problem"))
    def problem(self, host: Host) -> str:
        """Why it can't be reached."""
        return host.problem

    def save_through_service(self, request: HttpRequest, row: Host, form: Any, change: bool) -> Model:
        """Register, or keep what was filled in."""
        data = form.cleaned_data
        if not change:
            return services.host_register(
                actor=actor_of(request),
                name=data["name"],
                uri=data["uri"],
                username=data["username"],
                password=data["password"],
                accelerator=data["accelerator_choice"],
            )
        if data["password"]:
            row.set_password(data["password"])
        return super().save_through_service(request, row, form, change)
