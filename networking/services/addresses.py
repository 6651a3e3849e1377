"""Giving out addresses and MACs: in the database alone, under the lock of the range they come from."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from ipaddress import IPv4Address

from django.utils.translation import gettext as _

from cloudia.core.errors import InputError
from cloudia.core.faults import Faults
from networking.models import VPC, ExternalNetwork, FloatingIP, NetworkInterface, Subnet
from networking.services.ranges import read_address

OUI = "52:54:00"  # QEMU's and KVM's own prefix


def free_address(subnet: Subnet, wished: str = "", besides: NetworkInterface | None = None) -> str:
    """An address for an interface of ``subnet``, which is locked: the wished one, or the lowest that is free.

    Raises InputError at ``ip_address`` saying who has it, or at ``subnet`` when none is left.
    """
    if wished.strip():
        return _wished(subnet, wished, besides)
    taken = {IPv4Address(text) for text in subnet.interfaces.values_list("address", flat=True)} | subnet.kept
    free = next((address for address in subnet.network.hosts() if address not in taken), None)
    if free is None:
        message = _("Subnet “%(name)s” has no free address: all %(capacity)s are in use.")
        raise InputError.at("subnet", message % {"name": subnet, "capacity": subnet.capacity}, "subnet_full")
    return str(free)


def _wished(subnet: Subnet, text: str, besides: NetworkInterface | None) -> str:
    faults = Faults()
    if address := read_address(faults, text, "ip_address"):
        code, problem = _objection(subnet, address, besides)
        faults.require(not problem, "ip_address", code, problem)
    faults.raise_if_any()
    return str(address)


def _objection(subnet: Subnet, address: IPv4Address, besides: NetworkInterface | None) -> tuple[str, str]:
    """Why an interface can't have this address: code and sentence, or two empty texts."""
    words = {"address": address, "range": subnet.cidr}
    if address not in subnet.network:
        return "outside", _("%(address)s is not in the subnet's range %(range)s.") % words
    if str(address) == subnet.gateway:
        return "reserved", _("%(address)s is the subnet's gateway.") % words
    if address in subnet.kept:
        return "reserved", _("%(address)s is reserved.") % words
    holder = subnet.interfaces.filter(address=str(address)).first()
    if holder and holder != besides:
        return "taken", _("%(address)s is used by “%(name)s”.") % {**words, "name": holder.owner_name}
    return "", ""


def new_mac() -> str:
    """A MAC that no interface has."""
    while NetworkInterface.objects.filter(mac=(mac := _random_mac())).exists():
        pass
    return mac


def _random_mac() -> str:
    return ":".join([OUI, *(f"{byte:02x}" for byte in secrets.token_bytes(3))])


def outer_address(network: ExternalNetwork) -> str:
    """The lowest free address of an external network, whose row stays locked until the transaction ends.

    Raises InputError at ``external_network`` when none is left.
    """
    row = ExternalNetwork.objects.select_for_update(no_key=True).get(pk=network.pk)
    taken = set(_taken(row)) | {row.gateway}
    first, last = IPv4Address(row.first_address), IPv4Address(row.last_address)
    for number in range(int(first), int(last) + 1):
        if (address := str(IPv4Address(number))) not in taken:
            return address
    message = _("External network “%(name)s” has no free address.") % {"name": row}
    raise InputError.at("external_network", message, "exhausted")


def _taken(network: ExternalNetwork) -> Iterator[str | None]:
    yield from VPC.objects.filter(external_network=network).values_list("gateway_address", flat=True)
    yield from FloatingIP.objects.filter(external_network=network).values_list("address", flat=True)
