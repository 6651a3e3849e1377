"""What management commands share: the language of who sits at the terminal."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.utils.translation import override

P = ParamSpec("P")
R = TypeVar("R")

VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # in the order in which they count: locale(7)


def language(environment: Mapping[str, str] = os.environ) -> str:
    """The console's language nearest to the terminal's; its own where the terminal has none (C, POSIX)."""
    locale = next((value for name in VARIABLES if (value := environment.get(name))), "C")
    wanted = locale.split(".")[0].split("_")[0]
    if wanted in {"C", "POSIX"}:
        return settings.LANGUAGE_CODE
    return wanted if wanted in dict(settings.LANGUAGES) else "en"


def in_terminal_language(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate ``handle``."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with override(language()):
            return command(*args, **kwargs)

    return wrapper
