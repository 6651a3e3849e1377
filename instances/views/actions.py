"""Dialogs and what they do: one action on one or several instances, with an answer for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from cloudia.accounts.actor import Actor
from cloudia.core.errors import CloudiaError
from cloudia.core.ids import is_uuid
from cloudia.core.policy import Action, ActionDenied, Denial, Text
from cloudia.jobs.models import Job
from cloudia.jobs.views import job_accepted
from cloudia.ui.htmx import accepted, details, refused, toast
from cloudia.ui.requests import actor_of
from instances import policies, services
from instances.models import Instance, InstanceDisk
from instances.selectors import instances_visible_to

AT_ONCE = 100  # instances; two pages of the list

Perform: TypeAlias = Callable[[Actor, Instance, QueryDict], Job]


@dataclass(frozen=True, slots=True)
class Dialog:
    """How an action is asked for: what its dialog says (a template), and the service that a yes calls."""

    action: Action
    perform: Perform
    template: str
    typed: bool = False  # whether the name must be typed


@dataclass(slots=True)
class Target:
    """One of the instances, what stands against it, and what came of it."""

    instance: Instance
    denial: Denial | None = None
    job: Job | None = None
    problem: Text = field(default="")

    @property
    def disks(self) -> QuerySet[InstanceDisk]:
        """What a delete is about."""
        return self.instance.disks.select_related("volume").order_by("position")

    @property
    def failed(self) -> bool:
        """Whether it was tried and refused."""
        return self.denial is not None or bool(self.problem)


def _start(actor: Actor, instance: Instance, _query: QueryDict) -> Job:
    return services.instance_start(actor=actor, instance=instance)


def _stop(actor: Actor, instance: Instance, query: QueryDict) -> Job:
    return services.instance_stop(actor=actor, instance=instance, force=query.get("how") == "force")


def _reboot(actor: Actor, instance: Instance, query: QueryDict) -> Job:
    return services.instance_reboot(actor=actor, instance=instance, hard=query.get("how") == "force")


def _delete(actor: Actor, instance: Instance, query: QueryDict) -> Job:
    wanted = query.get("delete_volumes") == "true"
    return services.instance_delete(actor=actor, instance=instance, delete_volumes=wanted)


DIALOGS = {
    dialog.action.name: dialog
    for dialog in (
        Dialog(policies.START, _start, "instances/dialogs/_start.html"),
        Dialog(policies.STOP, _stop, "instances/dialogs/_stop.html"),
        Dialog(policies.REBOOT, _reboot, "instances/dialogs/_reboot.html"),
        Dialog(policies.DELETE, _delete, "instances/dialogs/_delete.html", typed=True),
    )
}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def instance_action(request: HttpRequest, name: str) -> HttpResponse:
    """Ask (GET) or do (POST) the action ``name`` for the instances ``?id=…&id=…``."""
    dialog = DIALOGS.get(name)
    if dialog is None:
        raise Http404
    actor = actor_of(request)
    query = request.POST if request.method == "POST" else request.GET
    targets = [Target(row, dialog.action.denial(row, actor)) for row in _chosen(actor, query.getlist("id"))]
    if request.method != "POST" or not _confirmed(dialog, targets, query):
        return _ask(request, dialog, targets)
    for target in targets:
        _do(dialog, target, actor, query)
    return _answer(request, dialog, targets)


def _chosen(actor: Actor, ids: list[str]) -> list[Instance]:
    """The visible ones among ``ids``, in that order; 404 if one can't be seen."""
    wanted = list(dict.fromkeys(UUID(text) for text in ids[:AT_ONCE] if is_uuid(text)))
    found = {row.pk: row for row in instances_visible_to(actor).filter(pk__in=wanted)}
    if not wanted or len(found) < len(wanted):
        raise Http404
    return [found[pk] for pk in wanted]


def confirmation(targets: list[Target]) -> str:
    """What must be typed: the name of one instance, the number of several."""
    return targets[0].instance.name if len(targets) == 1 else str(sum(not target.denial for target in targets))


def _confirmed(dialog: Dialog, targets: list[Target], query: QueryDict) -> bool:
    return not dialog.typed or query.get("confirm_name", "").strip() == confirmation(targets).strip()


def _ask(request: HttpRequest, dialog: Dialog, targets: list[Target]) -> HttpResponse:
    able = [target for target in targets if not target.denial]
    context = {
        "dialog": dialog,
        "action": dialog.action,
        "targets": targets,
        "able": able,
        "with_data": dialog.action is policies.DELETE
        and any(not disk.is_boot for target in able for disk in target.disks),
        "one": targets[0] if len(targets) == 1 else None,
        "confirmation": confirmation(targets) if dialog.typed else "",
        "wrong": request.method == "POST",
        "post_to": reverse("instance-action", args=[dialog.action.name]),
    }
    template = "instances/dialogs/ask.html" if details(request) else "instances/action.html"
    return render(request, template, context)


def _do(dialog: Dialog, target: Target, actor: Actor, query: QueryDict) -> None:
    """Try; what is refused stays with the target and stops nobody else."""
    try:
        target.job = dialog.perform(actor, target.instance, query)
        target.denial = None
    except ActionDenied as error:
        target.denial = error.denial
    except CloudiaError as error:
        target.problem = error.message


def _answer(request: HttpRequest, dialog: Dialog, targets: list[Target]) -> HttpResponse:
    """One instance: a notice. Several of which some were refused, or a browser without scripts: a result for each."""
    done = len(targets) == 1 or not any(target.failed for target in targets)
    if details(request) and done:
        return _notice(dialog.action, targets)
    context = {"action": dialog.action, "targets": targets, "results": True}
    template = "instances/dialogs/results.html" if details(request) else "instances/action.html"
    return render(request, template, context)


def _notice(action: Action, targets: list[Target]) -> HttpResponse:
    """One answer for one instance, or for several that all were accepted."""
    first = targets[0]
    if first.denial:
        return refused(first.denial)
    if first.problem or first.job is None:
        return toast(HttpResponse(status=409), first.problem, tone="bad")
    if len(targets) > 1:
        text = ngettext("%(n)s request accepted", "%(n)s requests accepted", len(targets)) % {"n": len(targets)}
        return accepted(f"{action.label}: {text}", reverse("job-list"), _("Open jobs"))
    return job_accepted(_("Accepted: %(job)s") % {"job": first.job}, first.job)
