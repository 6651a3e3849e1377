"""Components: what they render, and that a misspelt argument fails at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory
from django.utils import translation

from cloudia.core.policy import Action, Denial, Holder, Verdict
from cloudia.ui import links
from tests.integration.ui.site import CREATING, RUNNING, UNKNOWN, State, ThingForm

STOP = Action("stop", "Stop", "operate", icon="player-stop")
DELETE = Action("delete", "Delete", "manage", icon="trash", destructive=True)
BUSY = Denial("busy", "“Migrate” is in progress.", holder=Holder("job", "7", "Migrate"))


def render(source: str, **context: Any) -> str:
    """The template's output in English, with the request a page has."""
    context.setdefault("request", RequestFactory().get("/instances/?q=web&sort=name&page=3"))
    with translation.override("en"):
        return Template("{% load ui %}" + source).render(Context(context))


@pytest.fixture
def jobs_have_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers where a job's page is."""
    monkeypatch.setattr(links, "_types", {})
    links.register("job", lambda pk: f"/jobs/{pk}/", "Show the job")


@pytest.mark.parametrize(
    "source",
    [
        '{% icon "server" tiny=True %}',
        "{% state obj color=1 %}",
        "{% action verdict dialogue='/x/' %}",
        "{% menu_action verdict dialogue='/x/' %}",
        "{% toolbar items title='x' %}",
        "{% copy 'x' %}",
        "{% tag 'x' tone='ok' %}",
        "{% bar 'x' percent=3 %}",
        "{% quota 'x' used=1 %}",
        "{% when moment format='c' %}",
        "{% field form.name size=3 %}",
        "{% column 'x' sort='name' %}",
        "{% pages listing size=3 %}",
        "{% detail_tabs 'x' obj %}",
        "{% target obj %}",
        "{% alert text='x' %}{% endalert %}",
        "{% empty title='x' %}{% endempty %}",
        "{% facts two=True %}{% endfacts %}",
        "{% fact %}{% endfact %}",
        "{% note text='x' %}{% endnote %}",
    ],
)
def test_a_misspelt_or_missing_argument_fails_when_the_template_is_compiled(source: str) -> None:
    with pytest.raises(TemplateSyntaxError):
        render(source)


def test_an_unknown_icon_is_refused() -> None:
    with pytest.raises(ValueError, match="no icon 'sevrer'"):
        render('{% icon "sevrer" %}')


def test_an_unknown_tone_is_refused() -> None:
    with pytest.raises(ValueError, match="no tone 'red'"):
        render("{% state obj %}", obj=State("x", "point", "red"))


def test_an_icon_is_a_reference_into_the_sprite_and_silent() -> None:
    assert render('{% icon "server" %}') == (
        '<svg class="icon" aria-hidden="true"><use href="/static/img/icons.svg#server"></use></svg>'
    )


def test_a_state_says_its_words_and_tone() -> None:
    html = render("{% state obj %}", obj=RUNNING)
    assert 'data-tone="ok"' in html
    assert "실행 중" in html


def test_a_state_in_progress_spins_and_says_the_percentage() -> None:
    html = render("{% state obj bar=True name='web' %}", obj=CREATING)
    assert 'class="icon spin"' in html
    assert '<span class="num">45%</span>' in html
    assert '<progress class="bar thin" max="100" value="45" aria-label="web 생성 중">' in html


def test_a_state_without_progress_has_no_bar() -> None:
    assert "<progress" not in render("{% state obj bar=True %}", obj=RUNNING)


def test_a_state_shows_its_note() -> None:
    assert '<span class="num">32초 전</span>' in render("{% state obj %}", obj=UNKNOWN)


def test_an_allowed_action_opens_its_dialog() -> None:
    html = render("{% action verdict dialog='/dialog/' %}", verdict=Verdict(STOP, None))
    assert 'hx-get="/dialog/" hx-target="#dialog"' in html
    assert "aria-disabled" not in html


def test_a_denied_action_keeps_the_focus_and_says_why(jobs_have_pages: None) -> None:
    html = render("{% action verdict dialog='/dialog/' %}", verdict=Verdict(STOP, BUSY))
    assert 'aria-disabled="true" aria-describedby="why-stop"' in html
    assert " disabled" not in html
    assert "hx-get" not in html
    assert '“Migrate” is in progress. <a href="/jobs/7/">Show the job</a></span>' in html


def test_a_denied_menu_item_says_why_beneath(jobs_have_pages: None) -> None:
    html = render("{% menu_action verdict dialog='/dialog/' %}", verdict=Verdict(STOP, BUSY))
    assert '<small class="sub-line" id="no-stop">“Migrate” is in progress.</small>' in html
    assert 'href="/jobs/7/"' in html


def test_an_action_with_a_page_is_a_link() -> None:
    html = render("{% action verdict href='/edit/' %}", verdict=Verdict(STOP, None))
    assert '<a class="btn "' in html
    assert 'href="/edit/"' in html


def test_what_destroys_looks_dangerous() -> None:
    html = render("{% action verdict dialog='/d/' %}", verdict=Verdict(DELETE, None))
    assert "btn-outline-danger" in html


def test_names_are_text_and_never_markup() -> None:
    denial = Denial("x", "<b>no</b>")
    html = render("{% action verdict %}", verdict=Verdict(STOP, denial))
    assert "&lt;b&gt;no&lt;/b&gt;" in html
    html = render("{% fact name %}{{ name }}{% endfact %}", name="<i>")
    assert html == "<div><dt>&lt;i&gt;</dt><dd>&lt;i&gt;</dd></div>"


def test_copy_names_what_it_copies() -> None:
    html = render("{% copy '10.0.0.1' label='IP address' %}")
    assert 'data-copy="10.0.0.1" aria-label="Copy IP address: 10.0.0.1"' in html


def test_a_moment_has_its_zone_on_hover() -> None:
    html = render("{% when moment %}", moment=dt.datetime(2026, 8, 19, 5, 40, tzinfo=dt.UTC))
    assert ">2026-08-19 14:40</time>" in html
    assert 'title="2026-08-19 14:40:00 KST"' in html


def test_no_moment_is_a_dash() -> None:
    assert "–" in render("{% when None %}")


def test_a_field_ties_its_error_to_its_input() -> None:
    html = render("{% field form.address mono=True %}", form=ThingForm({"address": "10.20.1.300"}))
    assert 'aria-invalid="true" aria-describedby="id_address_error"' in html
    assert 'class="invalid-feedback d-block" id="id_address_error"' in html
    assert "form-control mono is-invalid" in html


@pytest.mark.parametrize(("used", "request_", "over"), [(182, 8, False), (250, 6, False), (250, 7, True)])
def test_a_quota_says_when_the_request_is_too_much(used: int, request_: int, over: bool) -> None:
    html = render("{% quota 'vCPU' used=used limit=256 request=r %}", used=used, r=request_)
    assert ('class="over"' in html) is over


def test_a_query_keeps_the_rest_of_the_address() -> None:
    assert render("{% query sort='-name' page=None %}") == "?q=web&amp;sort=-name"


def test_an_alert_shows_its_title_and_content() -> None:
    html = render("{% alert tone='bad' title='No' role='alert' %}<b>why</b>{% endalert %}")
    assert 'data-tone="bad" role="alert"' in html
    assert "<strong>No</strong> <b>why</b>" in html


@pytest.mark.parametrize(("level", "tone"), [("error", "bad"), ("warning", "bad"), ("success", "ok"), ("info", "ok")])
def test_failures_among_messages_stay_until_closed(level: str, tone: str) -> None:
    assert render("{{ level|message_tone }}", level=level) == tone
