"""What axe has against a page."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

Rules = dict[str, Any]

WCAG: Rules = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
COLOURS: Rules = {"type": "rule", "values": ["color-contrast"]}  # all that a theme changes
BAD = {"serious", "critical"}
RUN = "async (options) => (await axe.run(options)).violations"


def violations(page: Page, rules: Rules) -> list[str]:
    """What axe has against the page as it is, with the elements it means."""
    if not page.evaluate("'axe' in window"):  # large: once for a page
        page.evaluate(AXE_SCRIPT)
    page.evaluate("scrollTo(0, 0)")  # what has been scrolled below the sticky head has no room there, and needs none
    return [
        f"{found['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for found in page.evaluate(RUN, {"runOnly": rules, "resultTypes": ["violations"]})
        if found["impact"] in BAD
        for node in found["nodes"]
    ]
