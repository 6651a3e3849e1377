"""인스턴스 생성."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from cloudia.accounts.models import Project
from cloudia.core.errors import InputError, NoCapacity
from cloudia.core.policy import ActionDenied
from cloudia.ui.requests import actor_of, project_of
from instances import policies, quotas, services
from instances.create_rows import ScriptForm
from instances.disk_forms import wished_gib
from instances.forms import CreateForm
from instances.request_body import body_of
from instances.selectors import room_for
from instances.template_forms import NOTHING, Prefill
from instances.views.templates import chosen_template
from instances.wishes import Compute
from storage.models import Image

SECTION_LABELS = {
    "basic": gettext_lazy("Basic information"),
    "compute": gettext_lazy("Compute specification"),
    "network": gettext_lazy("Network settings"),
    "storage": gettext_lazy("Storage"),
    "guest": gettext_lazy("Cloud-init settings"),
}


@login_required
@sensitive_post_parameters("password", "password_again")
@require_http_methods(["GET", "HEAD", "POST"])
def instance_create(request: HttpRequest) -> HttpResponse:
    """The form; sent, it makes an instance and goes to its page."""
    actor, project = actor_of(request), project_of(request)
    if project is None:
        return render(request, "no_project.html")
    if denial := policies.CREATE.denial(project, actor):
        return render(request, "instances/create_denied.html", {"denial": denial}, status=403)
    template = chosen_template(request, project)
    prefill = Prefill.of(template) if template else NOTHING
    form = CreateForm(request.POST if request.method == "POST" else None, project=project, actor=actor, prefill=prefill)
    problem: Any = None
    if request.method == "POST" and form.is_valid():
        try:
            wish = replace(form.wish(), launch_template=template)
            job = services.instance_create(actor=actor, project=project, wish=wish)
        except InputError as error:
            form.take(error)
        except (NoCapacity, ActionDenied) as error:
            problem = error
        else:
            return redirect("instance-detail", job.target_id)
    return _form_page(request, form, project, problem, {"template": template, "lost": prefill.lost})


@login_required
@require_POST
def instance_summary(request: HttpRequest) -> HttpResponse:
    """What the form as it stands would make; fetched again while it is filled in."""
    project = project_of(request)
    if project is None:
        return HttpResponse(status=204)
    form = CreateForm(request.POST, project=project, actor=actor_of(request))
    body = _body(form) if form.is_valid() else ""
    return render(request, "instances/_summary.html", _summary(form) | {"refreshed": True, "body": body})


def _body(form: CreateForm) -> str:
    """The valid form as a program would send it."""
    return json.dumps(body_of(form.wish(), form.project), indent=2, ensure_ascii=False)


def _form_page(
    request: HttpRequest, form: CreateForm, project: Project, problem: Any, more: Mapping[str, Any]
) -> HttpResponse:
    sections = [
        {"key": key, "label": label, "failed": key in form.failed_sections} for key, label in SECTION_LABELS.items()
    ]
    context = {"project": project, "problem": problem, "sections": sections, **_summary(form), **_lists(form), **more}
    status = 422 if problem or context["problems"] else 200
    return render(request, "instances/create.html", context, status=status)


def _summary(form: CreateForm) -> dict[str, Any]:
    """What is known so far of what would be made, and how many hosts could take it."""
    data = form.known
    compute, image = form.compute(), data.get("image")
    boot_gib = (data.get("boot_disk_gib") or image.minimum_gib) if image else None
    disks_gib = [boot_gib or 0, *(wished_gib(row) for row in form.new_volumes)]
    return {
        "form": form,
        "quotas": quotas.requests(form.project, compute, disks_gib),
        "interfaces": form.interfaces,
        "image": image,
        "compute": compute,
        "boot_gib": boot_gib,
        "room": _room(form, image, compute) if image and compute else None,
    }


def _lists(form: CreateForm) -> dict[str, Any]:
    """The rows of the page, and what is wrong in all of it; the summary has none of these."""
    return {
        "problems": list(form.problems()),
        "volumes": form.volume_choices(),
        "new_volumes": form.new_volumes,
        "filesystems": form.filesystems,
        "scripts": form.scripts,
        "script": ScriptForm(),
    }


def _room(form: CreateForm, image: Image, compute: Compute) -> dict[str, Any]:
    """How many hosts could take it, and what keeps the others from it."""
    limits = room_for(image, compute, form.known.get("affinity_group"), form.filesystems.known())
    reasons = [(host, reason) for host, reason in limits.items() if reason is not None]
    return {"fitting": len(limits) - len(reasons), "reasons": reasons}
