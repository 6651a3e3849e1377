"""Somebody's first day: from the login page to a guest that boots, and back to nothing. virsh agrees all the way."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import Visits, log_in
from tests.e2e.seed import PASSWORD
from tests.e2e.stack import Stack, domains
from tests.qemu.lab import LabHost

READY = "TINY-READY"
SECONDS = 1000  # milliseconds
NAME = "첫-인스턴스"


@pytest.fixture
def window(stack_visits: Visits) -> Page:
    """A window in which nobody is logged in yet."""
    return stack_visits.page(None)


def everywhere(stack: Stack) -> dict[str, str]:
    """The domains of all hosts, as virsh lists them."""
    return {name: state for host in stack.lab_hosts for name, state in domains(host).items()}


def ask(page: Page, action: str, question: str) -> Locator:
    """Press a button of the page's head; the dialog, which asks in the guide's words."""
    page.locator(f"#act-{action}").click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_role("heading", name=question)).to_be_visible()
    return dialog


def answer(dialog: Locator, label: str) -> None:
    """Say yes."""
    dialog.get_by_role("button", name=label, exact=True).click()
    expect(dialog).to_be_hidden()


def test_from_login_to_a_guest_that_boots_and_back_to_nothing(stack: Stack, window: Page) -> None:
    before = everywhere(stack)
    log_in(window, "the-manager", PASSWORD)
    state = window.locator("#overview .page-head .state")
    with stack.paused("manage.py worker"):  # so that nobody is too late to see it
        create(window)
        expect(state).to_have_text("생성 중")
    instance = window.url.split("/")[-2]
    domain = f"i-{instance[:8]}"
    expect(state).to_have_text("실행 중", timeout=60 * SECONDS)
    assert everywhere(stack) == {**before, domain: "running"}
    host = stack.host_of(stack.instance(instance))
    host.wait_for_serial(domain, READY)
    network(stack, window, host, domain)

    answer(ask(window, "stop", "인스턴스를 종료하시겠습니까?"), "종료")
    expect(state).to_have_text("종료 중")
    expect(state).to_have_text("정지됨", timeout=60 * SECONDS)
    assert everywhere(stack) == {**before, domain: "shut off"}

    answer(ask(window, "start", "인스턴스를 실행하시겠습니까?"), "실행")
    expect(state).to_have_text("실행 중", timeout=60 * SECONDS)
    assert everywhere(stack) == {**before, domain: "running"}
    stack.until(lambda: host.serial_log(domain).count(READY) == 2, 120)

    answer(ask(window, "reboot", "인스턴스를 재부팅하시겠습니까?"), "재부팅")
    expect(state).to_have_text("재부팅 중")
    expect(state).to_have_text("실행 중", timeout=120 * SECONDS)
    stack.until(lambda: host.serial_log(domain).count(READY) == 3, 120)
    assert everywhere(stack) == {**before, domain: "running"}

    stop = ask(window, "stop", "인스턴스를 종료하시겠습니까?")
    stop.get_by_text("강제 종료", exact=True).click()
    answer(stop, "종료")
    expect(state).to_have_text("정지됨", timeout=30 * SECONDS)
    delete(window)
    assert everywhere(stack) == before
    jobs(window)


def create(page: Page) -> None:
    """Press 생성, give a name, choose the tiny image, press 생성 again."""
    page.get_by_role("link", name="생성").first.click()
    page.locator("#create [name=name]").fill(NAME)
    page.get_by_role("radio", name="Tiny").check()
    page.get_by_role("button", name="이미지 선택").click()
    page.locator("#images").get_by_text("CloudiA Tiny").click()
    page.locator("#images").get_by_role("button", name="선택").click()
    expect(page.locator("#summary")).to_contain_text("commerce-vpc")
    page.get_by_role("button", name="생성", exact=True).click()
    page.wait_for_url(re.compile(r"/instances/[0-9a-f-]{36}/"))


def network(stack: Stack, page: Page, host: LabHost, domain: str) -> None:
    """The tab, the guest and OVN name the same address and MAC; the tab learns by itself that it is connected."""
    row = page.locator("#instance-interfaces tbody tr")
    address, mac = (row.locator("[data-copy]").nth(place).get_attribute("data-copy") for place in (0, 1))
    assert address
    assert mac
    assert f"{mac} {address}" in host.lab.nbctl("--bare", "--columns=addresses", "list", "Logical_Switch_Port")
    stack.until(lambda: f"inet {address}/24" in host.guest(domain, "ip -4 address"), 60)
    assert mac in host.guest(domain, "ip link")
    expect(row).to_contain_text("연결됨", timeout=30 * SECONDS)


def delete(page: Page) -> None:
    """Only after its name is typed; then the page goes back to the list, which doesn't have it."""
    dialog = ask(page, "delete", "인스턴스를 삭제하시겠습니까?")
    button = dialog.get_by_role("button", name="삭제", exact=True)
    expect(button).to_have_attribute("aria-disabled", "true")
    dialog.locator("#confirm-name").fill(NAME)
    expect(button).not_to_have_attribute("aria-disabled", "true")
    button.click()
    page.wait_for_url(re.compile(r"/instances/$"), timeout=60 * SECONDS)
    expect(page.get_by_role("link", name=NAME)).to_have_count(0)


def jobs(page: Page) -> None:
    """작업 현황 has all of it."""
    page.get_by_role("link", name="작업 현황").click()
    page.get_by_label("대상 이름이나 작업 ID로 검색").fill(NAME)
    expect(page.locator("#jobs tbody tr")).to_have_count(6)
    expect(page.locator("#jobs tbody .state")).to_have_text(["완료"] * 6)


def test_pages_leave_no_warnings_in_the_log(stack: Stack, window: Page) -> None:
    log_in(window, "the-manager", PASSWORD)
    expect(window.locator("#instances")).to_be_visible()
    assert "Warning" not in stack.log.read_text()
