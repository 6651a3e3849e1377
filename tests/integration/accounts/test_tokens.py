"""API tokens from making to revoking."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from cloudia.accounts.actor import Actor
from cloudia.accounts.models import ApiToken, AuditEntry, User
from cloudia.accounts.services import token_create, token_revoke, user_edit
from cloudia.accounts.tokens import digest, find_token
from cloudia.core.errors import InputError
from cloudia.core.policy import ActionDenied
from tests.factories import OperatorFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    """Anybody."""
    return UserFactory.create(username="kim")


def test_token_is_random_shown_once_and_kept_as_a_digest(user: User) -> None:
    token, plain = token_create(actor=Actor(user), user=user, name="ci")
    assert re.fullmatch(r"cld_[A-Za-z0-9_-]{43}", plain)
    assert token.digest == digest(plain)
    assert plain not in str(ApiToken.objects.values().get()) + str(list(AuditEntry.objects.values()))
    assert plain.startswith(token.prefix)
    assert len(token.prefix) == 8
    assert find_token(plain) == token


def test_token_is_written_down_with_its_name(user: User) -> None:
    token, _plain = token_create(actor=Actor(user), user=user, name="ci")
    token_revoke(actor=Actor(user), token=token)
    entries = AuditEntry.objects.order_by("pk").values_list("action", "target_name", "outcome")
    assert list(entries) == [("token.create", str(token), "done"), ("token.revoke", str(token), "done")]


def test_token_lives_90_days_unless_said_otherwise(user: User) -> None:
    token, _plain = token_create(actor=Actor(user), user=user, name="ci")
    assert timedelta(days=89, hours=23) < token.expires_at - timezone.now() <= timedelta(days=90)


@pytest.mark.parametrize("days", [-1, 0, 367, 100_000])
def test_token_lives_from_now_to_a_year(user: User, days: int) -> None:
    with pytest.raises(InputError) as refused:
        token_create(actor=Actor(user), user=user, name="ci", expires_at=timezone.now() + timedelta(days=days))
    assert set(refused.value.fields) == {"expires_at"}


@pytest.mark.parametrize(("field", "value"), [("name", ""), ("name", "x" * 129), ("name", "a\0b"), ("scope", "all")])
def test_token_needs_a_name_and_a_scope(user: User, field: str, value: str) -> None:
    with pytest.raises(InputError) as refused:
        token_create(actor=Actor(user), user=user, **{"name": "ci", field: value})  # type: ignore[arg-type]  # all text
    assert set(refused.value.fields) == {field}


def test_token_made_with_a_token_does_not_outlive_it(user: User) -> None:
    first, _plain = token_create(actor=Actor(user), user=user, name="ci", expires_at=timezone.now() + timedelta(days=3))
    second, _plain = token_create(actor=Actor(user, token=first), user=user, name="more")
    assert second.expires_at == first.expires_at
    with pytest.raises(InputError):
        token_create(
            actor=Actor(user, token=first), user=user, name="ci", expires_at=timezone.now() + timedelta(days=4)
        )


def test_read_only_token_makes_no_token(user: User) -> None:
    token, _plain = token_create(actor=Actor(user), user=user, name="ci", scope="read")
    with pytest.raises(ActionDenied) as refused:
        token_create(actor=Actor(user, token=token), user=user, name="more")
    assert refused.value.denial.code == "permission_denied"


def test_tokens_of_others_are_for_operators(user: User) -> None:
    token, _plain = token_create(actor=Actor(OperatorFactory.create()), user=user, name="ci")
    stranger = Actor(UserFactory.create())
    for ask in (
        lambda: token_create(actor=stranger, user=user, name="mine"),
        lambda: token_revoke(actor=stranger, token=token),
    ):
        with pytest.raises(ActionDenied):
            ask()
    assert list(ApiToken.objects.all()) == [token]


def test_inactive_account_gets_no_token(user: User) -> None:
    operator = Actor(OperatorFactory.create())
    closed = user_edit(actor=operator, user=user, is_active=False)
    with pytest.raises(ActionDenied) as refused:
        token_create(actor=operator, user=closed, name="ci")
    assert refused.value.denial.code == "account_inactive"


def test_only_a_valid_token_is_found(user: User) -> None:
    token, plain = token_create(actor=Actor(user), user=user, name="ci")
    assert find_token(plain[:-1]) is None
    assert find_token(plain.removeprefix("cld_")) is None
    assert find_token("") is None
    ApiToken.objects.update(expires_at=timezone.now())
    assert find_token(plain) is None
    ApiToken.objects.update(expires_at=token.expires_at)
    User.objects.update(is_active=False)
    assert find_token(plain) is None
    User.objects.update(is_active=True)
    token_revoke(actor=Actor(user), token=token)
    assert find_token(plain) is None


def test_use_is_noted_at_most_once_a_minute(user: User) -> None:
    _token, plain = token_create(actor=Actor(user), user=user, name="ci")
    moments = []
    for ago in (None, 59, 61):
        if ago is not None:
            ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=ago))
        before = ApiToken.objects.get().last_used_at
        find_token(plain)
        moments.append(ApiToken.objects.get().last_used_at != before)
    assert moments == [True, False, True]
