"""시작 템플릿: the list, the dialogs that save, name and delete one, and which one the create page starts with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.errors import FieldError, InputError
from cloudia.core.ids import is_uuid
from cloudia.core.policy import Text, verdicts
from cloudia.ui.dialogs import asked, formed, toolbar
from cloudia.ui.forms import NamingForm
from cloudia.ui.lists import NEWEST, ListPage
from cloudia.ui.requests import actor_of, project_of
from cloudia.ui.rows import actions_json
from cloudia.ui.scope import EVERYWHERE
from cloudia.ui.toolbar import ListAction, row_url
from instances import policies
from instances import template_services as services
from instances.filtersets import LaunchTemplateFilter
from instances.forms import CreateForm
from instances.launch_templates import LaunchTemplate
from instances.models import InstanceType
from instances.querysets import LaunchTemplateQuerySet
from instances.template_services import CONTENT
from storage.models import Image

ONE_ONLY = gettext_lazy("Only one launch template at a time.")
PARAMETER = "template"  # of the address of the create page
NAMING = "template"  # begins the names of the dialog's controls: it is sent together with the create form


def fill(templates: Iterable[Any]) -> None:
    """Give each the image and the type that its content names, if they are still there."""
    rows = list(templates)
    images = Image.objects.in_bulk([row.content["image"] for row in rows])
    kinds = InstanceType.objects.in_bulk(
        [row.content["instance_type"] for row in rows if row.content.get("instance_type")]
    )
    for row in rows:
        row.image = images.get(UUID(row.content["image"]))
        row.kind = kinds.get(UUID(pk)) if (pk := row.content.get("instance_type")) else None


LIST = ListPage(
    prefix="template",
    target="templates",
    folder="instances/templates",
    filters=LaunchTemplateFilter,
    sorts={"name": "name", "created_at": "created_at"},
    sortings=(("name", gettext_lazy("By name")), NEWEST),
    create=policies.CREATE_TEMPLATE,
    actions=(policies.EDIT_TEMPLATE, policies.DELETE_TEMPLATE),  # those with dialogs
    one_only=ONE_ONLY,
    fill=fill,
)


@login_required
@require_safe
def template_list(request: HttpRequest) -> HttpResponse:
    """The current project's launch templates."""
    launch = ListAction(policies.LAUNCH, row_url("template-launch"), one_only=ONE_ONLY, page=True)
    return LIST.show(request, _shown, _row, toolbar=[launch, *toolbar(LIST.prefix, LIST.actions, ONE_ONLY)])


@login_required
@require_safe
def template_row(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One line of the list, as it is now."""
    template = _visible(request, pk)
    fill([template])
    return render(request, "instances/templates/_row.html", {"row": _row(template, actor_of(request))})


@login_required
@require_safe
def template_launch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Go to the create page, filled in, in the template's project."""
    wanted = {PARAMETER: pk, "project": _visible(request, pk).project_id}
    return redirect(f"{reverse('instance-create')}?{urlencode(wanted)}")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def template_create(request: HttpRequest) -> HttpResponse:
    """Ask for a name, and keep what the create form has now, which is sent along."""
    actor, project = actor_of(request), project_of(request)
    if project is None:
        return render(request, "no_project.html")
    naming = NamingForm(request.POST if request.method == "POST" else None, prefix=NAMING)

    def perform() -> Text:
        template = _save(request.POST, naming.cleaned_data, project, actor)
        return _("Saved as launch template: %(name)s") % {"name": template}

    denial = policies.CREATE_TEMPLATE.denial(project, actor)
    context = {"action": policies.CREATE_TEMPLATE, "denial": denial}
    return formed(request, naming, perform, "instances/templates/form.html", context, back=reverse("template-list"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def template_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Name and description."""
    template, actor = _visible(request, pk), actor_of(request)
    given = {"name": template.name, "description": template.description}
    form = NamingForm(request.POST if request.method == "POST" else None, initial=given)

    def perform() -> Text:
        services.launch_template_edit(actor=actor, template=template, **form.cleaned_data)
        return _("Saved.")

    denial = policies.EDIT_TEMPLATE.denial(template, actor)
    context = {"action": policies.EDIT_TEMPLATE, "denial": denial, "template": template}
    return formed(request, form, perform, "instances/templates/form.html", context, back=reverse("template-list"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def template_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and forget it; instances stay as they are."""
    template = _visible(request, pk)

    def perform() -> Text:
        services.launch_template_delete(actor=actor_of(request), template=template)
        return _("Deleted: %(name)s") % {"name": template}

    return asked(request, template, policies.DELETE_TEMPLATE, perform, icon="template", back=reverse("template-list"))


def chosen_template(request: HttpRequest, project: Project) -> LaunchTemplate | None:
    """The template that the address of the create page names. One that is not there is 404, unless a form has been
    filled in: that goes on without it."""
    pk = request.GET.get(PARAMETER)
    if pk is None:
        return None
    found = project.launch_templates.filter(pk=pk).first() if is_uuid(pk) else None
    if found is None and request.method != "POST":
        raise Http404
    return found


def _save(data: QueryDict, naming: dict[str, str], project: Project, actor: Actor) -> LaunchTemplate:
    """Raises ActionDenied, or InputError with everything that is wrong with the dialog or the form behind it."""
    policies.CREATE_TEMPLATE.check(project, actor)
    form = CreateForm(_general(data), project=project, actor=actor)
    faults: dict[str, Any] = {}
    if form.is_valid():
        try:
            return services.launch_template_create(actor=actor, project=project, wish=form.wish(), **naming)
        except InputError as error:
            faults = {name: found for name, found in error.fields.items() if not name.startswith(CONTENT)}
            content = {at.removeprefix(CONTENT): it for at, it in error.fields.items() if at.startswith(CONTENT)}
            if content:
                form.take(InputError(error.message, content))
    problems = [FieldError("invalid", f"{it.label}: {it.text}" if it.label else it.text) for it in form.problems()]
    raise InputError(_("Some fields need to be corrected."), {**faults, "": problems})


def _general(data: QueryDict) -> QueryDict:
    """The create form without what a template does not keep, so that nothing can be wrong with it."""
    kept = data.copy()
    kept["name"] = services.STAND_IN
    kept.setlist("volumes", [])
    for name in list(kept):
        if name.endswith("-assignment"):
            kept[name] = "auto"
        elif name.startswith("password"):
            del kept[name]
    return kept


@dataclass(frozen=True, slots=True)
class Row:
    """A launch template as its list shows it."""

    template: Any  # with what fill and for_display add
    instances: str  # the address of the list of those made of it
    actions: str  # JSON, for the toolbar


def _row(template: LaunchTemplate, actor: Actor) -> Row:
    wanted = {"launch_template": template.pk} | ({"scope": EVERYWHERE} if actor.is_operator else {})
    instances = f"{reverse('instance-list')}?{urlencode(wanted)}"
    actions = actions_json(verdicts(policies.TEMPLATE_ACTIONS, template, actor))
    return Row(template, instances, actions)


def _shown(actor: Actor) -> LaunchTemplateQuerySet:
    return LaunchTemplate.objects.visible_to(actor).for_display()


def _visible(request: HttpRequest, pk: UUID) -> LaunchTemplate:
    return get_object_or_404(_shown(actor_of(request)), pk=pk)
