"""이미지 업로드 and URL에서 가져오기: two ways to bring an image, one page each."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts import quotas
from cloudia.accounts.models import Project
from cloudia.core.errors import InputError
from cloudia.core.policy import ActionDenied
from cloudia.ui.requests import actor_of, project_of
from storage import policies
from storage.enums import ImageStatus
from storage.forms import SYSTEMS, FetchForm, NewImageForm
from storage.models import Image, Upload
from storage.services import images as services


@login_required
@require_safe
def image_upload(request: HttpRequest) -> HttpResponse:
    """Choose a file; the page's script brings it piece by piece. ``?image=`` goes on with one that was begun."""
    actor, project = actor_of(request), project_of(request)
    if project is None:
        return render(request, "no_project.html")
    form = NewImageForm(is_operator=actor.is_operator)
    unfinished = _unfinished(request, project)
    wanted = next((upload for upload in unfinished if str(upload.image_id) == request.GET.get("image")), None)
    context = {"form": form, "unfinished": unfinished, "wanted": wanted, "endpoint": reverse("api:upload-list")}
    return _page(request, "storage/images/upload.html", project, context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def image_fetch(request: HttpRequest) -> HttpResponse:
    """Ask for an address, and let a job fetch what is there."""
    actor, project = actor_of(request), project_of(request)
    if project is None:
        return render(request, "no_project.html")
    form = FetchForm(request.POST if request.method == "POST" else None, is_operator=actor.is_operator)
    if request.method == "POST" and form.is_valid():
        try:
            job = services.image_fetch(actor=actor, **_wish(form, project))
        except InputError as error:
            for path, problems in error.fields.items():
                form.add_error(path if path in form.fields else None, [str(problem.detail) for problem in problems])
        except ActionDenied as error:
            form.add_error(None, str(error.denial.message))
        else:
            messages.success(request, _("Accepted: %(job)s") % {"job": job})
            return redirect("image-detail", job.target_id)
    return _page(request, "storage/images/fetch.html", project, {"form": form}, status=422 if form.errors else 200)


def _wish(form: FetchForm, project: Project) -> dict[str, Any]:
    given = {name: value for name, value in form.cleaned_data.items() if name != "public"}
    return {**given, "project": form.project_of(project)}


def _page(
    request: HttpRequest, template: str, project: Project, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    denial = policies.IMPORT.denial(Image(project=project), actor_of(request))
    shared = {"denial": denial, "level": quotas.level(project, "images"), "project": project, "systems": SYSTEMS}
    return render(request, template, shared | context, status=status)


def _unfinished(request: HttpRequest, project: Project) -> list[Upload]:
    """Uploads of the project that were begun and not finished, newest first; operators also see public images'."""
    images = Image.objects.visible_to(actor_of(request)).offered_in(project).filter(status=ImageStatus.UPLOADING)
    return list(Upload.objects.filter(image__in=images).select_related("image").order_by("-image__created_at"))
