"""Who may change affinity groups, and when an instance may change its own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from cloudia.accounts.enums import Permission
from cloudia.core.policy import Action, Denial, Holder, in_use
from instances.policies import STOPPED, managed_by_us


def has_no_members(group: Any, actor: Any) -> Denial | None:
    """Nobody loses a rule by mistake."""
    if not (member := next(iter(group.members.all()), None)):
        return None
    return in_use(Holder("instance", str(member.pk), member.name))


CREATE_AFFINITY = Action(name="create", label=_("Create affinity group"), permission=Permission.MANAGE, icon="plus")
EDIT_AFFINITY = Action(name="edit", label=_("Edit"), permission=Permission.MANAGE, icon="pencil")
DELETE_AFFINITY = Action(
    name="delete",
    label=_("Delete"),
    permission=Permission.MANAGE,
    rules=[has_no_members],
    confirm=_("Delete this affinity group?"),
    icon="trash",
    destructive=True,
)
AFFINITY_ACTIONS: list[Action] = [EDIT_AFFINITY, DELETE_AFFINITY]

REGROUP = Action(
    name="regroup",
    label=_("Change affinity group"),
    permission=Permission.MANAGE,
    states=STOPPED,
    states_label=_("stopped"),
    rules=[managed_by_us],
    icon="layout-distribute-horizontal",
)
