"""Links, tabs, navigation, toolbars: what apps register and what a page gets."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import translation

from cloudia.core.policy import Action, Denial, Holder, Kind, Verdict
from cloudia.ui import htmx, icons, links, nav, tabs
from cloudia.ui.rows import actions_json
from cloudia.ui.toolbar import ListAction, row_url

STOP = Action("stop", "Stop", "operate")
OWNED = Denial("auto_scaled", "web-asg owns it.", Kind.CONFLICT, Holder("group", "g1", "web-asg"))
TEMPLATE_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}")
THING = SimpleNamespace(pk=uuid.UUID(int=7))
pytestmark = pytest.mark.urls("tests.integration.ui.site")


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """Sentences are compared."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def empty_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test registers its own."""
    monkeypatch.setattr(links, "_types", {})
    monkeypatch.setattr(tabs, "_pages", {})
    monkeypatch.setattr(nav, "_entries", [])


def actor(*, operator: bool = False, permissions: tuple[str, ...] = ()) -> Any:
    """Somebody with these rights."""
    return SimpleNamespace(is_operator=operator, may=lambda permission, obj: permission in permissions)


def request_of(who: Any, path: str = "/") -> HttpRequest:
    """A request of ``who``."""
    request = RequestFactory().get(path)
    request.actor = who  # type: ignore[attr-defined]  # as the middleware does
    return request


def test_what_stands_in_the_way_is_linked_by_its_type() -> None:
    links.register("group", lambda pk: f"/groups/{pk}/")
    assert links.holder_link(OWNED.holder) == links.Link("/groups/g1/", "Open web-asg")


@pytest.mark.parametrize("holder", [None, Holder("unheard-of", "1", "x")])
def test_what_has_no_page_has_no_link(holder: Holder | None) -> None:
    assert links.holder_link(holder) is None
    assert links.holder_url(holder) == ""


def test_a_resolver_may_say_that_there_is_no_page() -> None:
    links.register("group", lambda pk: "")
    assert links.holder_link(OWNED.holder) is None


def test_a_type_has_one_home() -> None:
    links.register("group", str)
    with pytest.raises(ValueError, match="group is registered already"):
        links.register("group", str)


def test_a_row_tells_the_toolbar_what_is_allowed_and_why_not() -> None:
    links.register("group", lambda pk: f"/groups/{pk}/")
    verdicts = {"start": Verdict(Action("start", "Start", "operate"), None), "stop": Verdict(STOP, OWNED)}
    assert json.loads(actions_json(verdicts)) == {
        "start": {"allowed": True},
        "stop": {"allowed": False, "reason": "web-asg owns it.", "href": "/groups/g1/", "link": "Open web-asg"},
    }


def test_a_toolbar_button_knows_what_to_do_with_several_rows() -> None:
    with pytest.raises(ValueError, match="stop: either bulk_url, or one_only"):
        ListAction(STOP, "/x/")


def test_a_row_url_has_a_stand_in_for_the_id() -> None:
    assert row_url("thing-dialog") == f"/things/{links.NIL_ID}/"


def test_tabs_come_in_order_and_the_first_is_open() -> None:
    tabs.register_tab("thing", tabs.TabSpec("two", "Two", "thing-two", order=2, count=lambda thing: 3))
    tabs.register_tab("thing", tabs.TabSpec("one", "One", "thing-one", order=1))
    shown = tabs.tabs_for("thing", THING, actor())
    assert [(tab.key, tab.count, tab.selected) for tab in shown] == [("one", None, True), ("two", 3, False)]
    assert shown[0].url == f"/things/{THING.pk}/one/"


@pytest.mark.parametrize(("wanted", "open_"), [("two", "two"), ("nonsense", "one"), ("", "one")])
def test_the_address_says_which_tab_is_open(wanted: str, open_: str) -> None:
    tabs.register_tab("thing", tabs.TabSpec("one", "One", "thing-one"))
    tabs.register_tab("thing", tabs.TabSpec("two", "Two", "thing-two"))
    assert [tab.key for tab in tabs.tabs_for("thing", THING, actor(), wanted) if tab.selected] == [open_]


