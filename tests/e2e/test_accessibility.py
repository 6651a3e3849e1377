"""WCAG 2.2 AA everywhere, light and dark, on a desk and on a phone; and everything by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser import DESK, PHONE, Visits
from tests.e2e.gallery import Gallery
from tests.e2e.places import HOSTILE, PLACES, Place, settle

WCAG = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = {"type": "rule", "values": ["color-contrast"]}  # all that a theme changes
BAD = {"serious", "critical"}


def violations(page: Page, rules: dict[str, Any]) -> list[str]:
    """What axe has against the page as it is, with the elements it means."""
    answer = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
    return [
        f"{found['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for found in answer.response["violations"]
        if found["impact"] in BAD
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("place", PLACES + HOSTILE, ids=str)
def test_nothing_serious(place: Place, visits: Visits, gallery: Gallery) -> None:
    page = place.visit(visits, gallery, DESK)
    found = violations(page, WCAG)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    found += violations(page, WCAG)
    page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    found += violations(page, COLOURS)
    assert found == []


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
