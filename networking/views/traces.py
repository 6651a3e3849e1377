"""왜 막혔나요?: a question about a packet, on a page of its own or beside a security group, and its answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.errors import InputError
from cloudia.core.policy import ActionDenied, Verdict
from cloudia.jobs.models import Job
from cloudia.ui.htmx import details, refused, render_page
from cloudia.ui.requests import actor_of, project_of
from networking import policies, verdicts
from networking.models import Trace
from networking.services.traces import trace_create
from networking.trace_forms import TraceForm, interfaces_of

SEARCH = "search"  # narrows the interfaces to choose from


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def trace_new(request: HttpRequest) -> HttpResponse:
    """Ask (POST), or what to ask with: the page, or for htmx its form narrowed by a search."""
    project = project_of(request)
    if project is None:
        return render(request, "no_project.html")
    form = trace_form(request, project)
    if request.method != "POST":
        return render_page(request, "networking/traces/page.html", {"form": form}, partials=PARTIALS)
    if form.is_valid():
        try:
            job = trace_create(actor=actor_of(request), **form.wish())
        except InputError as error:
            form.take(error)
        except ActionDenied as error:
            return refused(error.denial)
        else:
            return _asked(request, form, job)
    return render_page(request, "networking/traces/page.html", {"form": form}, partials=PARTIALS, status=422)


@login_required
@require_safe
def trace_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The answer with the form that asked; for a live update the answer alone."""
    actor = actor_of(request)
    trace = get_object_or_404(_visible(actor), pk=pk)
    form = TraceForm(rows=interfaces_of(actor, trace.project), initial=_question(trace))
    context = {"form": form, **_answer(trace, actor)}
    return render_page(request, "networking/traces/page.html", context, partials=PARTIALS)


PARTIALS = {"trace-panel": "networking/traces/_panel.html", "trace-result": "networking/traces/_result.html"}


def trace_form(request: HttpRequest, project: Project, **initial: Any) -> TraceForm:
    """The form as the request fills it in, or with what its page begins with."""
    data = request.POST if request.method == "POST" and "source" in request.POST else None
    rows = interfaces_of(actor_of(request), project)
    search = request.POST.get(SEARCH, "") if data else request.GET.get(SEARCH, "")
    given = {name: request.GET[name] for name in TraceForm.base_fields if name in request.GET}
    return TraceForm(data, rows=rows, search=search.replace("\0", ""), initial=initial | given)


def _asked(request: HttpRequest, form: TraceForm, job: Job) -> HttpResponse:
    if not details(request):
        return redirect("trace-detail", job.target_id)
    actor = actor_of(request)
    trace = _visible(actor).get(pk=job.target_id)
    return render(request, "networking/traces/_panel.html", {"form": form, **_answer(trace, actor)})


def _visible(actor: Actor) -> Any:
    names = ("project", "source__subnet__vpc__external_network", "destination__subnet")
    return Trace.objects.visible_to(actor).select_related(*names)


def _question(trace: Trace) -> dict[str, Any]:
    """What was asked, as the form has it."""
    asked = {"source": trace.source_id, "protocol": trace.protocol, "port": trace.port}
    return {**asked, "destination": trace.destination_id, "address": "" if trace.destination_id else trace.address}


def _answer(trace: Trace, actor: Actor) -> dict[str, Any]:
    """The answer if there is one, else the job that gets it or has failed to."""
    job = Job.objects.about("trace", trace.pk).first()
    context: dict[str, Any] = {"trace": trace, "job": job, "pending": job is not None and job.is_active}
    if not trace.answer:
        return context
    found = verdicts.explain(trace)
    context |= {"found": found, "raw": trace.answer.get("text", "") if actor.is_operator else ""}
    if opening := found.opening:
        denial = policies.EDIT_GROUP.denial(opening.group, actor)
        page = reverse("group-detail", args=[opening.group.pk])
        href = f"{page}?{urlencode(opening.query)}#rules-{opening.query['add']}"
        context |= {"open_rule": Verdict(policies.EDIT_GROUP, denial), "open_href": href}
    return context
