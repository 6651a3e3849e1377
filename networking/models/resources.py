"""Networks that tenants make: VPCs, their subnets, interfaces and security groups, and ways to the outside."""

from __future__ import annotations

import uuid
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import ClassVar, cast

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.indexes import OpClass
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project, User
from cloudia.core.networks import CidrField, Network
from cloudia.core.policy import Holder
from networking.enums import Direction, Protocol
from networking.querysets import (
    ExternalNetworkQuerySet,
    FloatingIPQuerySet,
    InterfaceQuerySet,
    SecurityGroupQuerySet,
    SubnetQuerySet,
    VPCQuerySet,
)

MAX_PORT = 65_535


class Resource(models.Model):
    """What they all have: an id, a readable one, a time; and no job ever holds them."""

    PREFIX: ClassVar[str]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        abstract = True

    @property
    def short_id(self) -> str:
        """A readable id."""
        return f"{self.PREFIX}-{self.id.hex[:8]}"

    @property
    def held_by(self) -> None:
        """Networks change at once; nothing has to wait for them."""
        return


class ExternalNetwork(Resource):
    """외부 네트워크: where floating IPs and the VPCs' own outer addresses come from. Operators keep these."""

    PREFIX = "ext"

    name = models.CharField(_("name"), max_length=64, unique=True)
    physical_network = models.CharField(
        _("physical network"),
        max_length=64,
        default="public",
        help_text=_("As hosts name it in ovn-bridge-mappings."),
    )
    vlan = models.PositiveSmallIntegerField(
        _("VLAN"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(4094)]
    )
    cidr = CidrField(_("address range"))
    gateway = models.GenericIPAddressField(_("gateway"), protocol="IPv4")
    first_address = models.GenericIPAddressField(_("first address"), protocol="IPv4")
    last_address = models.GenericIPAddressField(_("last address"), protocol="IPv4")
    is_default = models.BooleanField(
        _("default"), default=False, help_text=_("Taken where nobody chooses an external network.")
    )

    objects = ExternalNetworkQuerySet.as_manager()

    class Meta:
        verbose_name = _("external network")
        verbose_name_plural = _("external networks")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_external_network"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class VPC(Resource):
    """VPC: a private network with a router of its own. Its addresses concern no other VPC."""

    PREFIX = "vpc"

    name = models.CharField(_("name"), max_length=128)
    description = models.CharField(_("description"), max_length=255, blank=True)
    project = models.ForeignKey(Project, models.PROTECT, related_name="vpcs", verbose_name=_("project"))
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    external_network = models.ForeignKey(
        ExternalNetwork,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="vpcs",
        verbose_name=_("external network"),
    )
    gateway_address = models.GenericIPAddressField(_("outer address"), protocol="IPv4", null=True, editable=False)

    objects = VPCQuerySet.as_manager()

    class Meta:
        verbose_name = "VPC"
        verbose_name_plural = "VPC"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="vpc_name_once"),
            models.UniqueConstraint(fields=["external_network", "gateway_address"], name="vpc_outer_address_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Subnet(Resource):
    """서브넷: a range of a VPC's addresses. ``reserved`` are addresses that are never given out: ``["10.0.0.2"]``."""

    PREFIX = "subnet"

    name = models.CharField(_("name"), max_length=128)
    vpc = models.ForeignKey(VPC, models.PROTECT, related_name="subnets", verbose_name="VPC")
    project = models.ForeignKey(Project, models.PROTECT, related_name="subnets", verbose_name=_("project"))
    cidr = CidrField(_("address range"))
    gateway = models.GenericIPAddressField(_("gateway"), protocol="IPv4")
    dns = models.JSONField("DNS", default=list, blank=True)
    reserved = models.JSONField(_("reserved addresses"), default=list, blank=True)

    objects = SubnetQuerySet.as_manager()

    class Meta:
        verbose_name = _("subnet")
        verbose_name_plural = _("subnets")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["vpc", "name"], name="subnet_name_once"),
            ExclusionConstraint(
                name="subnets_of_a_vpc_are_apart",
                expressions=[(F("vpc"), "="), (OpClass(F("cidr"), name="inet_ops"), "&&")],
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def network(self) -> IPv4Network:
        """The range; subnets are IPv4."""
        return cast(IPv4Network, self.cidr)

    @property
    def kept(self) -> frozenset[IPv4Address]:
        """Addresses inside the range that no interface gets: network, broadcast, gateway and the reserved ones."""
        ends = {self.network.network_address, self.network.broadcast_address}
        return frozenset(ends | {IPv4Address(text) for text in (self.gateway, *self.reserved)})

    @property
    def capacity(self) -> int:
        """How many interfaces it can have."""
        return self.network.num_addresses - len(self.kept)

    @property
    def some_user(self) -> NetworkInterface | None:
        """An interface that is in it, if there is one; lists fetch it beforehand."""
        found = getattr(self, "some_interfaces", None)
        return next(iter(self.interfaces.all()[:1] if found is None else found), None)


class SecurityGroup(Resource):
    """보안 그룹: what its members let in and out; everything else is dropped. Answers always come back."""

    PREFIX = "sg"

    name = models.CharField(_("name"), max_length=128)
    description = models.CharField(_("description"), max_length=255, blank=True)
    project = models.ForeignKey(Project, models.PROTECT, related_name="security_groups", verbose_name=_("project"))
    is_default = models.BooleanField(_("default"), default=False, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)  # of its rules too

    objects = SecurityGroupQuerySet.as_manager()

    class Meta:
        verbose_name = _("security group")
        verbose_name_plural = _("security groups")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="group_name_once"),
            models.UniqueConstraint(fields=["project"], condition=Q(is_default=True), name="one_default_group"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def some_user(self) -> NetworkInterface | None:
        """An interface that has it, if there is one; lists fetch it beforehand."""
        found = getattr(self, "some_interfaces", None)
        return next(iter(self.interfaces.all()[:1] if found is None else found), None)

    @property
    def some_referrer(self) -> SecurityGroup | None:
        """Another group that has a rule about this one, if there is one."""
        rules = [rule for rule in self.references.all() if rule.group_id != self.pk]
        return rules[0].group if rules else None


class SecurityGroupRule(models.Model):
    """One thing that a group lets through: to or from a network, or the members of a group."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey(SecurityGroup, models.CASCADE, related_name="rules")
    direction = models.CharField(_("direction"), max_length=4, choices=Direction)
    protocol = models.CharField(_("protocol"), max_length=4, choices=Protocol)
    port_min = models.PositiveIntegerField(_("from port"), null=True, blank=True)
    port_max = models.PositiveIntegerField(_("to port"), null=True, blank=True)
    cidr = CidrField(_("network"), null=True, blank=True)
    remote_group = models.ForeignKey(
        SecurityGroup,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="references",
        verbose_name=_("security group"),
    )
    description = models.CharField(_("description"), max_length=255, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        ordering = ["direction", "created_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="either_network_or_group",
                condition=Q(cidr__isnull=True, remote_group__isnull=False)
                | Q(cidr__isnull=False, remote_group__isnull=True),
            ),
            models.CheckConstraint(
                name="ports_in_order", condition=Q(port_min__isnull=True) | Q(port_min__lte=F("port_max"))
            ),
            models.UniqueConstraint(
                fields=["group", "direction", "protocol", "port_min", "port_max", "cidr", "remote_group"],
                name="rule_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_direction_display()} {self.get_protocol_display()} {self.ports} {self.peer}"

    @property
    def ports(self) -> str:
        """``80``, ``8000-8080``, or nothing for all."""
        if self.port_min is None:
            return ""
        return str(self.port_min) if self.port_min == self.port_max else f"{self.port_min}-{self.port_max}"

    @property
    def peer(self) -> Network | SecurityGroup:
        """Who is at the other end."""
        return self.remote_group or self.cidr


class NetworkInterface(Resource):
    """네트워크 인터페이스: an address and a MAC in a subnet. Its id is the logical port's name and the ``interfaceid``
    in the domain. ``owner_*`` say whose it is: the app above that made it keeps them true."""

    PREFIX = "nic"

    project = models.ForeignKey(Project, models.PROTECT, related_name="interfaces", verbose_name=_("project"))
    subnet = models.ForeignKey(Subnet, models.PROTECT, related_name="interfaces", verbose_name=_("subnet"))
    address = models.GenericIPAddressField(_("IP address"), protocol="IPv4")
    mac = models.CharField(_("MAC address"), max_length=17, unique=True)
    security_groups = models.ManyToManyField(
        SecurityGroup, related_name="interfaces", blank=True, verbose_name=_("security groups")
    )
    owner_type = models.CharField(max_length=32, default="instance", editable=False)
    owner_id = models.UUIDField(editable=False, db_index=True)
    owner_name = models.CharField(max_length=128, editable=False)
    owner_short_id = models.CharField(max_length=16, editable=False)
    is_up = models.BooleanField(_("connected"), default=False, editable=False)  # observed

    objects = InterfaceQuerySet.as_manager()

    class Meta:
        verbose_name = _("network interface")
        verbose_name_plural = _("network interfaces")
        ordering = ["created_at", "id"]
        constraints = [models.UniqueConstraint(fields=["subnet", "address"], name="address_once")]

    def __str__(self) -> str:
        return f"{self.owner_name} · {self.address}"

    @property
    def owner(self) -> Holder:
        """Whose it is."""
        return Holder(self.owner_type, str(self.owner_id), self.owner_name)

    @property
    def group_ids(self) -> list[uuid.UUID]:
        """Ids of its security groups, in an order that does not change."""
        return sorted(group.pk for group in self.security_groups.all())

    @property
    def floating_ip(self) -> FloatingIP | None:
        """The public address that leads to it."""
        return next(iter(self.floating_ips.all()), None)


class FloatingIP(Resource):
    """플로팅 IP: a public address that a project holds and points at an interface."""

    PREFIX = "fip"

    project = models.ForeignKey(Project, models.PROTECT, related_name="floating_ips", verbose_name=_("project"))
    external_network = models.ForeignKey(
        ExternalNetwork, models.PROTECT, related_name="floating_ips", verbose_name=_("external network")
    )
    address = models.GenericIPAddressField(_("IP address"), protocol="IPv4", editable=False)
    description = models.CharField(_("description"), max_length=255, blank=True)
    # One per interface, held by a constraint: a foreign key, because PostgreSQL and pages read it from the other side.
    interface = models.ForeignKey(
        NetworkInterface,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="floating_ips",
        verbose_name=_("network interface"),
    )

    objects = FloatingIPQuerySet.as_manager()

    class Meta:
        verbose_name = _("floating IP")
        verbose_name_plural = _("floating IPs")
        ordering = ["address"]
        constraints = [
            models.UniqueConstraint(fields=["external_network", "address"], name="floating_address_once"),
            models.UniqueConstraint(fields=["interface"], name="one_floating_ip_per_interface"),
        ]

    def __str__(self) -> str:
        return str(ip_address(self.address))
