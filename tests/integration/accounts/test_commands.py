"""Accounts from the shell."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from cloudia.accounts.models import Membership, Project, User
from cloudia.accounts.tokens import find_token
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    """What a command prints."""
    call_command(*words, stdout=(out := StringIO()))
    return out.getvalue().strip()


def test_create_project_prints_its_id_and_sets_its_manager() -> None:
    UserFactory.create(username="kim")
    assert run("create_project", "web", "--manager", "kim") == str(Project.objects.get(name="web").pk)
    assert Membership.objects.get().role == "manager"


def test_create_project_with_an_unknown_manager_creates_nothing() -> None:
    with pytest.raises(CommandError, match="'nobody'"):
        run("create_project", "web", "--manager", "nobody")
    assert not Project.objects.exists()


def test_refusal_is_one_line() -> None:
    run("create_project", "web")
    with pytest.raises(CommandError, match=r"\Aname: .*\Z"):
        run("create_project", "web")


def test_create_user_prints_the_password() -> None:
    password = run("create_user", "kim", "--operator")
    user = User.objects.get(username="kim")
    assert user.is_operator
    assert user.check_password(password)


def test_create_service_account_prints_its_id() -> None:
    printed = run("create_user", "k8s", "--service", "--origin", "kubernetes")
    user = User.objects.get(username="k8s")
    assert (printed, user.is_service, user.origin) == (str(user.pk), True, "kubernetes")


def test_create_token_prints_a_token_that_works() -> None:
    user = UserFactory.create(username="kim")
    token = find_token(run("create_token", "kim", "--name", "ci", "--days", "7", "--read-only"))
    assert token is not None
    assert (token.user, token.name, token.scope) == (user, "ci", "read")
    assert timedelta(days=6) < token.expires_at - timezone.now() <= timedelta(days=7)


@pytest.mark.parametrize("days", ["0", "366", "-3", "soon", "9" * 30])
def test_create_token_refuses_a_life_that_makes_no_sense(days: str) -> None:
    UserFactory.create(username="kim")
    with pytest.raises(CommandError, match="from 1 to 365"):
        run("create_token", "kim", f"--days={days}")
