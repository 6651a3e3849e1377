"""Who of all watchers leads: the one that holds an advisory lock of the database on a connection of its own.

The lock is the session's, so it is free the moment the leader or its connection dies.
"""

from __future__ import annotations

import logging
from typing import Any

import psycopg
from django.db import connection

log = logging.getLogger(__name__)

LOCK = 0x77617463  # "watc" in ASCII; one leader for the whole installation
CONNECT_S = 5
SILENT_MS = 10_000  # a connection over a network that is gone is given up after this, on both ends
KEEPALIVES = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"


class Leadership:
    """Of one process, which calls it from one thread."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None
        self._leads = False

    def hold(self) -> bool:
        """Whether this process leads now; takes the lead if nobody has it. A lost connection gives it up."""
        led = self._leads
        try:
            self._leads = self._ask()
        except psycopg.Error as error:
            if led:
                log.warning("the lead is given up, the database is away: %s", error)
            self.release()
        if self._leads and not led:
            log.info("this watcher leads")
        return self._leads

    def release(self) -> None:
        """Let another one lead."""
        self._leads = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self) -> bool:
        if self._connection is None:
            self._connection = _connect()
        if self._leads:
            self._connection.execute("SELECT 1")
            return True
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        return bool(row and row[0])


def _connect() -> psycopg.Connection[Any]:
    """Outside of Django's pool, which would lend the session to others."""
    limits = {"connect_timeout": CONNECT_S, "tcp_user_timeout": SILENT_MS}
    parameters = {**limits, **connection.get_connection_params(), "autocommit": True}
    opened: psycopg.Connection[Any] = psycopg.connect(**parameters)
    opened.execute(KEEPALIVES)
    return opened


def is_led() -> bool:
    """Whether some watcher leads, in any process on any machine."""
    query = """
        SELECT EXISTS (
            SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid = 0 AND objid = %s
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        )"""  # how pg_locks shows the one-argument form: PostgreSQL's manual, 54.12
    with connection.cursor() as cursor:
        cursor.execute(query, [LOCK])
        row = cursor.fetchone()
    return bool(row and row[0])
