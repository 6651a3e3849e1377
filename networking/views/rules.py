"""One security group: its rules, edited in place and saved together, and what uses it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cloudia.core.errors import InputError
from cloudia.core.policy import ActionDenied, Verdict, verdicts
from cloudia.ui.links import holder_url
from cloudia.ui.requests import actor_of
from networking import policies
from networking.enums import Direction, Protocol
from networking.group_forms import KINDS, PRESETS, RuleEditor, RuleRow
from networking.models import NetworkInterface, SecurityGroup
from networking.services.groups import group_set_rules
from networking.trace_forms import TraceForm, interfaces_of

SHOWN = 50  # interfaces beneath the rules; the instances' pages have the others
COMMON = ("0.0.0.0/0", "::/0", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")  # RFC 1918, and everyone


@login_required
@require_safe
def group_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The page. ``?add=in&protocol=tcp&ports=80&value=…`` begins with one more row that is not saved."""
    group = _visible(request, pk)
    editor = RuleEditor.of(group)
    way = request.GET.get("add", "")
    if way in Direction.values:
        names = ("protocol", "ports", "kind", "value", "description")
        editor.rows.append(RuleRow(way, **{name: request.GET[name] for name in names if name in request.GET}))
    return _page(request, editor)


@login_required
@require_POST
def group_rules(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Save all rules; or, without scripts, the page with a row more (``add=in:ssh``) or less (``remove=in:3``)."""
    group = _visible(request, pk)
    editor = RuleEditor.typed(group, request.POST)
    if "add" in request.POST or "remove" in request.POST:
        return _page(request, _with_change(editor, request))
    wishes = editor.wishes()
    if wishes is None:
        return _page(request, editor, status=422)
    problem: Any = None
    with transaction.atomic():
        SecurityGroup.objects.select_for_update().filter(pk=pk).first()  # nobody changes it between looking and saving
        added, removed = editor.changed_since()
        if added or removed:
            editor.rebase()
            return _page(request, editor, status=409, overtaken={"added": added, "removed": removed})
        try:
            group_set_rules(actor=actor_of(request), group=group, rules=wishes)
        except InputError as error:
            editor.take(error)
        except ActionDenied as error:
            problem = error.denial
    if problem or editor.problems:
        return _page(request, editor, status=409, problem=problem)
    messages.success(request, _("Saved."))
    return redirect("group-detail", pk)


@login_required
@require_POST
def group_warnings(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What the rules as they are typed would open to everyone; fetched again while they are."""
    editor = RuleEditor.typed(_visible(request, pk), request.POST)
    return render(request, "networking/groups/_warnings.html", {"editor": editor, "group": editor.group})


@login_required
@require_safe
def group_news(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Beside an open editor: whether somebody has changed the group meanwhile (``?at=`` says since when)."""
    group = _visible(request, pk)
    return render(request, "networking/groups/_news.html", {"group": group, "at": request.GET.get("at", "")})


@login_required
@require_safe
def group_users(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The interfaces that have it."""
    return render(request, "networking/groups/_users.html", _users(_visible(request, pk)))


def _visible(request: HttpRequest, pk: UUID) -> SecurityGroup:
    rows = SecurityGroup.objects.visible_to(actor_of(request)).for_display()
    return get_object_or_404(rows, pk=pk)


def _with_change(editor: RuleEditor, request: HttpRequest) -> RuleEditor:
    way, _colon, key = request.POST.get("add", "").partition(":")
    editor.add(way, key)
    way, _colon, number = request.POST.get("remove", "").partition(":")
    if number.isdecimal():
        editor.remove(way, int(number[:9]))
    return editor


def _page(request: HttpRequest, editor: RuleEditor, status: int = 200, **more: Any) -> HttpResponse:
    actor, group = actor_of(request), editor.group
    rows = interfaces_of(actor, group.project)
    first = rows.filter(security_groups=group).first()
    context = {
        "group": group,
        "editor": editor,
        "verdicts": verdicts(policies.GROUP_ACTIONS, group, actor),
        "save": Verdict(policies.EDIT_GROUP, policies.EDIT_GROUP.denial(group, actor)),
        "presets": PRESETS,
        "kinds": KINDS,
        "protocols": Protocol.choices,
        "blank": RuleRow(""),
        "group_names": group.project.security_groups.values_list("name", flat=True),
        "networks": COMMON,
        "form": TraceForm(rows=rows, initial={"destination": first.pk if first else None}),
        **_users(group),
    }
    return render(request, "networking/groups/detail.html", context | more, status=status)


def _users(group: SecurityGroup) -> dict[str, Any]:
    rows = NetworkInterface.objects.filter(security_groups=group).select_related("subnet__vpc").order_by("owner_name")
    return {"group": group, "users": [(row, holder_url(row.owner)) for row in rows[:SHOWN]], "user_count": rows.count()}
