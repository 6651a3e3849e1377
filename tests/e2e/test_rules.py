"""The rule editor, floating IPs and a trace in a browser: rows come and go, warnings come before saving."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import Visits
from tests.e2e.gallery import Gallery
from tests.e2e.places import settle

USER = "seoyeon.kim"


def rows(page: Page, way: str = "in") -> list[list[str]]:
    """What stands in the editor."""
    script = "rows => rows.map(row => [...row.querySelectorAll('select, input')].map(control => control.value))"
    found: list[list[str]] = page.locator(f"#rules-{way} tbody tr").evaluate_all(script)
    return found


def new_group(page: Page, name: str) -> None:
    """Make one by the dialog, and go to its page."""
    page.goto("/security-groups/")
    page.locator("#act-create").click()
    page.locator("#dialog [name=name]").fill(name)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator("#rules-out tbody tr")).to_have_count(2)


def test_rules_are_made_by_keyboard_alone(visits: Visits, gallery: Gallery) -> None:
    page = visits.page(USER)
    new_group(page, "sg-keys")
    page.locator("#add-in").focus()
    page.keyboard.press("Enter")
    row = page.locator("#rules-in tbody tr").first
    expect(row.locator("[name=in-value]")).to_be_focused()
    page.keyboard.type("10.0.0.0/8")
    page.keyboard.press("Tab")
    page.keyboard.type("from keys")
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    expect(row.locator("[name=in-ports]")).to_be_focused()
    page.keyboard.type("8000-8080")
    page.keyboard.press("Enter")  # saves: no row is added or removed
    expect(page.locator(".toasts")).to_contain_text("저장했습니다")
    assert rows(page) == [["tcp", "8000-8080", "cidr", "10.0.0.0/8", "from keys"]]


def test_presets_fill_rows_and_open_doors_are_warned_of_before_saving(visits: Visits, gallery: Gallery) -> None:
    page = visits.page(USER)
    new_group(page, "sg-presets")
    for preset in ("HTTPS", "SSH", "ping(ICMP)"):
        page.locator("#presets-in").click()
        page.locator("#rules-in .dropdown-menu").get_by_role("button", name=preset).first.click()
    assert rows(page) == [
        ["tcp", "443", "cidr", "0.0.0.0/0", ""],
        ["tcp", "22", "cidr", "", ""],
        ["icmp", "", "cidr", "0.0.0.0/0", ""],
    ]
    expect(page.locator("#rules-in [data-count]")).to_have_text("3")
    expect(page.locator("#rule-warnings .note-row")).to_have_count(0)
    page.get_by_label("인바운드 규칙 2 값").fill("0.0.0.0/0")
    page.keyboard.press("Tab")
    expect(page.locator("#rule-warnings")).to_contain_text("SSH (22)")
    page.get_by_label("인바운드 규칙 2 삭제").click()
    expect(page.locator("#rule-warnings .note-row")).to_have_count(0)
    expect(page.get_by_label("인바운드 규칙 2 삭제")).to_be_focused()
    assert [row[1] for row in rows(page)] == ["443", ""]


def test_ports_go_and_come_back_with_the_protocol_and_groups_are_suggested(visits: Visits, gallery: Gallery) -> None:
    page = visits.page(USER)
    page.goto(f"/security-groups/{gallery.ids['sg-db']}/")
    row = page.locator("#rules-in tbody tr", has=page.locator("[name=in-ports][value='22']"))
    ports, value = row.locator("[name=in-ports]"), row.locator("[name=in-value]")
    row.locator("[name=in-protocol]").select_option("icmp")
    assert (ports.input_value(), ports.get_attribute("readonly")) == ("", "")
    row.locator("[name=in-protocol]").select_option("udp")
    assert (ports.input_value(), ports.get_attribute("readonly")) == ("22", None)
    row.locator("[name=in-kind]").select_option("group")
    assert value.get_attribute("list") == "group-names"
    assert page.locator("#group-names option[value='sg-web']").count() == 1


def test_a_mistake_keeps_every_row_and_takes_the_focus(visits: Visits, gallery: Gallery) -> None:
    page = visits.page(USER)
    page.goto(f"/security-groups/{gallery.ids['sg-db']}/")
    before = rows(page)
    page.locator("#add-in").click()
    page.locator("#rules-in tbody tr").last.locator("[name=in-value]").fill("10.20.3.0/33")
    page.locator("#save-rules").click()
    wrong = page.locator("#rules [aria-invalid]")
    expect(wrong).to_be_focused()
    assert rows(page) == [*before, ["tcp", "", "cidr", "10.20.3.0/33", ""]]
    assert page.locator(f"#{wrong.get_attribute('aria-describedby')}").is_visible()


def test_an_answer_leads_to_the_rule_that_opens_the_way(visits: Visits, gallery: Gallery) -> None:
    page = visits.page(USER)
    page.goto(f"/security-groups/trace/{gallery.ids['trace_blocked']}/")
    page.get_by_role("link", name="이 트래픽을 여는 규칙 추가").click()
    page.wait_for_url(f"**/security-groups/{gallery.ids['sg-base']}/**")
    expect(page.locator("#rules-in tbody tr").last.locator("[name=in-protocol]")).to_be_focused()
    assert rows(page)[-1][:2] == ["tcp", "5432"]


def test_interfaces_are_searched_in_the_dialog_and_an_address_moves(visits: Visits, gallery: Gallery) -> None:
    page = visits.page(USER)
    page.goto("/floating-ips/?search=198.51.100.12")
    page.locator("tbody [data-pick]").check()
    page.locator('[data-toolbar] [data-act="associate"]').click()
    page.locator("#choice-search").fill("vpn-conc")
    expect(page.locator("#interface-choices [type=radio]")).to_have_count(1)
    expect(page.locator("#choice-search")).to_be_focused()
    page.locator("#interface-choices label").click()
    page.locator("#dialog [type=submit]").click()
    expect(page.locator("#dialog")).to_be_hidden()
    expect(page.locator("tbody tr")).to_contain_text("vpn-concentrator")  # live
    settle(page)
    page.locator('[data-toolbar] [data-act="disassociate"]').click()  # it is still selected; and others need it free
    page.locator("#dialog [type=submit]").click()
    expect(page.locator("tbody tr")).to_contain_text("연결 안 됨")
