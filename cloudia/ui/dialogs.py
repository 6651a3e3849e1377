"""Dialogs that ask and dialogs that are filled in: one way to offer and to answer all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django_htmx.http import trigger_client_event

from cloudia.core.errors import InputError
from cloudia.core.policy import Action, ActionDenied, Denial, Text
from cloudia.ui.htmx import accepted, details, refused, toast
from cloudia.ui.links import Link, holder_link
from cloudia.ui.requests import actor_of
from cloudia.ui.toolbar import ListAction, row_url


@dataclass(frozen=True, slots=True)
class Started:
    """Work that goes on when its dialog is closed: the notice links to ``href`` and follows the topic ``live``."""

    text: Text
    href: str
    link: Text
    live: str
    refresh: str  # the address of the notice as it stands


Perform: TypeAlias = Callable[[], Text | Started]  # does it and says that it is done, or that it goes on


def toolbar(prefix: str, actions: Iterable[Action], one_only: Text) -> list[ListAction]:
    """The toolbar of a list whose actions have a dialog each, called ``<prefix>-<action>``, about one row."""
    return [
        ListAction(action, row_url(f"{prefix}-{action.name}"), one_only=one_only, group=int(action.destructive))
        for action in actions
    ]


def asked(
    request: HttpRequest,
    row: Any,
    action: Action,
    perform: Perform,
    *,
    icon: str,
    back: str,
    gone: str = "",
    template: str = "components/ask.html",
    typed: bool = False,
) -> HttpResponse:
    """Ask whether ``action`` shall be done to ``row`` (GET), or do it (POST).

    ``back`` is where a browser without scripts goes on; ``gone`` where everybody goes, because their page is no more.
    ``typed``: only after the row's name was typed, for which the ``template`` has a field.
    """
    confirmed = not typed or request.POST.get("confirm_name", "").strip() == str(row).strip()
    if request.method == "POST" and confirmed:
        return _done(request, perform, gone or back)
    denial = action.denial(row, actor_of(request))
    context = {"row": row, "action": action, "icon": icon, "denial": denial, "link": _link(denial)}
    return _show(request, template, context)


def formed(
    request: HttpRequest,
    form: Any,
    perform: Perform,
    template: str,
    context: Mapping[str, Any],
    *,
    back: str,
    partials: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Show a form, or do what a valid one says; what the service finds wrong is shown at its field."""
    context = {**context, "form": form, "link": _link(context.get("denial"))}
    if form.is_bound and form.is_valid():
        try:
            return _done(request, perform, back)
        except InputError as error:
            for path, problems in error.fields.items():
                form.add_error(path if path in form.fields else None, [str(problem.detail) for problem in problems])
    partial = (partials or {}).get(details(request).target or "")
    return _show(request, partial or template, context, status=422 if form.errors else 200)


def _link(denial: Denial | None) -> Link | None:
    return holder_link(denial.holder) if denial else None


def _show(request: HttpRequest, template: str, context: Mapping[str, Any], status: int = 200) -> HttpResponse:
    """The dialog, or a page with it for browsers without scripts."""
    wrapped = template if details(request) else "components/dialog_page.html"
    response = render(request, wrapped, {**context, "dialog_template": template}, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _done(request: HttpRequest, perform: Perform, back: str) -> HttpResponse:
    """Do it: the dialog closes and a notice says so, or why not."""
    try:
        done = perform()
    except ActionDenied as error:
        if details(request):
            return refused(error.denial)
        messages.error(request, str(error.denial.message))
        return redirect(back)
    if details(request):
        return notice(done)
    messages.success(request, str(done.text if isinstance(done, Started) else done))
    return redirect(back)


def notice(done: Text | Started) -> HttpResponse:
    """The answer that closes the dialog and says so."""
    if isinstance(done, Started):
        return accepted(done.text, done.href, done.link, live=done.live, refresh=done.refresh)
    return toast(trigger_client_event(HttpResponse(status=204), "dialog:close", {}), done)
