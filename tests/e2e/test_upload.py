"""An image on its way through the browser: paused, its server killed, its page reloaded, and whole in the end."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from storage.transfer import SEGMENT_S
from tests.browser import Visits
from tests.e2e.stack import Stack, virsh

MIB = 2**20
SECONDS = 1000  # milliseconds
SPEED = 4 * MIB  # bytes a second: slow enough to be interrupted
NAME = "업로드한-이미지"


@pytest.fixture(scope="module")
def qcow2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk of 40 MiB that can't be compressed."""
    folder = tmp_path_factory.mktemp("upload")
    raw, image = folder / "random.raw", folder / "ubuntu-24.04.qcow2"
    raw.write_bytes(os.urandom(40 * MIB))
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, image], check=True)
    return image


@pytest.fixture
def window(stack_visits: Visits) -> Page:
    """The upload page of somebody whose line is slow."""
    page = stack_visits.page("the-manager")
    page.goto("/images/upload/")
    slow(page)
    return page


def slow(page: Page, speed: int = SPEED) -> None:
    """Let through so many bytes a second; -1: as many as there are."""
    wire = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": speed}
    wire.send("Network.enable")
    wire.send("Network.emulateNetworkConditions", limits)


def begin(page: Page, file: Path, name: str = NAME) -> Locator:
    """Choose a file, say what it is, start; the card that tells how far it is."""
    page.locator("[type=file]").set_input_files(file)
    expect(page.locator("[name=name]")).to_have_value(file.stem)
    page.locator("[name=name]").fill(name)
    page.locator("[name=os_type]").fill("Ubuntu")
    page.get_by_role("button", name="업로드 시작").click()
    card = page.locator("#transfer")
    expect(card).to_contain_text("업로드하는 중입니다.")
    return card


def percent(card: Locator) -> int:
    """How far the page says it is."""
    return int(card.locator("[data-percent]").inner_text().rstrip("%"))


def reached(stack: Stack, card: Locator, wanted: int) -> None:
    """Wait until the page says so."""
    card.page.wait_for_function("([n]) => document.querySelector('#transfer progress').value >= n", arg=[wanted])


def received(stack: Stack) -> int:
    """How much of the one unfinished upload the server has."""
    (image,) = (row for row in stack.api("GET", "images/").body["results"] if row["upload"])
    count: int = image["upload"]["received_bytes"]
    return count


def stands_still(stack: Stack, page: Page) -> None:
    """What was under way has arrived, and no more comes for longer than the server takes to count a segment."""
    for _try in range(10):
        before = received(stack)
        page.wait_for_timeout((SEGMENT_S + 1) * SECONDS)
        if received(stack) == before:
            return
    raise AssertionError("it goes on")


def image(stack: Stack, page: Page) -> dict[str, Any]:
    """The image that the page is about."""
    found: dict[str, Any] = stack.api("GET", f"images/{page.url.rstrip('/').split('/')[-1]}/").body
    return found


def test_upload_survives_a_pause_a_killed_server_and_a_reload(
    stack: Stack, window: Page, qcow2: Path, tmp_path: Path
) -> None:
    card = begin(window, qcow2)
    reached(stack, card, 10)
    card.get_by_role("button", name="일시 중지").click()
    expect(card).to_contain_text("일시 중지했습니다.")
    stands_still(stack, window)
    card.get_by_role("button", name="계속").click()

    reached(stack, card, 30)
    for pid in stack.processes("uvicorn"):
        os.kill(pid, signal.SIGKILL)
    expect(card).to_contain_text("연결이 끊겼습니다. 다시 시도하는 중…")
    expect(card).to_contain_text("업로드하는 중입니다.", timeout=60 * SECONDS)

    reached(stack, card, 60)
    window.reload()
    expect(window.locator("[data-unfinished]")).to_contain_text(NAME)
    window.locator("[type=file]").set_input_files(qcow2)
    expect(window.locator("[data-resume]")).to_have_text(re.compile(f"“{NAME}” 업로드를 [3-9][0-9]%부터 이어서 합니다"))
    expect(window.locator("aside svg.stack")).to_be_hidden()  # its place is taken already
    slow(window, -1)
    window.get_by_role("button", name="업로드 시작").click()
    window.wait_for_url(re.compile(r"/images/[0-9a-f-]{36}/$"))
    expect(window.locator("#image .page-head .state")).to_have_text("사용 가능", timeout=60 * SECONDS)

    made = image(stack, window)
    content = hashlib.sha256(qcow2.read_bytes()).hexdigest()
    assert (made["sha256"], made["name"], made["virtual_bytes"]) == (content, NAME, 40 * MIB)
    assert pool_file(stack, made, tmp_path) == content
    remove(stack, window)


