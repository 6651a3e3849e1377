"""The whole stack, started once; and a browser."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, running_stack
from tests.qemu.conftest import lab, lab_hosts, tiny_image  # noqa: F401  # fixtures
from tests.qemu.lab import Lab

LOG_TAIL = 20_000  # characters


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here: all of it needs QEMU, most of it a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("qemu")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the stack said when a test of it failed."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and stack:
        report.sections.append(("stack log", stack.log.read_text(errors="replace")[-LOG_TAIL:]))
    return report


@pytest.fixture(scope="session")
def stack(
    postgres: str,
    lab: Lab,  # noqa: F811  # the fixture
    tiny_image: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A running installation with two hosts."""
    with running_stack(postgres, lab, tiny_image, tmp_path_factory.mktemp("stack")) as stack:
        yield stack
