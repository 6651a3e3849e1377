"""Operators' pages for hosts (물리 머신)."""

from __future__ import annotations

from django.contrib import admin

from cloudia.accounts.admin_base import OperatorAdmin
from cloudia.hosts.models import Host


@admin.register(Host)
class HostAdmin(OperatorAdmin):
    """Hosts: how they are reached, and what was seen of them."""

    list_display = ("name", "state", "reachable", "last_seen_at", "cpus", "memory_mib", "libvirt_version", "uri")
    list_filter = ("state", "reachable")
    search_fields = ("name", "hostname", "uri", "id")
