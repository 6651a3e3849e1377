"""The guide's rules: what may be done to an instance, by whom, in which state."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.enums import Origin, Permission
from cloudia.core.policy import Action, Denial, Holder, Kind, Rule
from instances.enums import PowerState


def managed_by_us(instance: Any, actor: Any) -> Denial | None:
    """Instances that a system made are managed by that system, not by hand."""
    if instance.origin in {Origin.MANUAL, actor.origin}:
        return None
    owner = instance.owner_name or instance.get_origin_display()
    message = gettext("It is managed by %(owner)s and can't be changed by hand.") % {"owner": owner}
    holder = Holder("owner", instance.owner_url, owner) if instance.owner_url else None
    return Denial("managed", message, Kind.FORBIDDEN, holder)


def host_is_reachable(instance: Any, actor: Any) -> Denial | None:
    """Nothing can be done on a host that does not answer."""
    if instance.host_is_reachable:
        return None
    message = gettext("Host %(host)s does not answer. It is not known what this instance is doing.") % {
        "host": instance.host
    }
    return Denial(
        "host_unreachable", message, Kind.UNAVAILABLE, Holder("host", str(instance.host_id), str(instance.host))
    )


STOPPED = frozenset({PowerState.STOPPED, PowerState.CRASHED})

CREATE = Action(name="create", label=_("Create"), permission=Permission.MANAGE, icon="plus")
START = Action(
    name="start",
    label=_("Start"),
    permission=Permission.OPERATE,
    states=STOPPED,
    states_label=_("stopped"),
    rules=[managed_by_us, host_is_reachable],
    confirm=_("Start this instance?"),
    icon="player-play",
)
STOP = Action(
    name="stop",
    label=_("Stop"),
    permission=Permission.OPERATE,
    states=frozenset({PowerState.RUNNING, PowerState.PAUSED}),
    states_label=_("running"),
    rules=[managed_by_us, host_is_reachable],
    confirm=_("Stop this instance?"),
    icon="player-stop",
)
REBOOT = Action(
    name="reboot",
    label=_("Reboot"),
    permission=Permission.OPERATE,
    states=frozenset({PowerState.RUNNING}),
    states_label=_("running"),
    rules=[managed_by_us, host_is_reachable],
    confirm=_("Reboot this instance?"),
    icon="refresh",
)
EDIT = Action(
    name="edit",
    label=_("Edit"),
    permission=Permission.MANAGE,
    states=STOPPED | {PowerState.RUNNING},
    states_label=_("running or stopped"),
    rules=[managed_by_us, host_is_reachable],
    icon="pencil",
)
# More vCPUs and memory: also of a running guest, up to its maximum. Editing asks this beside EDIT.
GROW = Action(
    name="grow",
    label=_("Grow"),
    permission=Permission.MANAGE,
    states=STOPPED | {PowerState.RUNNING},
    states_label=_("running or stopped"),
    rules=[managed_by_us, host_is_reachable],
)
# Everything else about its hardware: less of them, other maxima, cores and threads, another type.
RESHAPE = Action(
    name="reshape",
    label=_("Reshape"),
    permission=Permission.MANAGE,
    states=STOPPED,
    states_label=_("stopped"),
    rules=[managed_by_us, host_is_reachable],
)
DELETE = Action(
    name="delete",
    label=_("Delete"),
    permission=Permission.MANAGE,
    states=STOPPED | {PowerState.ABSENT},
    states_label=_("stopped"),
    rules=[managed_by_us, host_is_reachable],
    confirm=_("Delete this instance?"),
    icon="trash",
    destructive=True,
)


def is_secondary(link: Any, actor: Any) -> Denial | None:
    """An instance keeps the interface it began with."""
    if not link.is_primary:
        return None
    return Denial("primary_interface", gettext("The first network interface can't be removed."))


def has_no_floating_ip(link: Any, actor: Any) -> Denial | None:
    """An address that leads there is not cut off by mistake."""
    if not (floating := link.interface.floating_ip):
        return None
    message = gettext("Floating IP %(address)s leads to it. Disassociate it first.") % {"address": floating}
    return Denial("in_use", message, holder=Holder("floatingip", str(floating.pk), str(floating)))


def of_instance(rule: Rule) -> Rule:
    """The same rule, asked of the instance that an interface belongs to."""
    return lambda link, actor: rule(link.instance, actor)


ADD_INTERFACE = Action(
    name="add_interface",
    label=_("Add interface"),
    permission=Permission.MANAGE,
    states=STOPPED | {PowerState.RUNNING},
    states_label=_("running or stopped"),
    rules=[managed_by_us, host_is_reachable],
    icon="plus",
)
# Which security groups guard it can change at any time: the guest does not notice.
GUARD_INTERFACE = Action(
    name="guard",
    label=_("Change security groups"),
    permission=Permission.MANAGE,
    rules=[of_instance(managed_by_us)],
    icon="shield-half",
)
MOVE_INTERFACE = Action(
    name="move",
    label=_("Change subnet or address"),
    permission=Permission.MANAGE,
    states=STOPPED,
    states_label=_("stopped"),
    rules=[of_instance(managed_by_us)],
    icon="pencil",
)
REMOVE_INTERFACE = Action(
    name="remove",
    label=_("Remove"),
    permission=Permission.MANAGE,
    states=STOPPED | {PowerState.RUNNING},
    states_label=_("running or stopped"),
    rules=[of_instance(managed_by_us), of_instance(host_is_reachable), is_secondary, has_no_floating_ip],
    confirm=_("Remove this network interface?"),
    icon="trash",
    destructive=True,
)
INTERFACE_ACTIONS: list[Action] = [GUARD_INTERFACE, MOVE_INTERFACE, REMOVE_INTERFACE]

CREATE_TYPE = Action(name="create", label=_("Create instance type"), permission=Permission.ADMINISTER, icon="plus")
EDIT_TYPE = Action(name="edit", label=_("Edit"), permission=Permission.ADMINISTER, icon="pencil")
DELETE_TYPE = Action(
    name="delete",
    label=_("Delete"),
    permission=Permission.ADMINISTER,
    confirm=_("Delete this instance type?"),
    icon="trash",
    destructive=True,
)
TYPE_ACTIONS: list[Action] = [EDIT_TYPE, DELETE_TYPE]

CREATE_TEMPLATE = Action(
    name="create", label=_("Create launch template"), permission=Permission.MANAGE, icon="template"
)
LAUNCH = Action(name="launch", label=_("Create instance"), permission=Permission.MANAGE, icon="plus")
EDIT_TEMPLATE = Action(name="edit", label=_("Edit"), permission=Permission.MANAGE, icon="pencil")
DELETE_TEMPLATE = Action(
    name="delete",
    label=_("Delete"),
    permission=Permission.MANAGE,
    confirm=_("Delete this launch template?"),
    icon="trash",
    destructive=True,
)
TEMPLATE_ACTIONS: list[Action] = [LAUNCH, EDIT_TEMPLATE, DELETE_TEMPLATE]

# In the order of the toolbar: power, change, then delete apart. Other apps append theirs at start-up.
ACTIONS: list[Action] = [START, STOP, REBOOT, EDIT, DELETE]
