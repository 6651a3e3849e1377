"""Somebody in a project, and a browser's session of theirs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

import pytest
from django.test import Client

from cloudia.accounts.enums import Role
from cloudia.accounts.models import Project, User
from instances.enums import PowerState
from instances.models import Instance
from networking.models import Subnet
from tests.factories import MembershipFactory, OperatorFactory, ProjectFactory, SubnetFactory
from tests.integration.pages.editing import make

LogIn: TypeAlias = Callable[[User], Client]

HTMX = {"HX-Request": "true"}


def log_in(user: User) -> Client:
    """A browser in which ``user`` is logged in."""
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(user, backend="cloudia.accounts.backends.PeopleBackend")
    return browser


@pytest.fixture(autouse=True)
def nobody_waits_for_ovn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes of networks are late after a day: no slow test meets the pages' word about those that wait for OVN."""
    monkeypatch.setattr("networking.selectors.SLOW", timedelta(days=1))


@pytest.fixture
def project(db: None) -> Project:
    """A project."""
    return ProjectFactory.create(name="shop")


@pytest.fixture
def manager(project: Project) -> Client:
    """The browser of its manager."""
    return log_in(MembershipFactory.create(project=project).user)


@pytest.fixture
def viewer(project: Project) -> Client:
    """The browser of somebody who may only look."""
    return log_in(MembershipFactory.create(project=project, role=Role.VIEWER).user)


@pytest.fixture
def operator(project: Project) -> Client:
    """The browser of an operator of the installation."""
    return log_in(OperatorFactory.create())


@pytest.fixture
def subnet(project: Project) -> Subnet:
    """10.0.0.0/24 of the project."""
    return SubnetFactory.create(project=project, name="app")


@pytest.fixture
def stopped(project: Project, subnet: Subnet) -> Instance:
    """A stopped instance with two interfaces and a data disk, that may grow to 4 vCPUs and 4 GiB."""
    return make(project, subnet, PowerState.STOPPED)


@pytest.fixture
def running(project: Project, subnet: Subnet) -> Instance:
    """The same, running."""
    return make(project, subnet, PowerState.RUNNING)
