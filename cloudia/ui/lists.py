"""Lists of what a project has: all of one shape, as the address filters, sorts and pages them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import Project
from cloudia.core.policy import Action, Text, Verdict
from cloudia.ui.dialogs import toolbar
from cloudia.ui.filters import is_filtered
from cloudia.ui.htmx import render_page
from cloudia.ui.listing import listing
from cloudia.ui.requests import actor_of, project_of
from cloudia.ui.scope import everywhere, scope_selects

NEWEST = ("-created_at", _("Newest first"))


def nothing_more(rows: Iterable[Any]) -> None:
    """What most lists ask about their rows beyond the rows themselves."""


def of_project(rows: Any, project: Project) -> Any:
    """What belongs to the current project: what most lists show."""
    return rows.filter(project=project)


@dataclass(frozen=True, slots=True)
class ListPage:
    """What the lists differ in. ``prefix`` begins the names of addresses (``vpc-edit``), ``target`` is the id of the
    results, ``folder`` has their templates; ``sortings`` are offered on a phone, the first is the usual one."""

    prefix: str
    target: str
    folder: str
    filters: Any  # a filter set; django-filter ships no types
    sorts: Mapping[str, str]
    sortings: Sequence[tuple[str, Text]]
    create: Action
    actions: Sequence[Action]
    one_only: Text
    narrowed_by: Sequence[str] = ("search",)
    within: Callable[[Any, Project], Any] = of_project
    fill: Callable[[Iterable[Any]], None] = nothing_more  # for all rows of a page at once

    def show(
        self,
        request: HttpRequest,
        visible: Callable[[Actor], Any],
        row_of: Callable[[Any, Actor], object],
        **more: Any,
    ) -> HttpResponse:
        """The page, or its results alone: what is ``visible`` of the current project, each row made by ``row_of``.

        Operators may ask for every project's (:mod:`cloudia.ui.scope`); ``selects`` are further filters to offer.
        """
        actor, project = actor_of(request), project_of(request)
        if project is None:
            return render(request, "no_project.html")
        rows = visible(actor) if everywhere(request) else self.within(visible(actor), project)
        rows = self.filters(request.GET, queryset=rows).qs
        found = listing(request, rows, sorts=self.sorts, default=self.sortings[0][0])
        self.fill(found.page.object_list)
        context = {
            "listing": found,
            "rows": [row_of(row, actor) for row in found.page],
            "filtered": is_filtered(request.GET, [*self.narrowed_by, "scope"]),
            "everywhere": everywhere(request),
            "toolbar": toolbar(self.prefix, self.actions, self.one_only),
            "create": Verdict(self.create, self.create.denial(project, actor)),
            "sortings": self.sortings,
            **more,
            "selects": [*more.get("selects", ()), *scope_selects(request)],
        }
        partials = {self.target: f"{self.folder}/_results.html"}
        return render_page(request, f"{self.folder}/list.html", context, partials=partials)
