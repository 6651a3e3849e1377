"""Chromium, Debian's own, and people who are logged in with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, StorageState, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
DESK, PHONE = (1440, 900), (390, 844)  # CSS pixels
PATIENCE_MS = 15_000  # with a busy computer; nothing waits that long on a quiet one
LEFT = "net::ERR_ABORTED"  # the page was left before it had come


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. While it runs Django's database can't be used in this thread: Playwright has a loop there."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


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

    def page(
        self, username: str | None, size: tuple[int, int] = DESK, *, language: str = "ko", theme: str = "light"
    ) -> Page:
        """A window of somebody who is logged in, or of nobody."""
        context = self.browser.new_context(
            base_url=self.url,
            locale="ko-KR",
            timezone_id="Asia/Seoul",
            viewport={"width": size[0], "height": size[1]},
            reduced_motion="reduce",
            color_scheme="dark" if theme == "dark" else "light",
            storage_state=self._session(username) if username else None,
        )
        self.contexts.append(context)
        context.add_cookies([{"name": "django_language", "value": language, "url": self.url}])
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on("requestfailed", lambda request: self._missing(page, request))
        page.on("dialog", lambda dialog: self._refuse(page, dialog))
        return page

    def close(self) -> None:
        """Close every window that is open."""
        while self.contexts:
            self.contexts.pop().close()

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
