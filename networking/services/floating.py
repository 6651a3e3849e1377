"""Floating IPs: taken from an external network, pointed at an interface, moved, given back."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.errors import InputError
from cloudia.core.faults import Faults
from cloudia.core.rows import check_description, checked
from networking import policies
from networking.models import ExternalNetwork, FloatingIP, NetworkInterface
from networking.services.addresses import outer_address


@audited("floating_ip.allocate", target="project")
def floating_allocate(
    *, actor: Actor, project: Project, external_network: ExternalNetwork | None = None, description: str = ""
) -> FloatingIP:
    """An address for the project, from the default external network unless said otherwise; it leads nowhere yet.

    Raises ActionDenied (also ``quota_exceeded``) or InputError.
    """
    policies.ALLOCATE.check(project, actor)
    quotas.claim(project, "floating_ips")
    network = external_network or ExternalNetwork.objects.filter(is_default=True).first()
    if network is None:
        raise InputError.at("external_network", _("Choose an external network: none is the default."), "required")
    _check_description(description)
    return FloatingIP.objects.create(
        project=project, external_network=network, address=outer_address(network), description=description.strip()
    )


@audited("floating_ip.edit", target="floating_ip")
def floating_edit(*, actor: Actor, floating_ip: FloatingIP, description: str) -> FloatingIP:
    """Change what is noted about it. Raises ActionDenied or InputError."""
    row = checked(policies.ASSOCIATE, floating_ip, actor)
    _check_description(description)
    row.description = description.strip()
    row.save(update_fields=["description"])
    return row


@audited("floating_ip.associate", target="floating_ip")
def floating_associate(*, actor: Actor, floating_ip: FloatingIP, interface: NetworkInterface) -> FloatingIP:
    """Point it at an interface; if it led to another one it moves, at once and without a restart of any guest.

    Raises ActionDenied, or InputError at ``interface`` when it can't lead there.
    """
    # The interface first, as when it is deleted; and its VPC, so that it stays connected.
    held = NetworkInterface.objects.select_for_update(of=("self", "subnet__vpc"), no_key=True)
    nic = held.select_related("subnet__vpc").filter(pk=interface.pk).first()
    row = checked(policies.ASSOCIATE, floating_ip, actor)
    check_target(row, nic)
    row.interface = nic
    row.save(update_fields=["interface"])
    return row


@audited("floating_ip.disassociate", target="floating_ip")
def floating_disassociate(*, actor: Actor, floating_ip: FloatingIP) -> FloatingIP:
    """Let it lead nowhere; the project keeps it. Raises ActionDenied."""
    row = checked(policies.DISASSOCIATE, floating_ip, actor)
    row.interface = None
    row.save(update_fields=["interface"])
    return row


@audited("floating_ip.release", target="floating_ip")
def floating_release(*, actor: Actor, floating_ip: FloatingIP) -> None:
    """Give the address back. Raises ActionDenied."""
    checked(policies.RELEASE, floating_ip, actor).delete()


def _check_description(description: str) -> None:
    faults = Faults()
    check_description(faults, description.strip())
    faults.raise_if_any()


def check_target(floating: FloatingIP, nic: NetworkInterface | None) -> None:
    """One of its project, with a way out to the same external network, and no other floating IP. Raises InputError."""
    if nic is None:
        raise InputError.at("interface", _("It was deleted meanwhile."), "gone")
    if nic.project_id != floating.project_id:
        raise InputError.at("interface", _("This interface belongs to another project."), "other_project")
    vpc = nic.subnet.vpc
    if vpc.external_network_id != floating.external_network_id:
        words = {"vpc": vpc, "network": floating.external_network}
        message = _("VPC “%(vpc)s” is not connected to external network “%(network)s”.") % words
        raise InputError.at("interface", message, "not_connected")
    if other := next((row for row in nic.floating_ips.all() if row.pk != floating.pk), None):
        message = _("The interface has floating IP %(address)s already.") % {"address": other}
        raise InputError.at("interface", message, "taken")
