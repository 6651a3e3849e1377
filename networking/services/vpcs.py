"""VPCs."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.faults import Faults
from cloudia.core.rows import check_description, check_name, checked
from networking import policies
from networking.models import VPC, ExternalNetwork, FloatingIP
from networking.services.addresses import outer_address


@audited("vpc.create", target="project")
def vpc_create(
    *,
    actor: Actor,
    project: Project,
    name: str,
    description: str = "",
    external_network: ExternalNetwork | None = None,
    isolated: bool = False,
) -> VPC:
    """A new VPC without subnets, connected to ``external_network`` (the default one if None) unless ``isolated``.

    Raises ActionDenied (also ``quota_exceeded``) or InputError.
    """
    policies.CREATE_VPC.check(project, actor)
    quotas.claim(project, "vpcs")
    vpc = VPC(project=project, name=name.strip(), description=description.strip(), created_by=_person(actor))
    _check(vpc)
    network = None if isolated else external_network or ExternalNetwork.objects.filter(is_default=True).first()
    _connect(vpc, network)
    vpc.save(force_insert=True)
    return vpc


@audited("vpc.edit", target="vpc")
def vpc_edit(*, actor: Actor, vpc: VPC, **changes: Any) -> VPC:
    """Change ``name``, ``description``, ``external_network`` (None: disconnect). Raises ActionDenied or InputError."""
    row = checked(policies.EDIT_VPC, vpc, actor)
    row.name = changes.get("name", row.name).strip()
    row.description = changes.get("description", row.description).strip()
    _check(row)
    network = changes.get("external_network", row.external_network)
    if network != row.external_network:
        _check_no_floating_ips(row)
        _connect(row, network)
    row.save()
    return row


@audited("vpc.delete", target="vpc")
def vpc_delete(*, actor: Actor, vpc: VPC) -> None:
    """Remove a VPC that has no subnets. Raises ActionDenied."""
    checked(policies.DELETE_VPC, vpc, actor).delete()


def _person(actor: Actor) -> Any:
    """The shell's actor has no row."""
    return None if actor.user._state.adding else actor.user


def _check(vpc: VPC) -> None:
    faults = Faults()
    check_name(faults, vpc.name, VPC.objects.filter(project_id=vpc.project_id).exclude(pk=vpc.pk))
    check_description(faults, vpc.description)
    faults.raise_if_any()


def _connect(vpc: VPC, network: ExternalNetwork | None) -> None:
    vpc.external_network = network
    vpc.gateway_address = outer_address(network) if network else None


def _check_no_floating_ips(vpc: VPC) -> None:
    """A floating IP would lead nowhere."""
    faults = Faults()
    if floating := FloatingIP.objects.filter(interface__subnet__vpc=vpc).first():
        message = _("Floating IP %(address)s leads into this VPC. Disassociate it first.") % {"address": floating}
        faults.note("external_network", "in_use", message)
    faults.raise_if_any()
