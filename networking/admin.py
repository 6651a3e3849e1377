"""Operators' pages about networks: external ones to keep, everything else to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Field, Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.admin_base import OperatorAdmin, ReadOnlyAdmin, ReadOnlyInline, RowForm, actor_of, service_action
from networking import policies
from networking.models import (
    VPC,
    ExternalNetwork,
    FloatingIP,
    HostNetwork,
    NetworkInterface,
    NetworkRepair,
    NetworkState,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
)
from networking.services import external

EDITABLE = ("name", "physical_network", "vlan", "first_address", "last_address", "is_default")
FOLLOWING = ("gateway", "first_address", "last_address")  # from the range, unless told otherwise


class ExternalNetworkForm(RowForm):
    """The service says what is right; the newest default takes the older one's place."""

    def _get_validation_exclusions(self) -> set[str]:
        return {*super()._get_validation_exclusions(), "is_default"}  # type: ignore[misc]  # not in the stubs


@admin.register(ExternalNetwork)
class ExternalNetworkAdmin(OperatorAdmin):
    """Where floating IPs and VPCs' outer addresses come from."""

    form = ExternalNetworkForm
    list_display = ("name", "cidr", "physical_network", "vlan", "first_address", "last_address", "is_default")
    search_fields = ("name", "physical_network", "id")
    fields = ("name", "physical_network", "vlan", "cidr", *FOLLOWING, "is_default")
    actions = (service_action(policies.DELETE_EXTERNAL, external.external_network_delete, "network"),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """VPCs have addresses of the range."""
        return ("cidr", "gateway") if obj else ()

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: Any, **kwargs: Any) -> Any:
        """An empty address follows from the range."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and db_field.name in FOLLOWING:
            field.required = False
        return field

    def save_through_service(self, request: HttpRequest, row: ExternalNetwork, form: Any, change: bool) -> Model:
        """Create or edit."""
        actor, data = actor_of(request), form.cleaned_data
        if not change:
            texts = {name: data[name] or "" for name in FOLLOWING}
            return external.external_network_create(actor=actor, **{**data, **texts})
        changes = {name: data[name] for name in EDITABLE if name not in FOLLOWING or data[name]}
        return external.external_network_edit(actor=actor, network=row, **changes)


@admin.register(VPC)
class VPCAdmin(ReadOnlyAdmin):
    """VPCs of all projects."""

    list_display = ("name", "project", "external_network", "gateway_address", "subnet_count", "created_at")
    list_filter = ("external_network", "project")
    list_select_related = ("project", "external_network")
    search_fields = ("name", "project__name", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[VPC]:
        """With the number of subnets."""
        found: QuerySet[VPC] = super().get_queryset(request).annotate(subnet_count=Count("subnets"))
        return found

    @admin.display(description=_("subnets"), ordering="subnet_count")
    def subnet_count(self, vpc: Any) -> int:
        """How many it has."""
        count: int = vpc.subnet_count
        return count


@admin.register(Subnet)
class SubnetAdmin(ReadOnlyAdmin):
    """Subnets, and how far their addresses are used up."""

    list_display = ("name", "cidr", "gateway", "vpc", "project", "used", "capacity", "created_at")
    list_filter = ("project",)
    list_select_related = ("vpc", "project")
    search_fields = ("name", "vpc__name", "project__name", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subnet]:
        """With the number of interfaces."""
        found: QuerySet[Subnet] = super().get_queryset(request).annotate(used=Count("interfaces"))
        return found

    @admin.display(description=_("in use"), ordering="used")
    def used(self, subnet: Any) -> int:
        """How many addresses instances have."""
        count: int = subnet.used
        return count

    @admin.display(description=_("addresses"))
    def capacity(self, subnet: Subnet) -> int:
        """How many addresses instances can have."""
        return subnet.capacity


class RuleInline(ReadOnlyInline):
    """What a group lets through."""

    model = SecurityGroupRule
    fk_name = "group"
    fields = ("direction", "protocol", "ports", "peer", "description")

    @admin.display(description=_("ports"))
    def ports(self, rule: SecurityGroupRule) -> str:
        """One, a range, or all."""
        return rule.ports

    @admin.display(description=_("network or group"))
    def peer(self, rule: SecurityGroupRule) -> str:
        """Who is at the other end."""
        return str(rule.peer)


@admin.register(SecurityGroup)
class SecurityGroupAdmin(ReadOnlyAdmin):
    """Security groups and their rules."""

    list_display = ("name", "project", "is_default", "description", "created_at")
    list_filter = ("is_default", "project")
    list_select_related = ("project",)
    search_fields = ("name", "description", "project__name", "id")
    inlines = (RuleInline,)


@admin.register(NetworkInterface)
class NetworkInterfaceAdmin(ReadOnlyAdmin):
    """Interfaces of instances: who has this address, who has this MAC?"""

    list_display = ("address", "mac", "owner_name", "owner_short_id", "subnet", "project", "is_up")
    list_filter = ("is_up", "project")
    list_select_related = ("subnet", "project")
    search_fields = ("address", "mac", "owner_name", "owner_short_id", "id")


@admin.register(FloatingIP)
class FloatingIPAdmin(ReadOnlyAdmin):
    """Floating IPs, and where they lead."""

    list_display = ("address", "project", "external_network", "interface", "description", "created_at")
    list_filter = ("external_network", "project")
    list_select_related = ("project", "external_network", "interface")
    search_fields = ("address", "description", "project__name", "interface__owner_name", "id")


@admin.register(HostNetwork)
class HostNetworkAdmin(ReadOnlyAdmin):
    """Hosts as OVN sees them."""

    list_display = ("host", "chassis", "answers", "userspace", "physical_networks", "seen_at")
    list_filter = ("answers", "userspace")
    list_select_related = ("host",)
    search_fields = ("host__name", "chassis", "host__id")


@admin.register(NetworkState)
class NetworkStateAdmin(ReadOnlyAdmin):
    """Whether OVN and the database agree."""

    list_display = ("__str__", "synced_at", "trouble", "installation")
    fields = ("installation", "synced_at", "trouble")
    search_fields = ("installation", "id")

    @admin.display(description=_("problem"))
    def trouble(self, state: NetworkState) -> str:
        """Why OVN could not be told, in the reader's language."""
        return state.problem or "–"


@admin.register(NetworkRepair)
class NetworkRepairAdmin(ReadOnlyAdmin):
    """Drift: what OVN said differently from the database though nobody had asked for it, and what was mended."""

    list_display = ("at", "total")
    fields = ("at", "total", "changes")
    search_fields = ("changes", "id")
    date_hierarchy = "at"
