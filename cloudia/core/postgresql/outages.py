"""When the database itself does not answer."""

from __future__ import annotations

import psycopg
from django.db import InterfaceError, OperationalError

RETRY_AFTER_S = 5  # a restart of the server takes about this long

# Classes of https://www.postgresql.org/docs/current/errcodes-appendix.html: lost connection, no connection left,
# server shutting down or starting. Deadlocks and timeouts of single queries are none of them.
OUTAGES = ("08", "53", "57P")


def is_outage(error: BaseException | None) -> bool:
    """Whether the database did not answer at all, as Django reports it."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    cause = error.__cause__
    sqlstate = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    return sqlstate is None or sqlstate.startswith(OUTAGES)
