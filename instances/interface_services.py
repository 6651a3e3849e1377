"""What users ask of an instance's network interfaces: add, change, remove."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.errors import InputError
from cloudia.core.faults import Faults
from cloudia.core.policy import ActionDenied, gone
from cloudia.jobs.models import Job
from cloudia.jobs.services import job_enqueue
from instances import policies
from instances.edit_operations import UpdateInstance
from instances.interfaces import interface_forget, interfaces_record
from instances.models import Instance, InstanceInterface
from networking.services.interfaces import (
    MAX_INTERFACES,
    InterfaceWish,
    check_interfaces,
    interface_change,
)

PREFIX = "interfaces.0."


@audited("interface.add", target="instance")
def interface_add(*, actor: Actor, instance: Instance, wish: InterfaceWish) -> tuple[InstanceInterface, Job | None]:
    """One more interface, in the instance's VPC: a guest that runs gets it in a job, another at its next start.

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
    return link, _told(row, actor, attach_nics=[str(link.interface_id)])


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
def interface_remove(*, actor: Actor, link: InstanceInterface) -> Job | None:
    """Take an interface away; its address is free when a guest that runs has let go of it. Raises ActionDenied."""
    row = _locked(link)
    policies.REMOVE_INTERFACE.check(row, actor)
    if job := _told(row.instance, actor, detach_nics=[str(row.interface_id)]):
        return job
    interface_forget(row)
    return None


def _told(instance: Instance, actor: Actor, **params: Any) -> Job | None:
    """A guest that is off has its interfaces from its next start."""
    if instance.state in policies.STOPPED:
        return None
    return job_enqueue(operation=UpdateInstance, target=instance, actor=actor, params=params)


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
