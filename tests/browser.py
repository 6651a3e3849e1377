"""Chromium, Debian's own, and people who are logged in with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, StorageState, expect, sync_playwright

from tests.quiet import QuietNetwork, enter, quiet_network

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
DESK, PHONE = (1440, 900), (390, 844)  # CSS pixels
PATIENCE_MS = 15_000  # with a busy computer; nothing waits that long on a quiet one
LEFT = "net::ERR_ABORTED"  # the page was left before it had come


_networks: dict[Browser, QuietNetwork] = {}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. While it runs Django's database can't be used in this thread: Playwright has a loop there."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright, quiet_network() as network, TemporaryDirectory() as directory:
        program = enter(network, CHROMIUM, Path(directory))
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        _networks[browser] = network
        try:
            yield browser
        finally:
            del _networks[browser]
            browser.close()


def reach(browser: Browser, url: str) -> None:
    """Let the browser open ``url``, which is on this computer."""
    _networks[browser].reach(urlsplit(url).port or 80)


@dataclass
class Visits:
    """The windows that people have open on one console; collects what goes wrong in the pages' scripts."""

    browser: Browser
    url: str
    password: str
    homes: dict[str, str] = field(default_factory=dict)  # where somebody goes first, to choose a project
    errors: list[str] = field(default_factory=list)
    sessions: dict[str, StorageState] = field(default_factory=dict)
    contexts: list[BrowserContext] = field(default_factory=list)
    kept: dict[tuple[str, str], BrowserContext] = field(default_factory=dict)  # by person and language

    def __post_init__(self) -> None:
        reach(self.browser, self.url)

    def page(
        self, username: str | None, size: tuple[int, int] = DESK, *, language: str = "ko", theme: str = "light"
    ) -> Page:
        """A window of somebody who is logged in, or of nobody."""
        context = self._context(username, size, language, theme)
        self.contexts.append(context)
        return self._open(context)

    def tab(self, username: str, language: str) -> Page:
        """A new tab in a window that stays open: what it has fetched and compiled is not fetched and compiled again."""
        if (username, language) not in self.kept:
            self.kept[username, language] = self._context(username, DESK, language, "light")
        return self._open(self.kept[username, language])

    def close(self) -> None:
        """Close every window that is open, and every tab of those that stay."""
        while self.contexts:
            self.contexts.pop().close()
        for page in [page for context in self.kept.values() for page in context.pages]:
            page.close()

    def _context(self, username: str | None, size: tuple[int, int], language: str, theme: str) -> BrowserContext:
        context = self.browser.new_context(
            base_url=self.url,
            locale="ko-KR",
            timezone_id="Asia/Seoul",
            viewport={"width": size[0], "height": size[1]},
            reduced_motion="reduce",
            color_scheme="dark" if theme == "dark" else "light",
            storage_state=self._session(username) if username else None,
        )
        context.add_cookies([{"name": "django_language", "value": language, "url": self.url}])
        context.set_default_timeout(PATIENCE_MS)
        return context

    def _open(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on("requestfailed", lambda request: self._missing(page, request))
        page.on("dialog", lambda dialog: self._refuse(page, dialog))
        return page

    def _missing(self, page: Page, request: Request) -> None:
        """A page without one of its scripts looks well and does nothing."""
        if request.resource_type == "script" and request.failure != LEFT:
            self.errors.append(f"{page.url}: {request.url} {request.failure}")

    def _refuse(self, page: Page, dialog: Dialog) -> None:
        """No page of ours uses alert() and its like: somebody's script runs. Only the browser asks about leaving."""
        if dialog.type == "beforeunload":
            dialog.accept()
            return
        self.errors.append(f"{page.url}: {dialog.type} {dialog.message}")
        dialog.dismiss()

    def _session(self, username: str) -> StorageState:
        """Log in once, by the form; the cookies serve every window."""
        if username not in self.sessions:
            page = self.page(None)
            log_in(page, username, self.password)
            page.goto(self.homes.get(username, "/"))
            self.sessions[username] = page.context.storage_state()
        return self.sessions[username]


def log_in(page: Page, username: str, password: str) -> None:
    """Fill in the login page and wait until it has let us through."""
    page.goto("/login/")
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(password)
    page.locator("form [type=submit].btn-primary").click()
    page.wait_for_url(lambda url: "/login/" not in url)
