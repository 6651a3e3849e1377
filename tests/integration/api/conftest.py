"""Clients of the API: programs with a token."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cloudia.accounts import tokens
from cloudia.accounts.enums import Role
from cloudia.accounts.models import ApiToken, Project, User
from tests.factories import MembershipFactory, OperatorFactory, ProjectFactory

Body: TypeAlias = dict[str, Any]
BASE = "/api/v1"


def token_for(user: User, scope: str = ApiToken.Scope.WRITE, **values: Any) -> str:
    """A token's text; its row is made by hand, so that tests may make bad ones."""
    plain = tokens.new_token()
    values = {"expires_at": timezone.now() + timedelta(days=1), **values}
    ApiToken.objects.create(
        user=user, name="test", scope=scope, prefix=plain[: tokens.SHOWN], digest=tokens.digest(plain), **values
    )
    return plain


def client_of(user: User, **values: Any) -> APIClient:
    """A program that acts for ``user``, in English."""
    return APIClient(HTTP_AUTHORIZATION=f"Token {token_for(user, **values)}", HTTP_ACCEPT_LANGUAGE="en")


@pytest.fixture
def project(db: None) -> Project:
    """The tenant the clients belong to."""
    return ProjectFactory.create(name="alpha")


@pytest.fixture
def member(project: Project) -> Callable[[Role], APIClient]:
    """A client with a role in the project."""
    return lambda role: client_of(MembershipFactory.create(project=project, role=role).user)


@pytest.fixture
def manager(member: Callable[[Role], APIClient]) -> APIClient:
    """A client that may do everything in the project."""
    return member(Role.MANAGER)


@pytest.fixture
def operator(db: None) -> APIClient:
    """A client of an operator of the installation."""
    return client_of(OperatorFactory.create())
