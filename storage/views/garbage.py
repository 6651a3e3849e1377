"""What is left over in a storage domain: the report, and deleting what an operator chose of it."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from cloudia.accounts.actor import Actor
from cloudia.core.errors import InputError
from cloudia.core.ids import is_uuid
from cloudia.core.policy import ActionDenied, Denial, verdicts
from cloudia.jobs.views import started
from cloudia.ui.dialogs import Started, asked
from cloudia.ui.htmx import render_page
from cloudia.ui.requests import actor_of
from storage import policies
from storage.enums import StrayKind
from storage.models import StorageDomain
from storage.services import domains as services


@login_required
@require_safe
def domain_garbage(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Files without rows, rows without files, and files that are not ours."""
    actor, domain = _operator(request), _found(pk)
    strays = list(domain.strays.all())
    groups = [(kind, [stray for stray in strays if stray.kind == kind]) for kind in StrayKind]
    context = {
        "domain": domain,
        "groups": [(kind, rows) for kind, rows in groups if rows],
        "deletable": any(stray.is_deletable for stray in strays),
        "verdicts": verdicts([policies.SCAN, policies.CLEAN], domain, actor),
    }
    partials = {"garbage": "storage/domains/_garbage.html"}
    return render_page(request, "storage/domains/garbage.html", context, partials=partials)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def domain_scan(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask, and compare files with rows again."""
    actor, domain = _operator(request), _found(pk)

    def perform() -> Started:
        return started(services.storage_domain_scan(actor=actor, domain=domain))

    template = "storage/domains/scan.html"
    return asked(request, domain, policies.SCAN, perform, icon="stack-2", back=_page(pk), template=template)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def domain_clean(request: HttpRequest, pk: UUID) -> HttpResponse:
    """List the chosen files once more, and delete them."""
    actor, domain = _operator(request), _found(pk)
    ids = (request.POST if request.method == "POST" else request.GET).getlist("files")
    chosen = list(domain.strays.filter(pk__in=filter(is_uuid, ids)))
    domain.chosen = chosen  # type: ignore[attr-defined]  # for the dialog

    def perform() -> Started:
        try:
            return started(services.storage_domain_clean(actor=actor, domain=domain, files=chosen))
        except InputError as error:
            details = " ".join(str(fault.detail) for faults in error.fields.values() for fault in faults)
            raise ActionDenied(Denial("invalid", details)) from None

    template = "storage/domains/clean.html"
    return asked(request, domain, policies.CLEAN, perform, icon="stack-2", back=_page(pk), template=template)


def _found(pk: UUID) -> StorageDomain:
    return get_object_or_404(StorageDomain.objects.for_display(), pk=pk)


def _operator(request: HttpRequest) -> Actor:
    """These pages do not exist for others."""
    actor = actor_of(request)
    if not actor.is_operator:
        raise Http404
    return actor


def _page(pk: UUID) -> str:
    return reverse("storagedomain-garbage", args=[pk])
