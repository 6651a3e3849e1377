"""The search in the top bar: apps register what can be found by name or id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from cloudia.accounts.actor import Actor
from cloudia.core.policy import Text
from cloudia.ui.requests import actor_of

AT_MOST = 20  # of each kind; a better word finds the rest
LONGEST = 128  # characters; as long as the longest name


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was found; if it has a ``display_state``, that is shown too."""

    obj: Any
    href: str
    sub: str = ""


Finder: TypeAlias = Callable[[Actor, str, int], Sequence[Found]]


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that can be found. ``find`` takes who asks, the words, and how many at most."""

    label: Text
    icon: str
    find: Finder


_kinds: list[Kind] = []


def register(kind: Kind) -> None:
    """Add something that can be found; called at start-up."""
    _kinds.append(kind)


@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """What ``?q=`` finds, by kind; the one thing it finds is opened at once."""
    words = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST]
    groups = [(kind, kind.find(actor_of(request), words, AT_MOST)) for kind in _kinds] if words else []
    everything = [found for _, some in groups for found in some]
    if len(everything) == 1:
        return redirect(everything[0].href)
    context = {"words": words, "groups": [group for group in groups if group[1]]}
    return render(request, "search.html", context)
