"""인스턴스 편집: the page, and the plan beside its form."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from cloudia.accounts.actor import Actor
from cloudia.core.errors import InputError, NoCapacity
from cloudia.core.policy import ActionDenied, Kind, Text, verdicts
from cloudia.jobs.models import Job
from cloudia.jobs.views import started
from cloudia.ui.requests import actor_of
from instances import disk_policies, policies, quotas
from instances.disk_forms import wished_gib
from instances.edit_forms import EditForm, LiveEditForm, form_for
from instances.edit_locks import locked_settings
from instances.edit_plan import plan
from instances.edit_seen import Meanwhile, changed_since, seen_of
from instances.edit_services import instance_edit as edit
from instances.edits import Change, EditWish, compute_of
from instances.models import Instance
from instances.selectors import instances_visible_to

BUTTONS = ("show", "add", "remove")  # they change or judge the form; everything else saves it
FIRST = {"interfaces": "subnet", "new_volumes": "name", "filesystems": "filesystem"}  # fields, by list


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def instance_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The form; sent with one of its buttons it comes back as it stands, else it is saved."""
    actor = actor_of(request)
    instance = _instance(actor, pk)
    denial = policies.EDIT.denial(instance, actor)
    if denial and (request.method != "POST" or denial.kind == Kind.FORBIDDEN):
        messages.error(request, str(denial.message))
        return redirect("instance-detail", pk)
    form = form_for(instance, actor, request.POST if request.method == "POST" else None)
    if not form.is_bound:
        return _page(request, form)
    valid, wish = form.is_valid(), form.wish()
    if denial:
        return _page(request, form, wish, problem=denial.message)
    seen = request.POST.get("seen")
    since = [] if seen is None else changed_since(seen, instance)
    if any(button in request.POST for button in BUTTONS):
        return _unfinished(request, form, wish, since)
    if since or not valid:
        return _page(request, form, wish, since=since)
    return _save(request, form, wish)


@login_required
@require_POST
def instance_edit_plan(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What the form as it stands would change; fetched again while it is filled in."""
    actor = actor_of(request)
    form = form_for(_instance(actor, pk), actor, request.POST)
    form.is_valid()
    return render(request, "instances/edit/_plan.html", _plan(form, form.wish()))


def _instance(actor: Actor, pk: UUID) -> Instance:
    rows = instances_visible_to(actor).select_related(
        "image__storage_domain", "instance_type", "affinity_group", "guest"
    )
    instance: Instance = get_object_or_404(rows, pk=pk)
    return instance


def _save(request: HttpRequest, form: EditForm, wish: EditWish) -> HttpResponse:
    try:
        job = edit(actor=form.actor, instance=form.instance, wish=wish)
    except InputError as error:
        form.take(error)
        return _page(request, form, wish)
    except (NoCapacity, ActionDenied) as error:
        return _page(request, form, wish, problem=str(error))
    messages.success(request, _done(job))
    return redirect("instance-detail", form.instance.pk)


def _done(job: Job | None) -> str:
    return str(started(job).text) if job else _("Saved.")


def _unfinished(request: HttpRequest, form: EditForm, wish: EditWish, since: list[Meanwhile]) -> HttpResponse:
    """The form after one of its buttons. Only who asks for the plan wants to hear what is wrong."""
    context = _context(form, wish) | {"since": since}
    if "show" in request.POST:
        context["problems"] = list(form.problems())
    else:
        form.hush()
        context |= _focus(request, form)
    return render(request, "instances/edit.html", context)


def _focus(request: HttpRequest, form: EditForm) -> dict[str, Any]:
    """The reader goes on where a row was added, or at the button that adds one where one was removed."""
    added = request.POST.get("add", "")
    if added in FIRST and (rows := getattr(form, added).forms):
        rows[-1].fields[FIRST[added]].widget.attrs["autofocus"] = True
    return {"removed": request.POST.get("remove", "").partition(".")[0]}


def _page(
    request: HttpRequest,
    form: EditForm,
    wish: EditWish | None = None,
    problem: Text = "",
    since: list[Meanwhile] | None = None,
) -> HttpResponse:
    context = _context(form, wish) | {"problem": problem, "since": since, "problems": list(form.problems())}
    return render(request, "instances/edit.html", context, status=422 if form.is_bound else 200)


def _context(form: EditForm, wish: EditWish | None) -> dict[str, Any]:
    instance, actor = form.instance, form.actor
    add = [policies.ADD_INTERFACE, disk_policies.ADD_DISK]
    return {
        "form": form,
        "live": isinstance(form, LiveEditForm),
        "compute": compute_of(instance) if wish is None or wish.compute is None else wish.compute,
        "seen": seen_of(instance),
        "locked": locked_settings(instance, actor),
        "verdicts": verdicts(add, instance, actor),
        **_plan(form, wish),
    }


def _plan(form: EditForm, wish: EditWish | None) -> dict[str, Any]:
    """What would change, and what of the project's quotas that takes."""
    instance = form.instance
    changes: list[Change] = plan(instance, wish, form.actor) if wish else []
    compute = wish.compute if wish else None
    vcpus = compute.vcpus - instance.vcpus if compute else 0
    memory_mib = compute.memory_mib - instance.memory_mib if compute else 0
    gpus = compute.gpu - instance.gpu if compute else 0
    disks_gib = [wished_gib(row) for row in form.new_volumes]
    return {
        "instance": instance,
        "live": isinstance(form, LiveEditForm),
        "changes": changes,
        "quotas": quotas.growth(instance.project, vcpus, memory_mib, gpus, disks_gib),
    }
