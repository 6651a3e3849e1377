"""선호도 그룹: the list, the dialogs that make, edit and delete one, and the tab of an instance."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts.actor import Actor
from cloudia.core.policy import Text, Verdict, verdicts
from cloudia.ui.dialogs import asked, formed
from cloudia.ui.filters import select
from cloudia.ui.lists import NEWEST, ListPage
from cloudia.ui.requests import actor_of, project_of
from cloudia.ui.rows import actions_json
from cloudia.ui.scope import EVERYWHERE
from instances import affinity_policies as policies
from instances import affinity_services as services
from instances.affinity_forms import AffinityForm, RegroupForm
from instances.affinity_models import AffinityGroup
from instances.enums import AffinityPolicy
from instances.filtersets import AffinityGroupFilter
from instances.models import Instance
from instances.querysets import AffinityGroupQuerySet
from instances.selectors import instances_visible_to

ICON = "layout-distribute-horizontal"
NAMED = 10  # members that the tab names; the list of instances has them all
LIST = ListPage(
    prefix="affinity",
    target="affinity-groups",
    folder="instances/affinity",
    filters=AffinityGroupFilter,
    sorts={"name": "name", "created_at": "created_at"},
    sortings=(("name", gettext_lazy("By name")), NEWEST),
    create=policies.CREATE_AFFINITY,
    actions=policies.AFFINITY_ACTIONS,
    one_only=gettext_lazy("Only one affinity group at a time."),
    narrowed_by=("search", "policy", "enabled"),
)


@login_required
@require_safe
def affinity_list(request: HttpRequest) -> HttpResponse:
    """The current project's groups."""
    switched = [("true", _("Enabled")), ("false", _("Disabled"))]
    selects = [
        select("policy", _("Rule"), AffinityPolicy.choices, request.GET),
        select("enabled", _("Enabled"), switched, request.GET),
    ]
    return LIST.show(request, _shown, _row, selects=selects)


@login_required
@require_safe
def affinity_row(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One line of the list, as it is now."""
    row = _row(_visible(request, pk), actor_of(request))
    return render(request, "instances/affinity/_row.html", {"row": row})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def affinity_create(request: HttpRequest) -> HttpResponse:
    """Ask for a name and a rule, and make a group."""
    actor, project = actor_of(request), project_of(request)
    if project is None:
        return render(request, "no_project.html")
    form = AffinityForm(request.POST if request.method == "POST" else None)

    def perform() -> Text:
        group = services.affinity_create(actor=actor, project=project, **form.cleaned_data)
        return _("Created: %(name)s") % {"name": group}

    action = policies.CREATE_AFFINITY
    context = {"action": action, "denial": action.denial(project, actor), "heading": action.label}
    return formed(request, form, perform, "instances/affinity/form.html", context, back=reverse("affinity-list"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def affinity_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Its name and rule, from now on."""
    group, actor = _visible(request, pk), actor_of(request)
    given = {name: getattr(group, name) for name in AffinityForm.base_fields}
    form = AffinityForm(request.POST if request.method == "POST" else None, initial=given)

    def perform() -> Text:
        services.affinity_edit(actor=actor, group=group, **form.cleaned_data)
        return _("Saved.")

    action, heading = policies.EDIT_AFFINITY, _("Edit affinity group")
    context = {"action": action, "denial": action.denial(group, actor), "group": group, "heading": heading}
    return formed(request, form, perform, "instances/affinity/form.html", context, back=reverse("affinity-list"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def affinity_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and remove a group without members."""
    group = _visible(request, pk)

    def perform() -> Text:
        services.affinity_delete(actor=actor_of(request), group=group)
        return _("Deleted: %(name)s") % {"name": group}

    return asked(request, group, policies.DELETE_AFFINITY, perform, icon=ICON, back=reverse("affinity-list"))


@login_required
@require_safe
def instance_affinity(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The tab: the instance's group, its rule, and who else is in it."""
    instance, actor = _instance(request, pk), actor_of(request)
    group = AffinityGroup.objects.for_display().filter(members=instance).first()
    members = list(group.members.all()) if group else []
    context = {
        "instance": instance,
        "row": _row(group, actor) if group else None,
        "members": members[:NAMED],
        "more": len(members) - NAMED,
        "regroup": Verdict(policies.REGROUP, policies.REGROUP.denial(instance, actor)),
    }
    return render(request, "instances/tabs/affinity.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def instance_regroup(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask for another group, or none."""
    instance, actor = _instance(request, pk), actor_of(request)
    data = request.POST if request.method == "POST" else None
    form = RegroupForm(data, project=instance.project, initial={"affinity_group": instance.affinity_group_id})

    def perform() -> Text:
        services.instance_regroup(actor=actor, instance=instance, group=form.cleaned_data["affinity_group"])
        return _("Saved.")

    context = {
        "action": policies.REGROUP,
        "denial": policies.REGROUP.denial(instance, actor),
        "instance": instance,
    }
    back = f"{reverse('instance-detail', args=[pk])}?tab=affinity"
    return formed(request, form, perform, "instances/affinity/regroup.html", context, back=back)


@dataclass(frozen=True, slots=True)
class Row:
    """A group as its list shows it."""

    group: AffinityGroup
    instances: str  # the address of the list of its members
    actions: str  # JSON, for the toolbar


def _row(group: AffinityGroup, actor: Actor) -> Row:
    wanted = {"affinity_group": group.pk} | ({"scope": EVERYWHERE} if actor.is_operator else {})
    instances = f"{reverse('instance-list')}?{urlencode(wanted)}"
    return Row(group, instances, actions_json(verdicts(policies.AFFINITY_ACTIONS, group, actor)))


def _shown(actor: Actor) -> AffinityGroupQuerySet:
    return AffinityGroup.objects.visible_to(actor).for_display()


def _visible(request: HttpRequest, pk: UUID) -> AffinityGroup:
    return get_object_or_404(_shown(actor_of(request)), pk=pk)


def _instance(request: HttpRequest, pk: UUID) -> Instance:
    return get_object_or_404(instances_visible_to(actor_of(request)), pk=pk)
