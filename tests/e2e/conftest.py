"""The whole stack, started once; a gallery of pages; and a browser for either."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import Visits, chromium
from tests.e2e.gallery import Gallery, running_gallery
from tests.e2e.seed import PASSWORD
from tests.e2e.stack import Stack, running_stack
from tests.qemu.conftest import tiny_image  # noqa: F401  # a fixture
from tests.qemu.lab import Lab, running_lab

LOG_TAIL = 20_000  # characters


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the documentation's pictures go."""
    parser.addoption("--screenshots", type=Path, metavar="FOLDER", help="take the documentation's pictures anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here by what it needs."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            names = getattr(item, "fixturenames", ())
            for fixture, marker in (("stack", "qemu"), ("browser", "browser")):
                if fixture in names:
                    item.add_marker(marker)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the stack said when a test of it failed."""
    report = yield
    for site in (getattr(item, "funcargs", {}).get(name) for name in ("stack", "gallery")):
        if report.failed and site:
            report.sections.append(("log", site.log.read_text(errors="replace")[-LOG_TAIL:]))
    return report


@pytest.fixture(scope="session")
def stack_lab() -> Iterator[Lab]:
    """Two hosts of the stack's own: its watcher would undo what other tests tell the OVN of theirs."""
    with running_lab(2, name="stack") as lab:
        yield lab


@pytest.fixture(scope="session")
def stack(
    postgres: str,
    stack_lab: Lab,
    tiny_image: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A running installation with two hosts."""
    with running_stack(postgres, stack_lab, tiny_image, tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def gallery(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """A console with something of everything to show, without hosts."""
    with running_gallery(postgres, tmp_path_factory.mktemp("gallery")) as gallery:
        yield gallery


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Not for the session: while it runs, tests in this thread can't use Django's database."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def _gallery_visits(gallery: Gallery, browser: Browser) -> Visits:
    return Visits(browser, gallery.url, PASSWORD, homes={"seoyeon.kim": f"/?project={gallery.ids['project']}"})


@pytest.fixture(scope="module")
def _stack_visits(stack: Stack, browser: Browser) -> Visits:
    return Visits(browser, stack.url, PASSWORD)


@pytest.fixture
def visits(_gallery_visits: Visits) -> Iterator[Visits]:
    """Windows on the gallery; fails on any error in a page's scripts."""
    yield from _windows(_gallery_visits)


@pytest.fixture
def stack_visits(_stack_visits: Visits) -> Iterator[Visits]:
    """Windows on the stack; fails on any error in a page's scripts."""
    yield from _windows(_stack_visits)


def _windows(visits: Visits) -> Iterator[Visits]:
    yield visits
    visits.close()
    errors, visits.errors = visits.errors, []
    assert errors == []
