"""One view, whole page or fragment; and what a page is told beside its content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.http import trigger_client_event
from django_htmx.middleware import HtmxDetails

from cloudia.core.policy import Denial, Kind, Text
from cloudia.ui.links import holder_link

STATUS = {Kind.FORBIDDEN: 403, Kind.CONFLICT: 409, Kind.UNAVAILABLE: 503}


def details(request: HttpRequest) -> HtmxDetails:
    """django-htmx's view of the request."""
    return request.htmx  # type: ignore[attr-defined, no-any-return]  # set by HtmxMiddleware


def render_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    partials: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The whole page, or for htmx the partial template of the element that is to be replaced.

    ``partials`` maps the id of the target to its template: ``{"instances": "instances/_list.html"}``. When the browser
    goes back to an address it no longer has, it asks for the whole page.
    """
    htmx = details(request)
    partial = None if htmx.history_restore_request else (partials or {}).get(htmx.target or "")
    response = render(request, partial or template, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def toast(
    response: HttpResponse,
    text: Text,
    *,
    detail: Text = "",
    href: str = "",
    link: Text = "",
    tone: str = "ok",
    live: str = "",
    refresh: str = "",
) -> HttpResponse:
    """Show a notice with this response; ``tone`` is ``ok``, ``busy`` or ``bad`` (stays until closed).

    ``live`` (a topic) and ``refresh`` (the address of a ``components/toast.html`` fragment) keep it up to date.
    """
    params = {"text": text, "detail": detail, "href": href, "link": link, "tone": tone, "live": live}
    params["refresh"] = refresh
    return trigger_client_event(response, "toast", {key: str(value) for key, value in params.items() if value})


def accepted(text: Text, href: str, link: Text, *, live: str = "", refresh: str = "") -> HttpResponse:
    """The answer to a dialog whose work goes on: closes it, and a notice links to the job at ``href``."""
    response = trigger_client_event(HttpResponse(status=204), "dialog:close", {})
    return toast(response, text, href=href, link=link, tone="busy", live=live, refresh=refresh)


def refused(denial: Denial) -> HttpResponse:
    """The answer to a dialog whose action is not possible now: closes it and says why."""
    response = trigger_client_event(HttpResponse(status=STATUS[denial.kind]), "dialog:close", {})
    link = holder_link(denial.holder)
    return toast(response, denial.message, href=link.href if link else "", link=link.text if link else "", tone="bad")
