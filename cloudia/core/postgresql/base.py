"""The backend that ``ENGINE`` names: Django looks for ``DatabaseWrapper`` in a module named ``base``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import psycopg
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

Connection = psycopg.Connection[Any]


class Pool(ConnectionPool[Connection]):
    """Looks through all its idle connections as soon as one of them is found dead.

    They died together, when the server ended. psycopg's pool looks at one after the other, with a delay between that
    doubles from 1 s: after a busy time a request would meet so many of them that it waits in vain.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(check=self._check_all_or_none, **options)

    def _check_all_or_none(self, connection: Connection) -> None:
        try:
            self.check_connection(connection)
        except psycopg.OperationalError:
            self.check()
            raise


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, but for the pool: Django leaves no choice of its class."""

    _connection_pools: ClassVar[dict[str, Pool]] = {}  # by alias; Django's own close_pool() empties it
    _configure_connection: Callable[[Connection], bool]

    @property
    def pool(self) -> Pool | None:
        """The process's pool, not opened yet on first use; None if the settings ask for none."""
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        if self.alias not in self._connection_pools:
            keywords = {**self.get_connection_params(), "autocommit": True}
            pool = Pool(kwargs=keywords, configure=self._configure_connection, open=False, **options)
            self._connection_pools.setdefault(self.alias, pool)  # of two threads the first one wins
        return self._connection_pools[self.alias]
