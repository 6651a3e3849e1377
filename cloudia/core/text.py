"""Text for people that is made now and read later, in a language not known yet."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import get_language, override

from cloudia.core.policy import Text


def in_every_language(text: Text) -> dict[str, str]:
    """The text in each of the console's languages. Lazy text is rendered in each; plain text is the same in all."""
    rendered = {}
    for code, _name in settings.LANGUAGES:
        with override(code):
            rendered[code] = str(text)
    return rendered


def in_current_language(texts: dict[str, str]) -> str:
    """The one of ``texts`` that the reader wants, or any, or nothing."""
    return texts.get(get_language() or settings.LANGUAGE_CODE) or next(iter(texts.values()), "")
