"""One world for all of a module's tests: making it takes longer than asking it, and every question is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import translation
from pytest_django import DjangoDbBlocker

from cloudia.accounts.models import User
from tests.parity.world import ROLES, World


@pytest.fixture(autouse=True)
def korean() -> Iterator[None]:
    """The language of a browser that asks for none. Requests leave theirs active in the thread of the test."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """An instance in every situation, in a transaction around those of the tests."""
    with translation.override(settings.LANGUAGE_CODE), django_db_blocker.unblock(), transaction.atomic():
        yield World.make()
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def people(world: World, django_db_blocker: DjangoDbBlocker) -> dict[str, User]:
    """Somebody for every role."""
    with django_db_blocker.unblock():
        return {role: world.person(role) for role in ROLES}
