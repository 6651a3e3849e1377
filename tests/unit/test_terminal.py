"""The language that commands speak."""

from __future__ import annotations

import pytest
from django.utils.translation import get_language

from cloudia.core.terminal import in_terminal_language, language


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "ko"),
        ({"LANG": "C.UTF-8"}, "ko"),
        ({"LANG": "POSIX"}, "ko"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "de_DE"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LC_MESSAGES": "ko", "LC_ALL": ""}, "ko"),
    ],
)
def test_language_is_the_terminals_or_the_consoles(environment: dict[str, str], expected: str) -> None:
    assert language(environment) == expected


def test_command_runs_in_it_and_nothing_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    before = get_language()
    assert in_terminal_language(get_language)() == "en"
    assert get_language() == before
