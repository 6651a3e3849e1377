"""External networks: what operators give out addresses from."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.faults import Faults
from cloudia.core.networks import Network
from cloudia.core.rows import checked
from cloudia.core.validation import clean
from networking import policies
from networking.models import ExternalNetwork
from networking.services import ranges


@audited("external_network.create")
def external_network_create(
    *,
    actor: Actor,
    name: str,
    cidr: str | Network,
    gateway: str = "",
    first_address: str = "",
    last_address: str = "",
    physical_network: str = "public",
    vlan: int | None = None,
    is_default: bool = False,
) -> ExternalNetwork:
    """A network whose addresses may be given out: all but the gateway's, or those from ``first_address`` on.

    Raises ActionDenied or InputError.
    """
    network = ExternalNetwork(
        name=name.strip(), physical_network=physical_network.strip(), vlan=vlan, is_default=is_default
    )
    policies.CREATE_EXTERNAL.check(network, actor)
    faults = Faults()
    if found := ranges.read_range(faults, cidr):
        network.cidr = found
        network.gateway = str(ranges.read_gateway(faults, gateway, found))
        _set_pool(faults, network, found, first_address or str(found[2]), last_address or str(found[-2]))
    faults.raise_if_any()
    return _saved(network)


@audited("external_network.edit", target="network")
def external_network_edit(*, actor: Actor, network: ExternalNetwork, **changes: Any) -> ExternalNetwork:
    """Change what it is called, which addresses are given out, or its VLAN. Its range stays. Raises ActionDenied or
    InputError."""
    row = checked(policies.EDIT_EXTERNAL, network, actor)
    for name in ("vlan", "is_default"):
        setattr(row, name, changes.get(name, getattr(row, name)))
    for name in ("name", "physical_network"):
        setattr(row, name, changes.get(name, getattr(row, name)).strip())
    faults = Faults()
    first, last = (changes.get(name, getattr(row, name)) for name in ("first_address", "last_address"))
    _set_pool(faults, row, IPv4Network(str(row.cidr)), first, last)
    faults.raise_if_any()
    return _saved(row)


@audited("external_network.delete", target="network")
def external_network_delete(*, actor: Actor, network: ExternalNetwork) -> None:
    """Remove one that nothing uses. Raises ActionDenied."""
    checked(policies.DELETE_EXTERNAL, network, actor).delete()


def _set_pool(faults: Faults, network: ExternalNetwork, cidr: IPv4Network, first: str, last: str) -> None:
    ends = {"first_address": first, "last_address": last}
    read = {field: ranges.read_address(faults, text, field) for field, text in ends.items()}
    for field, address in read.items():
        inside = address is None or (address in cidr and address not in {cidr[0], cidr[-1]})
        faults.require(inside, field, "outside", _("It must be an address inside %(range)s.") % {"range": cidr})
        setattr(network, field, str(address))
    start, end = read["first_address"], read["last_address"]
    ordered = not (isinstance(start, IPv4Address) and isinstance(end, IPv4Address)) or start <= end
    faults.require(ordered, "last_address", "reversed", _("The last address can't be below the first."))


def _saved(network: ExternalNetwork) -> ExternalNetwork:
    """One default at most: the newest wish wins."""
    if network.is_default:
        ExternalNetwork.objects.exclude(pk=network.pk).filter(is_default=True).update(is_default=False)
    clean(network)
    network.save()
    return network
