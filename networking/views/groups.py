"""보안 그룹 목록, and the dialogs that create, name and delete a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.core.policy import Text, verdicts
from cloudia.ui.dialogs import asked, formed
from cloudia.ui.forms import NamingForm
from cloudia.ui.lists import NEWEST, ListPage
from cloudia.ui.requests import actor_of, project_of
from cloudia.ui.rows import actions_json
from cloudia.ui.search import Found
from networking import policies
from networking.filtersets import SecurityGroupFilter
from networking.models import SecurityGroup
from networking.querysets import SecurityGroupQuerySet
from networking.services import groups as services

SORTS = {"name": "name", "rules": "rule_count", "interfaces": "interface_count", "created_at": "created_at"}
ONE_ONLY = gettext_lazy("Only one security group at a time.")
LIST = ListPage(
    prefix="group",
    target="groups",
    folder="networking/groups",
    filters=SecurityGroupFilter,
    sorts=SORTS,
    sortings=(("name", gettext_lazy("By name")), NEWEST),
    create=policies.CREATE_GROUP,
    actions=policies.GROUP_ACTIONS,
    one_only=ONE_ONLY,
)


@login_required
@require_safe
def group_list(request: HttpRequest) -> HttpResponse:
    """The current project's security groups."""
    return LIST.show(request, _shown, _row)


@login_required
@require_safe
def group_row(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One line of the list, as it is now."""
    return render(request, "networking/groups/_row.html", {"row": _row(_visible(request, pk), actor_of(request))})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def group_create(request: HttpRequest) -> HttpResponse:
    """Ask for a name, and make a group."""
    actor, project = actor_of(request), project_of(request)
    if project is None:
        return render(request, "no_project.html")
    form = NamingForm(request.POST if request.method == "POST" else None)

    def perform() -> Text:
        group = services.group_create(actor=actor, project=project, **form.cleaned_data)
        return _("Created: %(name)s") % {"name": group}

    denial = policies.CREATE_GROUP.denial(project, actor)
    context = {"action": policies.CREATE_GROUP, "denial": denial, "level": quotas.level(project, "security_groups")}
    return formed(request, form, perform, "networking/groups/name.html", context, back=reverse("group-list"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def group_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Name and description."""
    group, actor = _visible(request, pk), actor_of(request)
    given = {"name": group.name, "description": group.description}
    form = NamingForm(request.POST if request.method == "POST" else None, initial=given)

    def perform() -> Text:
        services.group_edit(actor=actor, group=group, **form.cleaned_data)
        return _("Saved.")

    context = {"action": policies.EDIT_GROUP, "denial": policies.EDIT_GROUP.denial(group, actor), "group": group}
    back = reverse("group-detail", args=[pk])
    return formed(request, form, perform, "networking/groups/name.html", context, back=back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def group_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and remove a group that nothing uses."""
    group = _visible(request, pk)

    def perform() -> Text:
        services.group_delete(actor=actor_of(request), group=group)
        return _("Deleted: %(name)s") % {"name": group}

    return asked(request, group, policies.DELETE_GROUP, perform, icon="shield-half", back=reverse("group-list"))


@dataclass(frozen=True, slots=True)
class Row:
    """A security group as its list shows it."""

    group: Any  # with the counts of for_display
    actions: str  # JSON, for the toolbar


def _row(group: SecurityGroup, actor: Actor) -> Row:
    return Row(group, actions_json(verdicts(policies.GROUP_ACTIONS, group, actor)))


def _shown(actor: Actor) -> SecurityGroupQuerySet:
    return SecurityGroup.objects.visible_to(actor).for_display()


def _visible(request: HttpRequest, pk: UUID) -> SecurityGroup:
    return get_object_or_404(_shown(actor_of(request)), pk=pk)


def find(actor: Actor, words: str, at_most: int) -> list[Found]:
    """For the search in the top bar."""
    rows = SecurityGroup.objects.visible_to(actor).matching(words).order_by("name", "pk")[:at_most]
    return [Found(row, reverse("group-detail", args=[row.pk]), row.short_id) for row in rows]
