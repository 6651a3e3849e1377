"""The web process's connections to the database, when it goes away and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import psycopg
import pytest
from django.conf import settings
from django.db.utils import load_backend
from psycopg_pool import ConnectionPool, PoolTimeout

from cloudia.core import env

OUTAGE_S = 8.0  # psycopg's own delays would be over after 1, 3, 7 and 15 s
PATIENCE_S = 4.0
BUSY = 12  # connections at once: with delays of 1, 2, 4 … s between dead ones, a request meets 5 in its 10 s
POOL = "pool-of-the-test"


@pytest.fixture
def way(postgres: object, tmp_path: Path) -> Path:
    """The directory of the server's socket; taken away, the server can't be reached."""
    way = tmp_path / "way"
    way.symlink_to(settings.DATABASES["default"]["HOST"])
    return way


@pytest.fixture
def pool(way: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConnectionPool]:
    """The pool as the web process has it."""
    monkeypatch.setenv("CLOUDIA_WEB", "1")
    server = settings.DATABASES["default"]
    url = f"postgresql://{server['USER']}@/postgres?host={way}&port={server['PORT']}&application_name={POOL}"
    monkeypatch.setenv("POOL_URL", url)
    wanted = env.database("POOL_URL", way)
    wrapper = load_backend(wanted["ENGINE"]).DatabaseWrapper({**server, **wanted}, POOL)
    wrapper.pool.open()
    yield wrapper.pool
    wrapper.close_pool()


def test_database_that_comes_back_is_used_at_once(pool: ConnectionPool, way: Path) -> None:
    pool.wait()
    _cut()
    server = way.readlink()
    way.unlink()
    with pytest.raises(PoolTimeout):
        pool.getconn(timeout=OUTAGE_S)
    way.symlink_to(server)
    with pool.connection(timeout=PATIENCE_S) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_connections_that_died_together_delay_nobody(pool: ConnectionPool) -> None:
    for connection in [pool.getconn() for _connection in range(BUSY)]:
        pool.putconn(connection)
    assert pool.get_stats()["pool_available"] == BUSY
    _cut()
    for _request in range(BUSY):
        start = monotonic()
        with pool.connection(timeout=PATIENCE_S) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert monotonic() - start < PATIENCE_S


def _cut() -> None:
    """End the pool's connections from the server's side, as a restart of the server does."""
    server = settings.DATABASES["default"]
    conninfo = psycopg.conninfo.make_conninfo(
        host=server["HOST"], port=server["PORT"], user=server["USER"], dbname="postgres"
    )
    with psycopg.connect(conninfo, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [POOL])
