"""A small site of its own: one page with every component, a list with a toolbar, dialogs and tabs."""

from __future__ import annotations

import datetime as dt
import json
import queue
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import include, path

from cloudia.core.policy import Action, Denial, Holder, Verdict
from cloudia.ui import htmx
from cloudia.ui.listing import Listing
from cloudia.ui.toolbar import ListAction, row_url

MOMENT = dt.datetime(2026, 8, 19, 5, 40, 12, tzinfo=dt.UTC)
STOP = Action("stop", "종료", "operate", icon="player-stop")
START = Action("start", "실행", "operate", icon="player-play")
EDIT = Action("edit", "편집", "manage", icon="pencil")
DELETE = Action("delete", "삭제", "manage", icon="trash", destructive=True)
BUSY = Denial("busy", "라이브 마이그레이션 작업이 진행 중입니다.", holder=Holder("thing", "7", "web-asg"))


@dataclass
class State:
    """What ``{% state %}`` shows."""

    label: str
    icon: str
    tone: str
    progress: int | None = None
    note: str = ""


RUNNING = State("실행 중", "player-play", "ok")
CREATING = State("생성 중", "loader-2", "busy", progress=45)
UNKNOWN = State("확인 불가", "plug-connected-x", "warn", note="32초 전")


@dataclass
class Thing:
    """Something with a page."""

    name: str
    state: State = field(default_factory=lambda: RUNNING)
    denial: Denial | None = None
    pk: uuid.UUID = field(default_factory=uuid.uuid4)

    def __str__(self) -> str:
        return self.name

    @property
    def display_state(self) -> State:
        """For ``{% state %}``."""
        return self.state

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """For ``data-actions``."""
        return {action.name: Verdict(action, self.denial) for action in (START, STOP, EDIT, DELETE)}


THINGS = [Thing("web-prod-01"), Thing("redis-session-02", CREATING, BUSY), Thing("legacy-erp", UNKNOWN)]


class ThingForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="이름", help_text="프로젝트 안에서 고유하게 정하세요.")
    address = forms.GenericIPAddressField(label="IP 주소")
    domain = forms.ChoiceField(label="도메인", choices=[("a", "ssd-01")], required=False)
    keep = forms.BooleanField(label="데이터 디스크 유지", required=False)
    note = forms.CharField(label="설명", widget=forms.Textarea(attrs={"rows": 2}), required=False)


def context() -> dict[str, Any]:
    """For the page and its rows."""
    page = Paginator(range(128), 50).get_page(1)
    return {
        "rows": THINGS,
        "listing": Listing(page, "-name"),  # numbers are enough for a foot
        "states": [
            RUNNING,
            CREATING,
            UNKNOWN,
            State("오류", "alert-circle", "bad"),
            State("정지됨", "player-stop", "idle"),
        ],
        "verdicts": {"start": Verdict(START, None), "stop": Verdict(STOP, BUSY), "delete": Verdict(DELETE, None)},
        "items": [
            ListAction(START, row_url("thing-dialog"), bulk_url="/bulk/"),
            ListAction(STOP, row_url("thing-dialog"), bulk_url="/bulk/"),
            ListAction(EDIT, row_url("thing-dialog"), one_only="하나만 선택하세요.", page=True, group=1),
            ListAction(DELETE, row_url("thing-dialog"), one_only="하나만 선택하세요.", group=2),
        ],
        "moment": MOMENT,
        "form": ThingForm({"name": "api", "address": "10.20.1.300"}),
        "thing": THINGS[0],
    }


@login_required
def page(request: HttpRequest) -> HttpResponse:
    """Everything, or the rows alone."""
    return htmx.render_page(request, "ui_test/page.html", context(), partials={"rows": "ui_test/rows.html"})


def row(request: HttpRequest, name: str) -> HttpResponse:
    """One row."""
    found = next((thing for thing in THINGS if thing.name == name), None)
    if found is None:
        raise Http404
    return render(request, "ui_test/row.html", {"row": found})


@login_required
def dialog(request: HttpRequest, pk: uuid.UUID | None = None) -> HttpResponse:
    """A dialog that wants the name."""
    return render(request, "ui_test/dialog.html", {"thing": THINGS[0]})


def act(request: HttpRequest) -> HttpResponse:
    """What a dialog sends."""
    return htmx.accepted("삭제 요청을 접수했습니다", "/jobs/1/", "작업 보기")


def tab(request: HttpRequest, pk: uuid.UUID, words: str) -> HttpResponse:
    """A tab's fragment."""
    return HttpResponse(f"<p class='p-3 mb-0'>{words}</p>")


def forbidden(request: HttpRequest) -> HttpResponse:
    """Not for anybody."""
    raise PermissionDenied


def broken_page(request: HttpRequest) -> HttpResponse:
    """A bug."""
    raise RuntimeError("a bug")


class Channel:
    """The live channel as one test wants it: what it puts on ``topics``, or nothing at all while ``down`` is set."""

    def __init__(self) -> None:
        self.topics: queue.Queue[str] = queue.Queue()
        self.down = threading.Event()
        self.before_ready: Callable[[], None] = lambda: None

    def events(self) -> Iterator[str]:
        """Until the channel goes down."""
        yield "retry: 200\n\n"
        self.before_ready()
        yield "event: ready\ndata: {}\n\n"
        while not self.down.is_set():
            with suppress(queue.Empty):
                yield f"data: {json.dumps({'topics': [self.topics.get(timeout=0.1)]})}\n\n"


channel = Channel()  # every test has its own, so that a stream of the last one takes nothing from it


def stream(request: HttpRequest) -> StreamingHttpResponse | HttpResponse:
    """``/live/``."""
    if channel.down.is_set():
        return HttpResponse(status=503)
    headers = {"Content-Encoding": "identity"}  # else the compression holds events back
    return StreamingHttpResponse(channel.events(), content_type="text/event-stream", headers=headers)


urlpatterns = [
    path("live/", stream),
    path("page/", page, name="thing-list"),
    path("rows/", page),
    path("row/<name>/", row),
    path("dialog/", dialog),
    path("bulk/", dialog),
    path("things/<uuid:pk>/", dialog, name="thing-dialog"),
    path("things/<uuid:pk>/one/", tab, {"words": "첫째"}, name="thing-one"),
    path("things/<uuid:pk>/two/", tab, {"words": "둘째"}, name="thing-two"),
    path("act/", act),
    path("forbidden/", forbidden),
    path("broken/", broken_page),
    path("", include("cloudia.urls")),
]
