"""Shell, login and error pages as they are served."""

from __future__ import annotations

import re

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from cloudia.accounts.models import User
from tests.factories import UserFactory

PASSWORD = "correct horse battery"


@pytest.fixture
def member(db: None) -> User:
    """Somebody who can log in."""
    return UserFactory.create(username="minsu.park", password=PASSWORD)


def test_every_component_renders(visitor: Client) -> None:
    response = visitor.get("/page/")
    assert response.status_code == 200
    assert "오토 스케일링 그룹" in response.text


def test_htmx_gets_the_fragment_it_replaces(visitor: Client) -> None:
    whole = visitor.get("/page/")
    rows = visitor.get("/page/", headers={"HX-Request": "true", "HX-Target": "rows"})
    assert "<html" in whole.text
    assert rows.text.startswith('<div class="table-wrap">')
    assert {"HX-Request", "HX-Target"} <= set(re.split(r",\s*", rows["Vary"]))


@pytest.mark.parametrize(
    "headers",
    [
        {"HX-Request": "true", "HX-Target": "other"},
        {"HX-Request": "true", "HX-Target": "rows", "HX-History-Restore-Request": "true"},
    ],
)
def test_other_htmx_requests_get_the_whole_page(visitor: Client, headers: dict[str, str]) -> None:
    assert "<html" in visitor.get("/page/", headers=headers).text


def test_the_content_policy_allows_nothing_inline(visitor: Client) -> None:
    policy = visitor.get("/page/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_shell_marks_the_page_and_shows_the_badge(visitor: Client) -> None:
    html = visitor.get("/page/").text
    assert re.search(r'<a href="/page/" aria-current="page">.*?인스턴스<span class="n num">128</span>', html)


def test_pages_are_korean_first(visitor: Client) -> None:
    assert '<html lang="ko"' in visitor.get("/page/").text


def test_the_language_is_switched_by_post(visitor: Client) -> None:
    response = visitor.post(reverse("set_language"), {"language": "en", "next": "/page/?sort=name"})
    assert response["Location"] == "/page/?sort=name"
    html = visitor.get("/page/").text
    assert '<html lang="en"' in html
    assert "Skip to the content" in html


def test_what_does_not_exist_is_404_within_the_shell(visitor: Client) -> None:
    response = visitor.get("/nowhere/")
    assert response.status_code == 404
    assert 'class="topbar"' in response.text


def test_what_is_not_allowed_is_403_within_the_shell(visitor: Client) -> None:
    response = visitor.get("/forbidden/")
    assert response.status_code == 403
    assert 'class="topbar"' in response.text


def test_the_anonymous_get_a_plain_404(component_site: None, client: Client, db: None) -> None:
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert 'class="topbar"' not in response.text


def test_an_error_page_needs_nothing_that_may_be_broken(visitor: Client) -> None:
    visitor.raise_request_exception = False
    response = visitor.get("/broken/")
    assert response.status_code == 500
    assert "문제가 발생했습니다" in response.text


def test_a_form_without_its_token_is_refused_in_words(component_site: None, member: User) -> None:
    response = Client(enforce_csrf_checks=True).post("/login/", {"username": "x", "password": "y"})
    assert response.status_code == 403
    assert "페이지를 연 지 오래되었습니다" in response.text


def test_logging_in_leads_back_to_where_one_wanted(component_site: None, member: User, client: Client) -> None:
    values = {"username": member.username, "password": PASSWORD, "next": "/page/?sort=name"}
    assert client.post("/login/", values)["Location"] == "/page/?sort=name"
    assert client.session.get_expiry_age() == 12 * 3600


def test_being_remembered_lasts_14_days(component_site: None, member: User, client: Client) -> None:
    client.post("/login/", {"username": member.username, "password": PASSWORD, "remember": "on"})
    assert client.session.get_expiry_age() == 14 * 24 * 3600


def test_a_wrong_password_says_what_happens_next(component_site: None, member: User, client: Client) -> None:
    response = client.post("/login/", {"username": member.username, "password": "wrong"})
    assert "5번 틀리면 15분 동안 로그인할 수 없습니다" in response.text
    assert 'role="alert"' in response.text


def test_too_many_wrong_passwords_lock(
    component_site: None, member: User, client: Client, settings: LazySettings
) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = client.post("/login/", {"username": member.username, "password": "wrong"})
    assert response.status_code == 429
    assert "15분 뒤에 다시 시도하거나" in response.text


def test_home_is_the_first_page_of_the_navigation(visitor: Client) -> None:
    assert visitor.get("/")["Location"] == "/page/"


def test_home_wants_a_login(component_site: None, client: Client, db: None) -> None:
    assert client.get("/")["Location"] == "/login/?next=/"


def test_logging_out_needs_a_post(visitor: Client) -> None:
    assert visitor.get("/logout/").status_code == 405
    assert visitor.post("/logout/")["Location"] == "/login/"


def test_the_admin_leads_back_to_the_console(component_site: None, client: Client, db: None) -> None:
    client.force_login(UserFactory.create(is_operator=True), backend="cloudia.accounts.backends.PeopleBackend")
    html = client.get("/admin/").text
    assert "콘솔로 돌아가기" in html
    assert "css/admin.css" in html
