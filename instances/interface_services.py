"""What users ask of an instance's network interfaces: add, change, remove."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.errors import InputError
from cloudia.core.faults import Faults
from cloudia.core.policy import ActionDenied, gone
from instances import policies
from instances.interfaces import interfaces_record
from instances.models import Instance, InstanceInterface
from networking.services.interfaces import (
    MAX_INTERFACES,
    InterfaceWish,
    check_interfaces,
    interface_change,
    interfaces_delete,
)

PREFIX = "interfaces.0."


@audited("interface.add", target="instance")
def interface_add(*, actor: Actor, instance: Instance, wish: InterfaceWish) -> InstanceInterface:
    """One more interface, in the instance's VPC; the guest has it from its next start.

    Raises ActionDenied, or InputError at ``subnet``, ``ip_address``, ``security_groups`` or, where there are as many as
    there can be, nowhere.
    """
    Instance.objects.select_for_update().filter(pk=instance.pk).values_list("pk").first()
    row = Instance.objects.for_display().filter(pk=instance.pk).first()
    if row is None:
        raise ActionDenied(gone())
    policies.ADD_INTERFACE.check(row, actor)
    if row.interfaces.count() >= MAX_INTERFACES:
        raise InputError(_("At most %(most)s.") % {"most": MAX_INTERFACES}, code="too_many")
    _check(row, wish)
    try:
        (link,) = interfaces_record(row, [wish])
    except InputError as error:
        raise _without_prefix(error) from None
    return link


@audited("interface.edit", target="link")
def interface_edit(*, actor: Actor, link: InstanceInterface, wish: InterfaceWish) -> InstanceInterface:
    """Bring an interface to ``wish``: groups at any time and at once; subnet and address only while stopped.

    Raises ActionDenied, or InputError at ``subnet``, ``ip_address`` or ``security_groups``.
    """
    row = _locked(link)
    interface = row.interface
    moved = wish.subnet.pk != interface.subnet_id or wish.address.strip() not in {"", interface.address}
    action = policies.MOVE_INTERFACE if moved else policies.GUARD_INTERFACE
    action.check(row, actor)
    _check(row.instance, wish)
    interface_change(interface=interface, wish=wish)
    return row


@audited("interface.remove", target="link")
def interface_remove(*, actor: Actor, link: InstanceInterface) -> None:
    """Take an interface away; its address is free at once. Raises ActionDenied."""
    row = _locked(link)
    policies.REMOVE_INTERFACE.check(row, actor)
    interface = row.interface
    row.delete()
    interfaces_delete([interface])


def _locked(link: InstanceInterface) -> InstanceInterface:
    """The row, with its instance locked. Raises ActionDenied if it was removed meanwhile."""
    Instance.objects.select_for_update().filter(pk=link.instance_id).values_list("pk").first()
    rows = InstanceInterface.objects.select_related("instance__host", "instance__current_job", "interface__subnet")
    row = rows.filter(pk=link.pk).first()
    if row is None:
        raise ActionDenied(gone())
    return row


def _check(instance: Instance, wish: InterfaceWish) -> None:
    """A wish for one interface of an instance: of its project, and in its VPC."""
    faults, vpc = Faults(), instance.vpc
    check_interfaces(faults, [wish], instance.project, vpc.pk if vpc else None)
    try:
        faults.raise_if_any()
    except InputError as error:
        raise _without_prefix(error) from None


def _without_prefix(error: InputError) -> InputError:
    """There is one interface: its fields need no number."""
    return InputError(error.message, {field.removeprefix(PREFIX): found for field, found in error.fields.items()})
