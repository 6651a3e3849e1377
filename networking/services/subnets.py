"""Subnets."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, ip_address
from itertools import chain
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.faults import Faults
from cloudia.core.networks import Network
from cloudia.core.rows import check_name, checked
from networking import policies
from networking.models import VPC, Subnet
from networking.services import ranges

PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))  # RFC 1918


@audited("subnet.create", target="vpc")
def subnet_create(
    *,
    actor: Actor,
    vpc: VPC,
    name: str,
    cidr: str | Network,
    gateway: str = "",
    dns: Sequence[str] | None = None,
    reserved: Sequence[str] = (),
) -> Subnet:
    """A new range of a VPC's addresses. ``gateway``: its first address unless given; ``dns``: the installation's
    resolvers unless given. Raises ActionDenied (also ``quota_exceeded``) or InputError.
    """
    policies.CREATE_SUBNET.check(vpc, actor)
    quotas.claim(vpc.project, "subnets")
    row = checked(policies.CREATE_SUBNET, vpc, actor)  # locked, so that no overlapping one is made meanwhile
    subnet = Subnet(vpc=row, project=row.project, name=name.strip())
    faults = Faults()
    check_name(faults, subnet.name, row.subnets)
    if network := ranges.read_range(faults, cidr):
        ranges.check_apart(faults, network, row)
        subnet.cidr, subnet.gateway = network, str(ranges.read_gateway(faults, gateway, network))
        subnet.reserved = ranges.read_reserved(faults, reserved, network)
    subnet.dns = ranges.read_resolvers(faults, usual_resolvers() if dns is None else dns)
    faults.raise_if_any()
    subnet.save(force_insert=True)
    return subnet


@audited("subnet.edit", target="subnet")
def subnet_edit(*, actor: Actor, subnet: Subnet, **changes: Any) -> Subnet:
    """Change ``name``, ``dns`` or ``reserved``; guests learn new resolvers when they renew their lease.

    The range and the gateway stay: guests have them. Raises ActionDenied or InputError.
    """
    row = checked(policies.EDIT_SUBNET, subnet, actor)
    row.name = changes.get("name", row.name).strip()
    faults = Faults()
    check_name(faults, row.name, Subnet.objects.filter(vpc_id=row.vpc_id).exclude(pk=row.pk))
    row.dns = ranges.read_resolvers(faults, changes.get("dns", row.dns))
    row.reserved = ranges.read_reserved(faults, changes.get("reserved", row.reserved), row.network)
    _check_free(faults, row)
    faults.raise_if_any()
    row.save(update_fields=["name", "dns", "reserved"])
    return row


def _check_free(faults: Faults, subnet: Subnet) -> None:
    """What an interface has can't be kept from it."""
    for interface in subnet.interfaces.filter(address__in=subnet.reserved):
        words = {"address": interface.address, "name": interface.owner_name}
        faults.note("reserved", "taken", _("%(address)s is used by “%(name)s”.") % words)


@audited("subnet.delete", target="subnet")
def subnet_delete(*, actor: Actor, subnet: Subnet) -> None:
    """Remove a subnet that no interface is in. Raises ActionDenied."""
    checked(policies.DELETE_SUBNET, subnet, actor).delete()


def usual_resolvers() -> list[str]:
    """What guests of a new subnet ask for names unless somebody says otherwise: the installation's IPv4 ones."""
    return [text for text in settings.NETWORK_DNS if isinstance(ip_address(text), IPv4Address)]


def free_range(vpc: VPC, prefix: int = 24) -> IPv4Network:
    """The first private range that is free in the VPC, to offer in a form; the first of all where none is."""
    used = [subnet.network for subnet in vpc.subnets.all()]
    offers = chain.from_iterable(private.subnets(new_prefix=prefix) for private in PRIVATE)
    free = (offer for offer in offers if not any(map(offer.overlaps, used)))
    return next(free, IPv4Network((PRIVATE[0].network_address, prefix)))


def range_warning(network: Network) -> str:
    """What is allowed but seldom meant: public addresses, whose real owners the guests could then not reach."""
    if not isinstance(network, IPv4Network) or not ranges.is_public(network):
        return ""
    return _("%(range)s is not a private range: instances here can't reach its real owners.") % {"range": network}
