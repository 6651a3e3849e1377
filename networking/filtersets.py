"""Narrowing lists of networks: one filter set for a page and for the API."""

from __future__ import annotations

from typing import TypeVar

import django_filters as filters
from django.utils.translation import gettext_lazy as _

from cloudia.core.filters import Ordering, flag, search
from networking.models import VPC, ExternalNetwork, FloatingIP, NetworkInterface, SecurityGroup, Subnet
from networking.querysets import (
    ExternalNetworkQuerySet,
    FloatingIPQuerySet,
    InterfaceQuerySet,
    SecurityGroupQuerySet,
    SubnetQuerySet,
    VPCQuerySet,
)

Rows = TypeVar("Rows", VPCQuerySet, SubnetQuerySet, SecurityGroupQuerySet, FloatingIPQuerySet, InterfaceQuerySet)


class ExternalNetworkFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """External networks by name."""

    search = search("by_text")
    ordering = Ordering("name", "created_at")

    class Meta:
        model = ExternalNetwork
        fields: tuple[str, ...] = ()

    def by_text(self, rows: ExternalNetworkQuerySet, _name: str, text: str) -> ExternalNetworkQuerySet:
        """By name."""
        return rows.filter(name__icontains=text)


class ResourceFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """What all of a project's networks can be narrowed by. ``search`` finds what their querysets call matching."""

    search = search("by_text")
    project = filters.UUIDFilter(field_name="project_id", label=_("Project"))

    def by_text(self, rows: Rows, _name: str, text: str) -> Rows:
        """As the rows themselves understand it."""
        return rows.matching(text)


class VPCFilter(ResourceFilter):
    """VPCs by name or id, and by their way out."""

    external_network = filters.UUIDFilter(field_name="external_network_id", label=_("External network"))
    ordering = Ordering("name", "created_at")

    class Meta:
        model = VPC
        fields: tuple[str, ...] = ()


class SubnetFilter(ResourceFilter):
    """Subnets by name, range or id, and by VPC."""

    vpc = filters.UUIDFilter(field_name="vpc_id", label="VPC")
    ordering = Ordering("name", "cidr", "created_at")

    class Meta:
        model = Subnet
        fields: tuple[str, ...] = ()


class SecurityGroupFilter(ResourceFilter):
    """Security groups by name, description or id."""

    ordering = Ordering("name", "created_at")

    class Meta:
        model = SecurityGroup
        fields: tuple[str, ...] = ()


class InterfaceFilter(ResourceFilter):
    """Interfaces by address, MAC or the name of their owner; by where they are, whose, and what guards them."""

    vpc = filters.UUIDFilter(field_name="subnet__vpc_id", label="VPC")
    subnet = filters.UUIDFilter(field_name="subnet_id", label=_("Subnet"))
    security_group = filters.UUIDFilter(field_name="security_groups", label=_("Security group"))
    instance = filters.UUIDFilter(field_name="owner_id", label=_("Instance"))
    ordering = Ordering("created_at", ip_address="address")

    class Meta:
        model = NetworkInterface
        fields: tuple[str, ...] = ()


class FloatingIPFilter(ResourceFilter):
    """Floating IPs by address, description or where they lead; ``associated``: whether they lead anywhere."""

    external_network = filters.UUIDFilter(field_name="external_network_id", label=_("External network"))
    vpc = filters.UUIDFilter(field_name="interface__subnet__vpc_id", label="VPC")
    instance = filters.UUIDFilter(field_name="interface__owner_id", label=_("Instance"))
    associated = flag(_("Associated"), field_name="interface", lookup_expr="isnull", exclude=True)
    ordering = Ordering("address", "created_at")

    class Meta:
        model = FloatingIP
        fields: tuple[str, ...] = ()
