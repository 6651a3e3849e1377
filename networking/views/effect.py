"""Whether networks are in effect: the notice above each page about them."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@login_required
@require_safe
def network_effect(request: HttpRequest) -> HttpResponse:
    """The notice as it is now."""
    return render(request, "networking/_effect.html")