def pool_file(stack: Stack, made: dict[str, Any], folder: Path) -> str:
    """The checksum of what libvirt has."""
    file = folder / "downloaded"
    pool = f"cloudia-{made['storage_domain']['id']}"
    virsh(stack.lab_hosts[0], "vol-download", "--pool", pool, made["id"], str(file))
    return hashlib.sha256(file.read_bytes()).hexdigest()


def remove(stack: Stack, page: Page) -> None:
    """Delete the image by its page, which then goes back to the list."""
    page.locator("#act-delete").click()
    name = page.locator("#image h1").inner_text()
    page.locator("#confirm-name").fill(name)
    page.locator("[data-confirm-button]").click()
    page.wait_for_url(re.compile(r"/images/$"), timeout=60 * SECONDS)
    expect(page.locator("#images")).not_to_contain_text(name)


def test_cancelled_upload_leaves_nothing(stack: Stack, window: Page, qcow2: Path) -> None:
    card = begin(window, qcow2)
    reached(stack, card, 5)
    card.get_by_role("button", name="업로드 취소").click()
    window.locator("#cancel-upload").get_by_role("button", name="업로드 취소").click()
    window.wait_for_url(re.compile(r"/images/$"))
    expect(window.locator("#images")).not_to_contain_text(NAME, timeout=60 * SECONDS)
    stack.until(lambda: not any(row["name"] == NAME for row in stack.api("GET", "images/").body["results"]))


def test_file_that_is_no_image_is_refused_with_the_reason(stack: Stack, window: Page, tmp_path: Path) -> None:
    file = tmp_path / "evil.qcow2"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", file, "1G"], check=True
    )
    window.locator("[type=file]").set_input_files(file)
    window.get_by_role("button", name="업로드 시작").click()
    expect(window.locator("#transfer")).to_contain_text("업로드하지 못했습니다.")
    assert not any(row["name"] == "evil" for row in stack.api("GET", "images/").body["results"])


def test_what_is_wrong_is_said_at_its_field(window: Page, qcow2: Path) -> None:
    window.get_by_role("button", name="업로드 시작").click()
    expect(window.locator("[data-problem=file]")).to_have_text("파일을 선택하세요.")
    window.locator("[type=file]").set_input_files(qcow2)
    window.locator("[name=name]").fill("CloudiA\ttab")
    window.locator("[name=sha256]").fill("12")
    window.get_by_role("button", name="업로드 시작").click()
    expect(window.locator("[data-problem=sha256]")).to_contain_text("SHA-256")
    expect(window.locator("[name=sha256]")).to_have_class(re.compile("is-invalid"))
    assert window.locator("#transfer").is_hidden()


def test_address_inside_the_installation_is_refused_at_its_field(stack_visits: Visits) -> None:
    page = stack_visits.page("the-manager")
    page.goto("/images/import/")
    page.locator("[name=url]").fill("http://127.0.0.1:9/disk.qcow2")
    page.locator("[name=name]").fill("inside")
    page.get_by_role("button", name="가져오기", exact=True).click()
    expect(page.locator("#id_url_error")).to_be_visible()
    expect(page.locator("[name=url]")).to_have_value("http://127.0.0.1:9/disk.qcow2")


def test_volume_is_created_and_deleted(stack: Stack, stack_visits: Visits) -> None:
    page = stack_visits.page("the-manager")
    page.goto("/volumes/")
    page.locator("#act-create").click()
    page.locator("#dialog [name=name]").fill("장부")
    page.locator("#dialog [name=size_gib]").fill("2")
    page.locator("#dialog").get_by_role("button", name="생성").click()
    row = page.locator("tr", has_text="장부")
    expect(row).to_contain_text("사용 가능", timeout=60 * SECONDS)
    row.get_by_role("link", name="장부").click()
    (volume,) = (row for row in stack.api("GET", "volumes/?search=%EC%9E%A5%EB%B6%80").body["results"])
    pool = f"cloudia-{volume['storage_domain']['id']}"
    assert "2.00 GiB" in virsh(stack.lab_hosts[0], "vol-info", "--pool", pool, volume["id"])
    page.locator("#act-delete").click()
    page.locator("#confirm-name").fill("장부")
    page.locator("[data-confirm-button]").click()
    page.wait_for_url(re.compile(r"/volumes/$"), timeout=60 * SECONDS)
    assert volume["id"] not in virsh(stack.lab_hosts[0], "vol-list", "--pool", pool)
