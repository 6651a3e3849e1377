"""Secrets at rest, and text that is read in a language not known when it was written."""

from __future__ import annotations

from django.test import override_settings
from django.utils.translation import gettext_lazy, override

from cloudia.core.secrets import seal, unseal
from cloudia.core.text import in_current_language, in_every_language


def test_sealed_secret_comes_back_and_is_not_readable() -> None:
    sealed = seal("hunter2")
    assert "hunter2" not in sealed
    assert unseal(sealed) == "hunter2"


def test_nothing_sealed_is_nothing() -> None:
    assert (seal(""), unseal("")) == ("", "")


def test_secret_sealed_with_another_key_is_gone_and_not_an_error() -> None:
    sealed = seal("hunter2")
    with override_settings(SECRET_KEY="another key that is long enough to be one"):
        assert unseal(sealed) == ""


def test_lazy_text_is_kept_in_every_language() -> None:
    texts = in_every_language(gettext_lazy("Running"))
    with override("en"):
        assert in_current_language(texts) == "Running"
    with override("ko"):
        assert in_current_language(texts) == texts["ko"] != "Running"


def test_text_in_no_language_is_empty() -> None:
    assert in_current_language({}) == ""
