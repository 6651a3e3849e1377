"""Sorting and paging."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from cloudia.accounts.models import User
from cloudia.ui.listing import Listing, listing
from tests.factories import UserFactory

SORTS = {"name": "username", "mail": "email"}


def ask(query: str, size: int = 2) -> Listing[User]:
    """The list of users as the address asks for it."""
    request = RequestFactory().get(f"/?{query}")
    return listing(request, User.objects.all(), sorts=SORTS, default="name", size=size)


@pytest.fixture
def users(db: None) -> list[User]:
    """Five, with one e-mail address for all."""
    return [UserFactory.create(username=name, email="a@example.com") for name in "abcde"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "ab"),
        ("sort=-name", "ed"),
        ("page=2", "cd"),
        ("page=3", "e"),
        ("page=99", "e"),
        ("page=x", "ab"),
        ("page=-1", "e"),
    ],
)
@pytest.mark.usefixtures("users")
def test_the_address_decides(query: str, names: str) -> None:
    assert "".join(user.username for user in ask(query).page) == names


@pytest.mark.parametrize("sort", ["password", "--name", "-", ""])
@pytest.mark.usefixtures("users")
def test_a_sort_that_is_not_offered_is_the_default(sort: str) -> None:
    assert ask(f"sort={sort}").sort == "name"


@pytest.mark.parametrize("sort", ["mail", "-mail"])
def test_pages_of_equals_do_not_overlap(users: list[User], sort: str) -> None:
    seen = [user.pk for number in (1, 2, 3) for user in ask(f"sort={sort}&page={number}").page]
    assert sorted(seen) == sorted(user.pk for user in users)


@pytest.mark.usefixtures("users")
def test_many_pages_are_left_out_in_the_middle() -> None:
    found = ask("", size=1)
    assert found.total == 5
    assert found.page_numbers[0] == 1
    assert found.page_numbers[-1] == 5
