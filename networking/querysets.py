"""What can be asked of networks. Everything starts from ``visible_to(actor)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Count, Prefetch, Q
from django.db.models.functions import Cast

from cloudia.core.querysets import ProjectQuerySet, Viewer, id_is

if TYPE_CHECKING:
    # The models are made from these.
    from networking.models import VPC, ExternalNetwork, FloatingIP, NetworkInterface, SecurityGroup, Subnet  # noqa: F401


class ExternalNetworkQuerySet(models.QuerySet["ExternalNetwork"]):
    """External networks belong to the installation; everybody may take addresses from them."""

    def visible_to(self, actor: Viewer) -> Self:
        """All of them."""
        return self.all()


class VPCQuerySet(ProjectQuerySet["VPC"]):
    """VPCs belong to a project."""

    def for_display(self) -> Self:
        """With project, way out and subnets."""
        return self.select_related("project", "external_network").prefetch_related("subnets")

    def matching(self, text: str) -> Self:
        """Those whose name contains ``text``, or whose id begins with it."""
        return self.filter(Q(name__icontains=text) | id_is(text))


class SubnetQuerySet(ProjectQuerySet["Subnet"]):
    """Subnets belong to their VPC's project."""

    also: ClassVar[list[str]] = []  # what rules of other apps ask about; filled at start-up

    def for_display(self) -> Self:
        """With VPC, the number of interfaces (``used``), and one of them for naming."""
        rows = self.select_related("vpc", "project").prefetch_related(_some_interface(self.model), *self.also)
        return rows.annotate(used=Count("interfaces"))

    def matching(self, text: str) -> Self:
        """Those whose name contains ``text``, or whose range begins with it."""
        rows = self.alias(range=Cast("cidr", models.TextField()))
        return rows.filter(Q(name__icontains=text) | Q(range__startswith=text) | id_is(text))


class SecurityGroupQuerySet(ProjectQuerySet["SecurityGroup"]):
    """Security groups belong to a project."""

    def for_display(self) -> Self:
        """With the numbers of rules and interfaces, one interface for naming, and who refers to it."""
        found = self.select_related("project").prefetch_related(_some_interface(self.model), "references__group")
        return found.annotate(
            rule_count=Count("rules", distinct=True), interface_count=Count("interfaces", distinct=True)
        )

    def matching(self, text: str) -> Self:
        """Those whose name or description contains ``text``."""
        return self.filter(Q(name__icontains=text) | Q(description__icontains=text) | id_is(text))


class InterfaceQuerySet(ProjectQuerySet["NetworkInterface"]):
    """Interfaces belong to a project."""

    def for_display(self) -> Self:
        """With subnet, VPC, groups and floating IP."""
        return self.select_related("subnet__vpc", "project").prefetch_related("security_groups", "floating_ips")

    def matching(self, text: str) -> Self:
        """Those whose address begins with ``text``, whose MAC is it, or whose owner's name contains it."""
        rows = self.alias(shown=Cast("address", models.TextField()))
        return rows.filter(Q(shown__startswith=text) | Q(mac__iexact=text) | Q(owner_name__icontains=text))


class FloatingIPQuerySet(ProjectQuerySet["FloatingIP"]):
    """Floating IPs belong to a project."""

    def for_display(self) -> Self:
        """With what it leads to."""
        return self.select_related("project", "external_network", "interface__subnet__vpc")

    def matching(self, text: str) -> Self:
        """Those whose address begins with ``text``, or that lead to an instance whose name contains it."""
        rows = self.alias(shown=Cast("address", models.TextField()))
        return rows.filter(
            Q(shown__startswith=text) | Q(description__icontains=text) | Q(interface__owner_name__icontains=text)
        )


def _some_interface(model: type[models.Model]) -> Prefetch[str]:
    """One interface of each row, as ``some_interfaces``: enough to say by what it is used."""
    interfaces: Any = model._meta.get_field("interfaces").related_model
    rows = interfaces.objects.order_by("created_at")[:1]
    return Prefetch("interfaces", queryset=rows, to_attr="some_interfaces")
