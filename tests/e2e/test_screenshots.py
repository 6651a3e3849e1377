"""The documentation's pictures: ``make screenshots``. Without ``--screenshots`` they are taken and thrown away."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import PHONE, Visits
from tests.e2e.gallery import Gallery
from tests.e2e.places import DATABASE, settle

LAPTOP = (1280, 660)  # CSS pixels
LARGEST = 150_000  # bytes of a picture in the repository


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures go."""
    folder: Path = request.config.getoption("--screenshots", default=None) or tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fill_in(page: Page) -> None:
    """The create form as somebody leaves it just before pressing the button."""
    page.get_by_label("이름", exact=True).fill("web-prod-03")
    page.get_by_label("설명").fill("쇼핑몰 웹 서버")
    page.get_by_role("button", name="이미지 선택").click()
    page.locator("#images").get_by_text("Ubuntu 22.04 LTS").click()
    page.locator("#images").get_by_role("button", name="선택").click()
    expect(page.locator("#summary")).to_contain_text("Ubuntu 22.04 LTS")
    page.evaluate("scrollTo(0, 0)")


def address(name: str, ids: dict[str, str]) -> str:
    """Where the page of this name is."""
    places = {"list": "/instances/", "detail": f"/instances/{ids[DATABASE]}/?tab=disks", "create": "/instances/new/"}
    places |= {
        "edit": f"/instances/{ids[DATABASE]}/edit/",
        "jobs": "/jobs/",
        "job": f"/jobs/{ids['job_failed']}/",
        "hosts": "/hosts/",
    }
    return places[name]


SHOTS = [("instances", "list"), ("instance", "detail"), ("instance-create", "create")]
SHOTS += [("instance-edit", "edit"), ("jobs", "jobs"), ("job", "job"), ("hosts", "hosts")]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("name", "place"), SHOTS, ids=[name for name, _place in SHOTS])
def test_picture(gallery: Gallery, visits: Visits, pictures: Path, name: str, place: str, theme: str) -> None:
    page = visits.page("seoyeon.kim", LAPTOP, theme=theme)
    take(page, pictures / f"{name}-{theme}.png", gallery, place)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_picture_on_a_phone(gallery: Gallery, visits: Visits, pictures: Path, theme: str) -> None:
    page = visits.page("seoyeon.kim", PHONE, theme=theme)
    take(page, pictures / f"instances-{theme}-phone.png", gallery, "list")


def take(page: Page, path: Path, gallery: Gallery, place: str) -> None:
    """Go there, wait until everything is there and nothing moves, and take the picture."""
    page.goto(address(place, gallery.ids))
    if place == "create":
        fill_in(page)
    settle(page)
    page.evaluate("document.fonts.ready")
    page.screenshot(path=path, animations="disabled", caret="hide")
    assert path.stat().st_size < LARGEST
