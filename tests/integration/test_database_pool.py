"""The web process's connections to the database, when it goes away and comes back."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from psycopg_pool import ConnectionPool, PoolTimeout

from cloudia.core import env

OUTAGE_S = 8.0  # psycopg's own delays would be over after 1, 3, 7 and 15 s
PATIENCE_S = 4.0
POOL = "pool-of-the-test"


@pytest.mark.usefixtures("postgres")
def test_database_that_comes_back_is_used_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDIA_WEB", "1")
    way = tmp_path / "way"
    server = settings.DATABASES["default"]
    way.symlink_to(server["HOST"])
    conninfo = psycopg.conninfo.make_conninfo(
        host=str(way), port=server["PORT"], user=server["USER"], dbname="postgres", application_name=POOL
    )
    options = env.database("NO_SUCH_URL", tmp_path)["OPTIONS"]["pool"]
    with ConnectionPool(conninfo, check=ConnectionPool.check_connection, open=True, **options) as pool:
        pool.wait()
        _cut(conninfo)
        way.unlink()
        with pytest.raises(PoolTimeout):
            pool.getconn(timeout=OUTAGE_S)
        way.symlink_to(server["HOST"])
        with pool.connection(timeout=PATIENCE_S) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def _cut(conninfo: str) -> None:
    """End the pool's connections from the server's side, as a restart of the server does."""
    with psycopg.connect(conninfo, application_name="other", autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [POOL])
