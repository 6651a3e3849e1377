"""The queue's broker: django-q2's own on our database, but told of new tasks instead of asking five times a second.

A task is taken within milliseconds, and an idle worker costs one query a second.
"""

from __future__ import annotations

import logging
from typing import Any

import psycopg
from django.db import connection
from django_q.brokers.orm import ORM

log = logging.getLogger(__name__)

CHANNEL = "cloudia_queue"
LOOK_S = 1.0  # without being told: for what another release put there, and for notifications that got lost


class NotifiedBroker(ORM):  # type: ignore[misc]  # django-q2 is untyped
    """The ORM broker with PostgreSQL's LISTEN and NOTIFY. Its ``poll`` setting is to be 0: the waiting is done here."""

    # Opened where tasks are taken, which is behind a fork: never in the process that makes the broker.
    _listener: psycopg.Connection[Any] | None = None

    def enqueue(self, task: str) -> Any:
        """Add a task; others hear of it when the transaction commits, so never before it is there."""
        pk = super().enqueue(task)
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")
        return pk

    def dequeue(self) -> Any:
        """The next tasks, or nothing after a while."""
        listener = self._listening()  # before looking, so that no task falls in between
        tasks = super().dequeue()
        if not tasks:
            self._wait(listener)
        return tasks

    def _listening(self) -> psycopg.Connection[Any]:
        if self._listener is None or self._listener.closed:
            parameters = {**connection.get_connection_params(), "autocommit": True}
            self._listener = psycopg.connect(**parameters)
            self._listener.execute(f"LISTEN {CHANNEL}")
        return self._listener

    def _wait(self, listener: psycopg.Connection[Any]) -> None:
        try:
            list(listener.notifies(timeout=LOOK_S, stop_after=1))
        except psycopg.OperationalError as error:  # the database went away; the next look tells whether it is back
            log.warning("the queue's listener: %s", error)
            listener.close()
