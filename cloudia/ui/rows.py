"""What a list row tells the toolbar about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cloudia.core.policy import Verdict
from cloudia.ui.links import holder_link


def actions_json(verdicts: Mapping[str, Verdict]) -> str:
    """The ``data-actions`` of a row: ``{"stop": {"allowed": false, "reason": "...", "href": "...", "link": "..."}}``.

    ``href`` and ``link`` are there when the page of what stands in the way is known.
    """
    return json.dumps({name: _entry(verdict) for name, verdict in verdicts.items()}, ensure_ascii=False)


def _entry(verdict: Verdict) -> dict[str, bool | str]:
    if verdict.denial is None:
        return {"allowed": True}
    entry: dict[str, bool | str] = {"allowed": False, "reason": str(verdict.denial.message)}
    if link := holder_link(verdict.denial.holder):
        entry |= {"href": link.href, "link": link.text}
    return entry
