"""Axe sees what is wrong (it looks at every page in test_words.py); and everything by keyboard."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser import Visits
from tests.e2e.axe import COLOURS, violations
from tests.e2e.places import settle


def test_axe_sees_what_is_wrong(visits: Visits) -> None:
    page = visits.page("seoyeon.kim")
    page.goto("/jobs/")
    page.evaluate("document.querySelector('h1').style.color = 'rgb(220, 220, 220)'")
    assert [text.split(":")[0] for text in violations(page, COLOURS)] == ["color-contrast"]


def test_a_row_is_chosen_and_asked_about_by_keyboard_alone(visits: Visits) -> None:
    page = visits.page("seoyeon.kim")
    page.goto("/instances/?search=web-prod-01")
    settle(page)
    row, stop = page.locator("tbody [data-pick]"), page.locator('[data-toolbar] [data-act="stop"]')
    tab_to(page, row)
    page.keyboard.press("Space")
    expect(page.locator("tr.is-on")).to_have_count(1)
    tab_to(page, stop, "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_be_visible()
    expect(page.locator("#dialog")).to_contain_text("인스턴스를 종료하시겠습니까?")
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(stop).to_be_focused()


def test_the_first_tab_leads_past_the_menu(visits: Visits) -> None:
    page = visits.page("seoyeon.kim")
    page.goto("/instances/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def tab_to(page: Page, wanted: Any, key: str = "Tab", most: int = 60) -> None:
    """Press Tab until it has the focus."""
    for _ in range(most):
        page.keyboard.press(key)
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached by {most} times {key}")
