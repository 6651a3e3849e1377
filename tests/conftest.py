"""What every test may ask for. The settings, and the environment they come from: tests/settings.py."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest
from django.utils import translation

from tests import parallel, settings
from tests.postgres import cluster

# How long an example takes, or its making, says something about what else runs here and nothing about CloudiA.
hypothesis.settings.register_profile(
    "beside-others", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("beside-others")


def pytest_configure(config: pytest.Config) -> None:
    """Have the tests shared as tests/parallel.py says."""
    config.pluginmanager.register(parallel)


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """Requests leave their language active in the thread of the test: it ends with the test."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """``DATABASE_URL`` of a server that is up: the caller's own, or one made for this session."""
    url = os.environ["DATABASE_URL"]
    if str(settings.POSTGRES_DIR) not in url:
        yield url
        return
    with cluster(settings.POSTGRES_DIR):
        yield url


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: str) -> None:
    """Start PostgreSQL when the first test asks for the database: tests that need none don't wait for it."""
