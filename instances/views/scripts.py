"""사용자 스크립트 of an instance: the tab."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from cloudia.ui.requests import actor_of
from instances.selectors import instances_visible_to


@login_required
@require_safe
def instance_scripts(request: HttpRequest, pk: UUID) -> HttpResponse:
    """사용자 스크립트: what the guest ran when it first started, in order. They never change."""
    instance = get_object_or_404(instances_visible_to(actor_of(request)), pk=pk)
    return render(request, "instances/tabs/scripts.html", {"scripts": instance.scripts.all()})
