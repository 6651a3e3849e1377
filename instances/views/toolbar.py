"""The toolbar of the instance list, in the order of the policies."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Action
from cloudia.ui.links import NIL_ID
from cloudia.ui.toolbar import ListAction, row_url
from instances import policies
from instances.views.actions import DIALOGS

POWER, CHANGE, DESTROY = range(3)  # groups


def toolbar() -> list[ListAction]:
    """Every action on instances that has a dialog, and editing, which has a page of its own."""
    return [_list_action(action) for action in policies.ACTIONS if action is policies.EDIT or action.name in DIALOGS]


def _list_action(action: Action) -> ListAction:
    if action is policies.EDIT:
        words = _("Only one instance can be edited at a time.")
        return ListAction(action, row_url("instance-edit"), one_only=words, page=True, group=CHANGE)
    url = reverse("instance-action", args=[action.name])
    return ListAction(action, f"{url}?id={NIL_ID}", bulk_url=url, group=DESTROY if action.destructive else POWER)
