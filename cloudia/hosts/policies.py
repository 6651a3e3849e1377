"""Who may do what with hosts: operators of the installation."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cloudia.accounts.enums import Permission
from cloudia.core.policy import Action
from cloudia.hosts.enums import HostState

REGISTER = Action(name="register", label=_("Register host"), permission=Permission.ADMINISTER, icon="plus")
MAINTENANCE = Action(
    name="maintenance",
    label=_("Put into maintenance"),
    permission=Permission.ADMINISTER,
    states=frozenset({HostState.ACTIVE}),
    states_label=_("active"),
    confirm=_("Put this host into maintenance? It takes no new instances until it is activated again."),
    icon="tool",
)
ACTIVATE = Action(
    name="activate",
    label=_("Activate"),
    permission=Permission.ADMINISTER,
    states=frozenset({HostState.MAINTENANCE}),
    states_label=_("in maintenance"),
    icon="player-play",
)
EDIT = Action(name="edit", label=_("Edit"), permission=Permission.ADMINISTER, icon="pencil")

ACTIONS = (MAINTENANCE, ACTIVATE)
