"""물리 머신: what operators see of the hosts, and putting them into maintenance and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import format_lazy
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import trigger_client_event

from cloudia.accounts.actor import Actor
from cloudia.core.policy import ActionDenied, Text, Verdict, verdicts
from cloudia.hosts import policies, services
from cloudia.hosts.enums import HostState
from cloudia.hosts.filtersets import HostFilter
from cloudia.hosts.models import Host
from cloudia.hosts.selectors import HostOverview, hosts_overview
from cloudia.ui.htmx import details, refused, render_page, toast
from cloudia.ui.requests import actor_of

Service: TypeAlias = Callable[..., Host]
SERVICES: dict[str, Service] = {"maintenance": services.host_maintenance, "activate": services.host_activate}


@dataclass(frozen=True, slots=True)
class Shown:
    """A host's state as the ``state`` tag wants it."""

    label: Text
    icon: str
    tone: str
    note: Text = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A host as its page shows it."""

    overview: HostOverview
    state: Shown
    verdict: Verdict

    @property
    def host(self) -> Host:
        """The host itself."""
        return self.overview.host


@login_required
@require_safe
def host_list(request: HttpRequest) -> HttpResponse:
    """Every host, for operators; nobody else may know of them (404)."""
    actor = _operator(request)
    wanted = set(HostFilter(request.GET, queryset=Host.objects.all()).qs.values_list("pk", flat=True))
    everything = hosts_overview()
    rows = [row_of(overview, actor) for overview in everything if overview.host.pk in wanted]
    context = {"rows": rows, "total": len(everything), "silent": [row for row in rows if not row.host.reachable]}
    return render_page(request, "hosts/list.html", context, partials={"hosts": "hosts/_hosts.html"})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def host_action(request: HttpRequest, pk: UUID, name: str) -> HttpResponse:
    """Ask (GET) or do (POST): maintenance, activate."""
    actor = _operator(request)
    host = get_object_or_404(Host, pk=pk)
    verdict = verdicts(policies.ACTIONS, host, actor).get(name)
    if verdict is None:
        raise Http404
    if request.method != "POST":
        context = {"host": host, "action": verdict.action, "denial": verdict.denial}
        return render(request, "hosts/ask.html", context)
    try:
        row = SERVICES[name](actor=actor, host=host)
    except ActionDenied as error:
        return refused(error.denial)
    if not details(request):
        return redirect("host-list")
    response = trigger_client_event(HttpResponse(status=204), "dialog:close", {})
    return toast(response, f"{row.name}: {row.state_label}")


def row_of(overview: HostOverview, actor: Actor) -> Row:
    """The row of one host; its one button leads to the other state."""
    action = policies.ACTIVATE if overview.host.state == HostState.MAINTENANCE else policies.MAINTENANCE
    return Row(overview, _shown(overview.host), Verdict(action, action.denial(overview.host, actor)))


def _shown(host: Host) -> Shown:
    if not host.reachable:
        return Shown(_("Unknown"), "plug-connected-x", "warn", _ago(host))
    if host.state == HostState.MAINTENANCE:
        return Shown(host.state_label, "tool", "warn")
    return Shown(_("Normal"), "circle-check", "ok")


def _ago(host: Host) -> Text:
    if host.unseen_for is None:
        return gettext("never seen")
    seconds = int(host.unseen_for.total_seconds())
    return format_lazy(ngettext("{n} second ago", "{n} seconds ago", seconds), n=seconds)


def _operator(request: HttpRequest) -> Actor:
    actor = actor_of(request)
    if not actor.is_operator:
        raise Http404
    return actor
