"""Real processes killed at random while real guests are made, and many people pressing at once."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from tests.e2e.stack import Stack, domains, virsh

CREATES = 30
PARALLEL = 50


@contextmanager
def workers_killed_at_random(stack: Stack) -> Iterator[Counter[str]]:
    """kill -9 a process of the stack's worker every half second or so; counts the kills.

    Its keeper, the first of them, is left alone: it would take all others along and come back more and more slowly.
    """
    done, kills = threading.Event(), Counter[str]()

    def kill() -> None:
        chance = random.Random(20261122)  # the same kills each time, as far as processes allow
        while not done.wait(chance.uniform(0.3, 0.9)):
            if victims := stack.processes("manage.py worker")[1:]:
                os.kill(chance.choice(victims), signal.SIGKILL)
                kills["worker"] += 1

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield kills
    finally:
        done.set()
        thread.join()


def locks(stack: Stack) -> int:
    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT count(*) FROM jobs_joblock").fetchone()
    assert row
    return int(row[0])


def test_creates_with_workers_killed_end_running_or_cleanly_failed(stack: Stack) -> None:
    with workers_killed_at_random(stack) as kills:
        jobs = [stack.create(f"crash-{number}", image=stack.seeded["blank"]) for number in range(CREATES)]
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and kills["worker"] < CREATES:
            time.sleep(0.2)
    ended = [stack.finished(job, 180) for job in jobs]
    assert kills["worker"] >= 10
    assert locks(stack) == 0
    found = [stack.instance(job["target"]["id"]) for job in ended]
    running = {instance["short_id"]: instance for instance in found if instance["status"] == "running"}
    failed = [instance for instance in found if instance["status"] == "error"]
    assert len(running) + len(failed) == CREATES
    assert {job["status"] for job in ended} <= {"succeeded", "failed"}
    by_host = [set(domains(host)) for host in stack.lab_hosts]
    assert set().union(*by_host) >= set(running)
    assert not {instance["short_id"] for instance in failed} & set().union(*by_host)
    for instance in found:
        stack.remove(instance)
    for host in stack.lab_hosts:
        assert not {f"i-{job['target']['id'][:8]}" for job in jobs} & set(domains(host))


def test_one_of_many_parallel_starts_is_accepted_and_the_others_hear_of_its_job(stack: Stack) -> None:
    instance = stack.made("parallel", start=False)

    def start(_number: int) -> tuple[int, str, str]:
        answer = stack.api("POST", f"instances/{instance['id']}/start/")
        return answer.status, answer.body.get("code", ""), (answer.body.get("job") or answer.body).get("id", "")

    with ThreadPoolExecutor(PARALLEL) as pool:
        answers = list(pool.map(start, range(PARALLEL)))
    accepted = [answer for answer in answers if answer[0] == 202]
    assert len(accepted) == 1
    assert {status for status, _code, _job in answers if status != 202} == {409}
    named = {job for _status, code, job in answers if code == "busy"}
    assert named <= {accepted[0][2]}
    stack.finished({"id": accepted[0][2]})
    assert domains(stack.host_of(instance))[instance["short_id"]] == "running"
    stack.remove(stack.instance(instance["id"]))


def test_web_and_watcher_killed_are_back_and_nothing_was_missed(stack: Stack) -> None:
    instance = stack.made("survivor")
    for word in ("uvicorn", "watch_hosts"):
        for pid in stack.processes(word):
            os.kill(pid, signal.SIGKILL)
    virsh(stack.host_of(instance), "destroy", instance["short_id"])

    def stopped() -> bool:
        try:
            return bool(stack.instance(instance["id"])["status"] == "stopped")
        except (OSError, ValueError):
            return False

    stack.until(stopped, 30)
    stack.remove(stack.instance(instance["id"]))
