"""Networks of projects."""

# mypy: disable-error-code="no-untyped-call"
# (factory_boy's declarations have no annotations)

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from factory.declarations import (
    LazyAttribute,
    LazyFunction,
    SelfAttribute,
    Sequence,
    SubFactory,
)
from factory.django import DjangoModelFactory

from networking.models import (
    VPC,
    ExternalNetwork,
    FloatingIP,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
)
from tests.factories.people import ProjectFactory


class ExternalNetworkFactory(DjangoModelFactory[ExternalNetwork]):
    """198.51.100.0/24, the default one; its gateway is .1."""

    class Meta:
        model = ExternalNetwork

    name = Sequence(lambda n: f"public-{n}")
    cidr = LazyFunction(lambda: ip_network("198.51.100.0/24"))
    gateway = "198.51.100.1"
    first_address = "198.51.100.2"
    last_address = "198.51.100.254"
    is_default = True


class VPCFactory(DjangoModelFactory[VPC]):
    """A VPC without a way out."""

    class Meta:
        model = VPC

    name = Sequence(lambda n: f"vpc-{n}")
    project = SubFactory(ProjectFactory)


class SubnetFactory(DjangoModelFactory[Subnet]):
    """10.0.0.0/24; ``cidr="10.1.0.0/24"`` may be text."""

    class Meta:
        model = Subnet

    name = Sequence(lambda n: f"subnet-{n}")
    vpc = SubFactory(VPCFactory, project=SelfAttribute("..project"))
    project = SubFactory(ProjectFactory)
    cidr = "10.0.0.0/24"
    gateway = LazyAttribute(lambda subnet: str(ip_network(subnet.cidr)[1]))

    @classmethod
    def _create(cls, model_class: type[Subnet], *args: Any, **values: Any) -> Subnet:
        subnet: Subnet = super()._create(model_class, *args, **{**values, "cidr": ip_network(values["cidr"])})
        return subnet


class SecurityGroupFactory(DjangoModelFactory[SecurityGroup]):
    """A group without rules."""

    class Meta:
        model = SecurityGroup

    name = Sequence(lambda n: f"sg-{n}")
    project = SubFactory(ProjectFactory)


class RuleFactory(DjangoModelFactory[SecurityGroupRule]):
    """In from everywhere, TCP 80."""

    class Meta:
        model = SecurityGroupRule

    group = SubFactory(SecurityGroupFactory)
    direction = "in"
    protocol = "tcp"
    port_min = 80
    port_max = SelfAttribute("port_min")
    cidr = LazyFunction(lambda: ip_network("0.0.0.0/0"))


class FloatingIPFactory(DjangoModelFactory[FloatingIP]):
    """A floating IP that leads nowhere."""

    class Meta:
        model = FloatingIP

    project = SubFactory(ProjectFactory)
    external_network = SubFactory(ExternalNetworkFactory)
    address = Sequence(lambda n: f"198.51.100.{10 + n % 240}")
