"""Logging in: who can, how often one may be wrong, and what is written down."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from cloudia.accounts.models import AuditEntry, User
from tests.factories import OperatorFactory, UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "correct-horse-4711"
PLACES = ["login", "admin:login"]


@pytest.fixture
def user() -> User:
    """An operator, who may come in by both doors."""
    return OperatorFactory.create(username="kim", password=PASSWORD)


def attempt(client: Client, place: str, password: str, username: str = "kim", **headers: str) -> int:
    """Fill in the form; returns the status: 302 is in, 200 is the form again, 429 is locked out."""
    return client.post(reverse(place), {"username": username, "password": password}, headers=headers).status_code


def trail() -> list[tuple[str, ...]]:
    """What was written down, oldest first."""
    columns = ("username", "action", "outcome", "code", "address")
    return [(*row,) for row in AuditEntry.objects.order_by("pk").values_list(*columns)]


@pytest.mark.parametrize("place", PLACES)
def test_login_and_logout_are_written_down(client: Client, user: User, place: str) -> None:
    assert attempt(client, place, PASSWORD) == 302
    client.post(reverse("logout"))
    assert trail() == [
        ("kim", "login", "done", "", "127.0.0.1"),
        ("kim", "logout", "done", "", "127.0.0.1"),
    ]


def test_wrong_password_and_unknown_name_look_alike_and_are_written_down(client: Client, user: User) -> None:
    answers = []
    for name in ("kim", "nobody"):
        page = client.post(reverse("login"), {"username": name, "password": "wrong"})
        answers.append(str(page.context["form"].errors))
    assert answers[0] == answers[1]
    assert [entry[:4] for entry in trail()] == [
        ("kim", "login", "refused", "bad_credentials"),
        ("nobody", "login", "refused", "bad_credentials"),
    ]
    assert list(AuditEntry.objects.order_by("pk").values_list("user__username", flat=True)) == ["kim", None]


@pytest.mark.parametrize("place", PLACES)
def test_fifth_wrong_password_locks_the_door_even_for_the_right_one(client: Client, user: User, place: str) -> None:
    assert [attempt(client, place, "wrong") for _ in range(5)] == [200] * 4 + [429]
    assert attempt(client, place, PASSWORD) == 429
    assert trail()[-1][:4] == ("kim", "login", "refused", "locked_out")


def test_lock_is_for_one_name_from_one_address(client: Client, user: User) -> None:
    UserFactory.create(username="lee", password=PASSWORD)
    for _ in range(5):
        attempt(client, "login", "wrong")
    assert attempt(Client(), "login", PASSWORD, username="lee") == 302
    assert attempt(Client(REMOTE_ADDR="192.0.2.9"), "login", PASSWORD) == 302


def test_forwarded_address_does_not_get_around_the_lock(client: Client, user: User) -> None:
    for number in range(5):
        attempt(client, "login", "wrong", **{"X-Forwarded-For": f"192.0.2.{number}"})
    assert attempt(client, "login", PASSWORD, **{"X-Forwarded-For": "192.0.2.99"}) == 429


@pytest.mark.parametrize("change", [{"is_service": True}, {"is_active": False}])
def test_service_and_closed_accounts_cannot_log_in_and_lose_their_session(
    client: Client, user: User, change: dict[str, bool]
) -> None:
    assert attempt(client, "login", PASSWORD) == 302
    User.objects.update(**change)
    assert attempt(Client(), "login", PASSWORD) == 200
    assert client.get(reverse("admin:index")).status_code == 302


def test_new_password_ends_the_session(client: Client, user: User) -> None:
    attempt(client, "login", PASSWORD)
    user.set_password("another-horse-4712")
    user.save()
    assert client.get(reverse("admin:index")).status_code == 302


@pytest.mark.parametrize("place", PLACES)
def test_login_never_leads_to_another_site(client: Client, user: User, place: str) -> None:
    form = {"username": "kim", "password": PASSWORD, "next": "https://evil.example/"}
    answer = client.post(reverse(place), form)
    assert answer.status_code == 302
    assert "evil" not in answer.headers["Location"]


def test_null_characters_are_no_server_error(client: Client) -> None:
    assert attempt(client, "login", "x", username="k\0im") == 200
