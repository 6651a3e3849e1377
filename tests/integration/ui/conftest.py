"""The site of components, somebody who looks at it, and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from cloudia.accounts.models import User
from cloudia.ui import links, nav, tabs
from tests.browser import chromium, reach
from tests.factories import UserFactory
from tests.integration.ui import site


@pytest.fixture
def component_site(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serves ``tests.integration.ui.site`` with its own navigation and tabs."""
    settings.ROOT_URLCONF = "tests.integration.ui.site"
    engine: dict[str, Any] = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**engine, "DIRS": [*engine["DIRS"], Path(__file__).parent / "templates"]}]
    monkeypatch.setattr(links, "_types", {})
    monkeypatch.setattr(tabs, "_pages", {})
    monkeypatch.setattr(nav, "_entries", [])
    links.register("thing", lambda pk: f"/things/{pk}/")
    tabs.register_tab("thing", tabs.TabSpec("one", "첫째 탭", "thing-one", order=1, count=lambda thing: 2))
    tabs.register_tab("thing", tabs.TabSpec("two", "둘째 탭", "thing-two", order=2))
    nav.register_nav(nav.Section.COMPUTE, "인스턴스", "server-2", "thing-list", badge=lambda request: 128)


@pytest.fixture
def person(db: None) -> User:
    """Somebody without any project."""
    return UserFactory.create(username="seoyeon.kim")


@pytest.fixture
def visitor(component_site: None, person: User) -> Client:
    """Their session."""
    client = Client()
    client.force_login(person, backend="cloudia.accounts.backends.PeopleBackend")
    return client


@pytest.fixture
def browser_page(live_server: LiveServer, visitor: Client, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page of components in Chromium, logged in. Fails the test on any error in the page's scripts."""
    site.channel = channel = site.Channel()
    errors: list[str] = []
    with chromium() as browser:
        reach(browser, live_server.url)
        context = browser.new_context(base_url=live_server.url, locale="ko", viewport={"width": 1280, "height": 900})
        context.add_cookies(
            [{"name": "sessionid", "value": visitor.cookies["sessionid"].value, "url": live_server.url}]
        )
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto("/page/")
        yield page
        channel.down.set()  # ends the stream, which would keep the server from stopping
    assert errors == []