def test_a_tab_with_a_permission_is_hidden_from_others() -> None:
    tabs.register_tab("thing", tabs.TabSpec("one", "One", "thing-one", permission="manage"))
    assert tabs.tabs_for("thing", THING, actor()) == []
    assert len(tabs.tabs_for("thing", THING, actor(permissions=("manage",)))) == 1


def test_a_page_without_tabs_has_none() -> None:
    assert tabs.tabs_for("nothing", THING, actor()) == []


def test_a_tab_is_registered_once() -> None:
    tabs.register_tab("thing", tabs.TabSpec("one", "One", "thing-one"))
    with pytest.raises(ValueError, match="thing has a tab one already"):
        tabs.register_tab("thing", tabs.TabSpec("one", "Uno", "thing-one"))


def test_the_navigation_is_sorted_by_section_and_order() -> None:
    nav.register_nav(nav.Section.OPERATIONS, "Jobs", "list-check", "thing-list", badge=lambda request: 6)
    nav.register_nav(nav.Section.COMPUTE, "Types", "cpu", "thing-list", order=20)
    nav.register_nav(nav.Section.COMPUTE, "Instances", "server-2", "thing-list", order=10)
    found = nav.sections_for(request_of(actor()))
    assert [[item.label for item in items] for items in found.values()] == [["Instances", "Types"], ["Jobs"]]
    assert found[nav.Section.OPERATIONS.value][0].badge == 6


def test_operators_pages_are_shown_to_operators_alone() -> None:
    nav.register_nav(nav.Section.OPERATIONS, "Hosts", "server", "thing-list", operator_only=True)
    assert nav.entries_for(request_of(actor())) == []
    assert len(nav.entries_for(request_of(actor(operator=True)))) == 1


def test_the_anonymous_see_no_navigation() -> None:
    nav.register_nav(nav.Section.COMPUTE, "Instances", "server-2", "thing-list")
    assert nav.sections_for(request_of(None)) == {}


@pytest.mark.parametrize(("path", "current"), [("/page/", True), ("/page/7/", True), ("/", False)])
def test_the_navigation_marks_where_one_is(path: str, current: bool) -> None:
    nav.register_nav(nav.Section.COMPUTE, "Instances", "server-2", "thing-list")
    [[item]] = nav.sections_for(request_of(actor(), path)).values()
    assert item.current is current


@pytest.mark.parametrize(("kind", "status"), [(Kind.FORBIDDEN, 403), (Kind.CONFLICT, 409), (Kind.UNAVAILABLE, 503)])
def test_a_refusal_closes_the_dialog_and_says_why(kind: Kind, status: int) -> None:
    links.register("group", lambda pk: f"/groups/{pk}/")
    response = htmx.refused(Denial("x", "Not now.", kind, OWNED.holder))
    assert response.status_code == status
    assert json.loads(response["HX-Trigger"]) == {
        "dialog:close": {},
        "toast": {"text": "Not now.", "tone": "bad", "href": "/groups/g1/", "link": "Open web-asg"},
    }


def test_accepted_work_closes_the_dialog_and_links_to_its_job() -> None:
    response = htmx.accepted("Accepted", "/jobs/1/", "Show the job", live="job:1", refresh="/jobs/1/toast/")
    assert response.status_code == 204
    assert json.loads(response["HX-Trigger"])["toast"] == {
        "text": "Accepted",
        "href": "/jobs/1/",
        "link": "Show the job",
        "tone": "busy",
        "live": "job:1",
        "refresh": "/jobs/1/toast/",
    }


def test_the_sprite_holds_exactly_the_declared_icons() -> None:
    sprite = (Path(settings.BASE_DIR) / "static" / icons.SPRITE).read_text()
    assert set(re.findall(r'<symbol id="([^"]+)"', sprite)) == icons.NAMES


def test_templates_have_no_inline_scripts_styles_or_handlers() -> None:
    """The content security policy would drop them without a word."""
    inline = re.compile(r"<style|<script(?![^>]*src=)|\sstyle=|\son[a-z]+=|hx-on|javascript:", re.IGNORECASE)
    found = {
        str(path.relative_to(settings.BASE_DIR)): inline.findall(TEMPLATE_TAG.sub("", path.read_text()))
        for path in (Path(settings.BASE_DIR) / "templates").rglob("*.html")
    }
    assert {name: hits for name, hits in found.items() if hits} == {}
