"""Every page speaks the reader's language and no other, and takes hostile names for text; it fits on a phone, and
meets WCAG 2.2 AA, light and dark, on a desk and on a phone.

One visit for all that can be seen there: going to a page takes longer than looking at it.
"""

from __future__ import annotations

import re

import pytest
from django.utils.translation import gettext, override
from playwright.sync_api import Page

from tests.browser import PHONE, Visits
from tests.e2e.axe import COLOURS, WCAG, violations
from tests.e2e.gallery import Gallery
from tests.e2e.places import HOSTILE, PLACES, Place
from tests.e2e.scenery import DATA

NOT_OURS = re.compile("|".join(re.escape(text) for text in sorted(DATA, key=len, reverse=True)))
HANGUL = re.compile("[가-힣]")
SENTENCE = re.compile(r"[A-Za-z]{2,} +[A-Za-z]{2,}")  # two words in a row: more than a name or a unit
PRODUCTS = {"Ceph RBD", "Thread Per Core 1", "Thread Per Core 2"}  # and terms that Korean guides write like this
CHOICES_OF_LANGUAGE = {"한국어", "한", "한국어로 바꾸기", "English", "EN", "Switch to English"}

# All that is read, heard or shown on hover, except code and what the scenery has put there.
TEXTS = """() => {
    const found = [], skipped = "script, style, pre, code, template, .mono, noscript";
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (!node.parentElement.closest(skipped)) found.push(node.textContent);
    }
    for (const element of document.body.querySelectorAll("*"))
        for (const name of ["title", "aria-label", "placeholder"])
            if (element.hasAttribute(name)) found.push(element.getAttribute(name));
    return [document.title, ...found].map((text) => text.trim()).filter(Boolean);
}"""

# What reaches beyond the window's right side, or is cut off inside a table's frame.
TOO_WIDE = """() => {
    const wide = [...document.querySelectorAll(".table-wrap")].filter((e) => e.scrollWidth > e.clientWidth + 1);
    if (document.documentElement.scrollWidth > innerWidth) {
        const limit = innerWidth + 1;
        wide.push(...[...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > limit));
    }
    return wide.slice(0, 5).map((element) => element.outerHTML.slice(0, 200));
}"""


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_korean_page_is_korean_and_for_everybody(place: Place, visits: Visits, gallery: Gallery) -> None:
    page = place.visit(visits, gallery)
    assert page.locator("html").get_attribute("lang") == "ko"
    words = spoken(page)
    with override("ko"):
        found = [text for text in words if gettext(text) != text]  # has a translation, which is not used
    found += [text for text in words if SENTENCE.search(text) and not HANGUL.search(text)]
    assert found + obstacles(page) == []


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_an_english_page_is_english(place: Place, visits: Visits, gallery: Gallery) -> None:
    page = place.visit(visits, gallery, language="en")
    assert page.locator("html").get_attribute("lang") == "en"
    found = [text for text in spoken(page) if HANGUL.search(text)] + too_wide(page)
    put_on_phone(page)
    assert found + too_wide(page) == []


@pytest.mark.parametrize("place", HOSTILE, ids=str)
def test_a_hostile_name_is_text(place: Place, visits: Visits, gallery: Gallery) -> None:
    page = place.visit(visits, gallery)
    assert page.locator("main script, main img, dialog img").count() == 0
    assert obstacles(page) == []


def obstacles(page: Page) -> list[str]:
    """What does not fit, and what is serious to axe: on a desk, on a phone, and there in the dark."""
    found = too_wide(page) + violations(page, WCAG)
    put_on_phone(page)
    found += too_wide(page) + violations(page, WCAG)
    page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    return found + violations(page, COLOURS)


def put_on_phone(page: Page) -> None:
    """Make the window a phone's."""
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})


def too_wide(page: Page) -> list[str]:
    """What does not fit in the window."""
    found: list[str] = page.evaluate(TOO_WIDE)
    return found


def spoken(page: Page) -> list[str]:
    """The page's texts without what is data, a product's name or the name of the other language."""
    texts: list[str] = page.evaluate(TEXTS)
    return [NOT_OURS.sub("", text) for text in texts if text not in CHOICES_OF_LANGUAGE | PRODUCTS]
