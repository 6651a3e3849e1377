"""Who may do what with people, projects and tokens."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.enums import Permission
from cloudia.core.policy import Action, Denial


def account_is_active(user: Any, actor: Any) -> Denial | None:
    """A key to a closed account would open nothing, until somebody opens the account again and forgets the key."""
    if user.is_active:
        return None
    return Denial("account_inactive", gettext("This account is not active."))


def last_operator() -> Denial:
    """Without an operator nobody could make one."""
    return Denial("last_operator", gettext("The installation needs at least one active operator."))


CREATE_PROJECT = Action(name="create", label=_("Create project"), permission=Permission.ADMINISTER, icon="plus")
EDIT_PROJECT = Action(name="edit", label=_("Edit project"), permission=Permission.ADMINISTER, icon="pencil")
SET_MEMBER = Action(name="set_member", label=_("Change members"), permission=Permission.ADMINISTER, icon="users")
SET_QUOTA = Action(name="set_quota", label=_("Change quotas"), permission=Permission.ADMINISTER, icon="gauge")

CREATE_USER = Action(name="create", label=_("Create user"), permission=Permission.ADMINISTER, icon="plus")
EDIT_USER = Action(name="edit", label=_("Edit user"), permission=Permission.ADMINISTER, icon="pencil")

# An account may manage itself (see Actor.may), so these two are for its owner and for operators.
CREATE_TOKEN = Action(
    name="create",
    label=_("Create token"),
    permission=Permission.MANAGE,
    rules=[account_is_active],
    icon="plus",
)
REVOKE_TOKEN = Action(
    name="revoke",
    label=_("Revoke"),
    permission=Permission.MANAGE,
    confirm=_("Revoke this token? Programs that use it will be refused at once."),
    icon="trash",
    destructive=True,
)
