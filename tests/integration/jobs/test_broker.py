"""The queue's broker: told of tasks as soon as they are there, and not before."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from cloudia.jobs import broker
from cloudia.jobs.broker import NotifiedBroker

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def taker() -> Iterator[list[tuple[float, Any]]]:
    """Another process's end of the queue: takes tasks, and notes when."""
    taken: list[tuple[float, Any]] = []
    done = threading.Event()

    def take() -> None:
        ours = NotifiedBroker(list_key="cloudia")
        try:
            while not done.is_set():
                for pk, payload in ours.dequeue() or ():
                    taken.append((time.monotonic(), payload))
                    ours.acknowledge(pk)
        finally:
            if ours._listener:
                ours._listener.close()
            connection.close()

    thread = threading.Thread(target=take)
    thread.start()
    time.sleep(0.3)  # until it listens
    try:
        yield taken
    finally:
        done.set()
        thread.join()


def wait_for(taken: list[tuple[float, Any]], seconds: float) -> float:
    """When the first task was taken; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not taken:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return taken[0][0]


def test_task_is_taken_long_before_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "LOOK_S", 30.0)
    with taker() as taken:
        asked = time.monotonic()
        NotifiedBroker(list_key="cloudia").enqueue("task")
        took = wait_for(taken, 10) - asked
        NotifiedBroker(list_key="cloudia").enqueue("ends the wait")
        monkeypatch.setattr(broker, "LOOK_S", 0.1)
    assert took < 5, "a look comes only every 30 s here"
    assert taken[0][1] == "task"


def test_task_is_not_seen_before_its_transaction_ends() -> None:
    with taker() as taken:
        with transaction.atomic():
            NotifiedBroker(list_key="cloudia").enqueue("task")
            time.sleep(1.5)
            assert taken == []
        wait_for(taken, 5)


def test_task_of_a_rolled_back_transaction_is_never_seen() -> None:
    with taker() as taken:
        with transaction.atomic():
            NotifiedBroker(list_key="cloudia").enqueue("task")
            transaction.set_rollback(True)
        time.sleep(1.5)
    assert taken == []
