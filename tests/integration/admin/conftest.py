"""An operator at the admin's pages."""

from __future__ import annotations

import pytest
from django.test import Client

from cloudia.accounts.models import User
from tests.factories import OperatorFactory


@pytest.fixture
def operator(db: None) -> User:
    """The one who works here."""
    return OperatorFactory.create(username="root-operator")


@pytest.fixture
def desk(operator: User) -> Client:
    """Its browser, logged in."""
    client = Client()
    client.force_login(operator, backend="cloudia.accounts.backends.PeopleBackend")
    return client
