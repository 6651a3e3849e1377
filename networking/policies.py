"""Who may change networks, and what stands in the way: what is in use is not deleted."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.enums import Permission
from cloudia.core.policy import Action, Denial, Holder, in_use


def has_no_subnets(vpc: Any, actor: Any) -> Denial | None:
    """A VPC goes after its subnets."""
    if not (subnet := next(iter(vpc.subnets.all()), None)):
        return None
    message = gettext("Subnet “%(name)s” is in it. Delete its subnets first.") % {"name": subnet}
    return Denial("in_use", message, holder=Holder("subnet", str(subnet.pk), subnet.name))


def no_interface_uses_it(row: Any, actor: Any) -> Denial | None:
    """Neither a subnet nor a security group goes while an instance has it."""
    return in_use(row.some_user.owner) if row.some_user else None


def is_not_default(group: Any, actor: Any) -> Denial | None:
    """Every project has its default group."""
    if not group.is_default:
        return None
    return Denial("default_group", gettext("Every project has a default security group; it can't be deleted."))


def no_rule_refers_to_it(group: Any, actor: Any) -> Denial | None:
    """A rule of another group would lose its meaning."""
    if not (referrer := group.some_referrer):
        return None
    message = gettext("A rule of security group “%(name)s” refers to it.") % {"name": referrer}
    return Denial("in_use", message, holder=Holder("securitygroup", str(referrer.pk), referrer.name))


def is_associated(floating: Any, actor: Any) -> Denial | None:
    """There must be something to take it from."""
    if floating.interface_id:
        return None
    return Denial("not_associated", gettext("It is associated with no instance."))


def is_free(floating: Any, actor: Any) -> Denial | None:
    """An address that leads somewhere is not given back by mistake."""
    if not floating.interface_id:
        return None
    owner = floating.interface.owner
    message = gettext("It leads to “%(name)s”. Disassociate it first.") % {"name": owner.name}
    return Denial("in_use", message, holder=owner)


def feeds_nothing(network: Any, actor: Any) -> Denial | None:
    """Addresses of an external network are in use."""
    user = network.vpcs.first() or network.floating_ips.first()
    if not user:
        return None
    return Denial("in_use", gettext("“%(name)s” uses it.") % {"name": user})


CREATE_VPC = Action(name="create", label=_("Create VPC"), permission=Permission.MANAGE, icon="plus")
EDIT_VPC = Action(name="edit", label=_("Edit"), permission=Permission.MANAGE, icon="pencil")
DELETE_VPC = Action(
    name="delete",
    label=_("Delete"),
    permission=Permission.MANAGE,
    rules=[has_no_subnets],
    confirm=_("Delete this VPC?"),
    icon="trash",
    destructive=True,
)
VPC_ACTIONS: list[Action] = [EDIT_VPC, DELETE_VPC]

CREATE_SUBNET = Action(name="create", label=_("Create subnet"), permission=Permission.MANAGE, icon="plus")
EDIT_SUBNET = Action(name="edit", label=_("Edit"), permission=Permission.MANAGE, icon="pencil")
DELETE_SUBNET = Action(
    name="delete",
    label=_("Delete"),
    permission=Permission.MANAGE,
    rules=[no_interface_uses_it],
    confirm=_("Delete this subnet?"),
    icon="trash",
    destructive=True,
)
SUBNET_ACTIONS: list[Action] = [EDIT_SUBNET, DELETE_SUBNET]

CREATE_GROUP = Action(name="create", label=_("Create security group"), permission=Permission.MANAGE, icon="plus")
EDIT_GROUP = Action(name="edit", label=_("Edit"), permission=Permission.MANAGE, icon="pencil")
DELETE_GROUP = Action(
    name="delete",
    label=_("Delete"),
    permission=Permission.MANAGE,
    rules=[is_not_default, no_interface_uses_it, no_rule_refers_to_it],
    confirm=_("Delete this security group?"),
    icon="trash",
    destructive=True,
)
GROUP_ACTIONS: list[Action] = [EDIT_GROUP, DELETE_GROUP]

ALLOCATE = Action(name="allocate", label=_("Allocate floating IP"), permission=Permission.MANAGE, icon="plus")
ASSOCIATE = Action(name="associate", label=_("Associate"), permission=Permission.MANAGE, icon="plug-connected")
DISASSOCIATE = Action(
    name="disassociate",
    label=_("Disassociate"),
    permission=Permission.MANAGE,
    rules=[is_associated],
    confirm=_("Disassociate this floating IP? Connections through it end at once."),
    icon="plug-connected-x",
)
RELEASE = Action(
    name="release",
    label=_("Release"),
    permission=Permission.MANAGE,
    rules=[is_free],
    confirm=_("Release this floating IP? Another project may get the address."),
    icon="trash",
    destructive=True,
)
FLOATING_ACTIONS: list[Action] = [ASSOCIATE, DISASSOCIATE, RELEASE]

TRACE = Action(name="trace", label=_("Why is it blocked?"), permission=Permission.VIEW, icon="route")

CREATE_EXTERNAL = Action(
    name="create", label=_("Create external network"), permission=Permission.ADMINISTER, icon="plus"
)
EDIT_EXTERNAL = Action(name="edit", label=_("Edit"), permission=Permission.ADMINISTER, icon="pencil")
DELETE_EXTERNAL = Action(
    name="delete",
    label=_("Delete"),
    permission=Permission.ADMINISTER,
    rules=[feeds_nothing],
    icon="trash",
    destructive=True,
)
EXTERNAL_ACTIONS: list[Action] = [EDIT_EXTERNAL, DELETE_EXTERNAL]
