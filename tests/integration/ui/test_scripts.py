"""What the scripts do, in a real browser under the real content policy."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.integration.ui import site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def pick(page: Page, *names: str) -> None:
    """Tick rows by name."""
    for name in names:
        page.get_by_label(f"{name} 선택").check()


def test_nothing_selected_means_no_action_and_a_reason(browser_page: Page) -> None:
    stop = browser_page.locator('[data-toolbar] [data-act="stop"]')
    expect(stop).to_have_attribute("aria-disabled", "true")
    stop.focus()
    expect(browser_page.locator("#reason-stop")).to_be_visible()
    stop.press("Escape")
    expect(browser_page.locator("#reason-stop")).to_be_hidden()


def test_a_locked_row_says_why_with_a_link(browser_page: Page) -> None:
    pick(browser_page, "redis-session-02")
    stop = browser_page.locator('[data-toolbar] [data-act="stop"]')
    expect(stop).to_have_attribute("aria-disabled", "true")
    stop.hover()
    expect(browser_page.locator("#reason-stop")).to_contain_text("작업이 진행 중입니다.")
    expect(browser_page.locator("#reason-stop a")).to_have_attribute("href", "/things/7/")
    expect(browser_page.locator("[data-note]")).to_be_visible()
    stop.click(force=True)
    expect(browser_page.locator("#dialog")).to_be_hidden()


def test_several_rows_show_how_many_may(browser_page: Page) -> None:
    pick(browser_page, "web-prod-01", "redis-session-02")
    expect(browser_page.locator('[data-toolbar] [data-act="stop"] .cnt')).to_have_text("1/2")
    expect(browser_page.locator('[data-toolbar] [data-act="edit"]')).to_have_attribute("aria-disabled", "true")
    expect(browser_page.locator("#reason-edit")).to_have_text("하나만 선택하세요.")
    expect(browser_page.locator("[data-selected]")).to_have_text("2개 선택됨")
    with browser_page.expect_request(re.compile(r"/bulk/\?id=[0-9a-f-]{36}&id=[0-9a-f-]{36}$")):
        browser_page.locator('[data-toolbar] [data-act="stop"]').click()


def test_a_click_on_a_row_selects_it_alone(browser_page: Page) -> None:
    pick(browser_page, "redis-session-02")
    browser_page.locator("#row-web-prod-01 .st").click()
    expect(browser_page.locator("tr.is-on")).to_have_count(1)
    expect(browser_page.locator("#row-web-prod-01")).to_have_class("is-on")


def test_the_head_selects_the_page(browser_page: Page) -> None:
    browser_page.locator("[data-all]").check()
    expect(browser_page.locator("[data-selected]")).to_have_text("3개 선택됨")
    browser_page.locator("[data-toolbar] [data-unselect]").click()
    expect(browser_page.locator("tr.is-on")).to_have_count(0)


def test_a_dialog_wants_the_name_and_answers_with_a_notice(browser_page: Page) -> None:
    pick(browser_page, "web-prod-01")
    browser_page.locator('[data-toolbar] [data-act="delete"]').click()
    name = browser_page.locator("#confirm-name")
    expect(name).to_be_focused()
    name.press_sequentially("web-prod")
    name.press("Enter")  # not yet the same name
    expect(browser_page.locator("#dialog")).to_be_visible()
    name.press_sequentially("-01")
    name.press("Enter")
    expect(browser_page.locator("#dialog")).to_be_hidden()
    expect(browser_page.locator(".job-toast")).to_contain_text("삭제 요청을 접수했습니다")
    expect(browser_page.locator(".job-toast a")).to_have_attribute("href", "/jobs/1/")
    expect(browser_page.locator('[data-toolbar] [data-act="delete"]')).to_be_focused()


def test_escape_closes_a_dialog_and_the_focus_returns(browser_page: Page) -> None:
    start = browser_page.locator("#act-start")
    start.click()
    expect(browser_page.locator("#confirm-name")).to_be_focused()
    browser_page.keyboard.press("Escape")
    expect(browser_page.locator("#dialog")).to_be_hidden()
    expect(start).to_be_focused()


def test_a_failed_request_is_said(browser_page: Page) -> None:
    browser_page.route("**/dialog/", lambda route: route.fulfill(status=500))
    browser_page.locator("#act-start").click()
    expect(browser_page.locator('.job-toast[data-tone="bad"]')).to_contain_text("요청이 실패했습니다.")
    browser_page.get_by_label("알림 닫기").click()
    expect(browser_page.locator(".job-toast")).to_have_count(0)


def test_tabs_are_fetched_when_opened_and_kept_in_the_address(browser_page: Page) -> None:
    panel = browser_page.locator("#tab-panel")
    expect(panel).to_have_text("첫째")
    browser_page.get_by_role("tab", name="첫째 탭").press("ArrowRight")
    browser_page.keyboard.press("Enter")
    expect(panel).to_have_text("둘째")
    expect(browser_page).to_have_url(re.compile(r"\?tab=two$"))
    browser_page.reload()
    expect(panel).to_have_text("둘째")
    expect(browser_page.get_by_role("tab", name="둘째 탭")).to_have_attribute("aria-selected", "true")


def test_a_row_is_refreshed_in_place_when_its_topic_arrives(
    browser_page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    pick(browser_page, "web-prod-01")
    browser_page.locator("#row-web-prod-01 a").focus()
    monkeypatch.setattr(site.THINGS[0], "state", site.State("정지됨", "player-stop", "idle"))
    site.channel.topics.put("thing:web-prod-01")
    row = browser_page.locator("#row-web-prod-01")
    expect(row).to_contain_text("정지됨")
    expect(row).to_have_class(re.compile("is-fresh"))
    expect(row).to_have_class(re.compile("is-on"))
    expect(browser_page.locator("#row-web-prod-01 a")).to_be_focused()


def test_what_changed_before_the_stream_listened_is_seen(browser_page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def change() -> None:
        time.sleep(0.5)  # the browser has the stream's headers
        monkeypatch.setattr(site.THINGS[0], "state", site.State("정지됨", "player-stop", "idle"))

    monkeypatch.setattr(site.channel, "before_ready", change)
    browser_page.reload()
    expect(browser_page.locator("#row-web-prod-01")).to_contain_text("정지됨")


def test_a_stream_that_never_listens_is_said(browser_page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.channel, "before_ready", lambda: site.channel.down.wait(30))
    browser_page.reload()
    expect(browser_page.locator("[data-live-down]")).to_be_visible(timeout=8000)
    monkeypatch.setattr(site.THINGS[0], "state", site.State("정지됨", "player-stop", "idle"))
    expect(browser_page.locator("#row-web-prod-01")).to_contain_text("정지됨", timeout=8000)
    site.channel.down.set()


def test_a_row_that_is_gone_leaves_the_list_and_the_selection(
    browser_page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    pick(browser_page, "web-prod-01")
    monkeypatch.setattr(site, "THINGS", site.THINGS[1:])
    site.channel.topics.put("thing:web-prod-01")
    expect(browser_page.locator("#row-web-prod-01")).to_have_count(0)
    expect(browser_page.locator("[data-selected]")).to_have_text("선택한 항목 없음")
    expect(browser_page.locator(".job-toast")).to_have_count(0)


def test_without_the_stream_the_page_says_so_and_polls_until_it_is_back(
    browser_page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(browser_page.locator("[data-live-down]")).to_be_hidden()
    site.channel.down.set()
    expect(browser_page.locator("[data-live-down]")).to_be_visible(timeout=8000)
    monkeypatch.setattr(site.THINGS[0], "state", site.State("정지됨", "player-stop", "idle"))
    expect(browser_page.locator("#row-web-prod-01")).to_contain_text("정지됨", timeout=8000)
    site.channel.down.clear()
    expect(browser_page.locator("[data-live-down]")).to_be_hidden(timeout=8000)


def test_an_ended_session_leads_to_the_login_page(browser_page: Page) -> None:
    browser_page.context.clear_cookies()
    browser_page.locator("#act-start").click()
    expect(browser_page).to_have_url(re.compile(r"/login/\?next=%2Fpage%2F$"))


def test_the_theme_is_remembered(browser_page: Page) -> None:
    root = browser_page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "light")
    browser_page.locator("[data-theme-toggle]").click()
    expect(root).to_have_attribute("data-bs-theme", "dark")
    browser_page.reload()
    expect(root).to_have_attribute("data-bs-theme", "dark")


def test_a_phone_chooses_from_a_sheet(browser_page: Page) -> None:
    browser_page.set_viewport_size({"width": 390, "height": 844})
    pick(browser_page, "redis-session-02")
    browser_page.locator("[data-open-sheet]").click()
    expect(browser_page.locator('[data-sheet] [data-act="stop"] small')).to_contain_text("작업이 진행 중입니다.")
    browser_page.keyboard.press("Escape")
    pick(browser_page, "web-prod-01")
    browser_page.locator("[data-open-sheet]").click()
    browser_page.locator('[data-sheet] [data-act="start"]').click()
    expect(browser_page.locator("#confirm-name")).to_be_focused()
