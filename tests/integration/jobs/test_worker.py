"""Real workers, killed one way and another: a job asked for afterwards is done within 30 s."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from django_q.conf import Conf
from django_q.models import OrmQ

from cloudia.accounts.actor import Actor
from cloudia.jobs.enums import JobStatus
from cloudia.jobs.health import workers_answer
from cloudia.jobs.models import Job
from cloudia.jobs.recovery import recover
from cloudia.jobs.services import job_enqueue
from cloudia.virt.volumes import COPY_S
from tests.factories import HostFactory, UserFactory
from tests.integration.jobs.nap import Nap

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]  # every test starts processes

ROOT = Path(__file__).parents[3]
WORKERS = 3
HELPERS = 2  # django-q2's pusher and monitor


def children(pid: int) -> list[int]:
    """Its living children, oldest first."""
    answer = subprocess.run(["ps", "-o", "pid=,stat=", "--ppid", str(pid)], capture_output=True, text=True)
    rows = (line.split() for line in answer.stdout.splitlines())
    return sorted(int(child) for child, state in rows if not state.startswith("Z"))


def alive(pid: int) -> bool:
    return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout[:1] not in "Z"


def wait_for(fact: Callable[[], object], seconds: float) -> None:
    """Wait until it is true, doing the watcher's part meanwhile."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not become true"
        recover()
        time.sleep(0.2)


def sentinel(worker: subprocess.Popen[bytes]) -> int:
    return children(worker.pid)[0]


def is_complete(worker: subprocess.Popen[bytes]) -> bool:
    """Whether the cluster has all its processes."""
    return any(len(children(pid)) == WORKERS + HELPERS for pid in children(worker.pid))


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """``manage.py worker`` on the test's database."""
    database = connection.settings_dict
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.integration.jobs.worker_settings",
        "DATABASE_URL": f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}",
        "CLOUDIA_WORKERS": str(WORKERS),
    }
    process = subprocess.Popen([sys.executable, "manage.py", "worker"], cwd=ROOT, env=environment)
    try:
        wait_for(lambda: is_complete(process), 30)
        yield process
    finally:
        process.kill()
        process.wait()


def nap(seconds: float = 0) -> Job:
    """A job put on the queue."""
    host = HostFactory.create()
    actor = Actor(UserFactory.create(is_operator=True))
    return job_enqueue(operation=Nap, target=host, actor=actor, params={"seconds": seconds})


def status(job: Job) -> str:
    return Job.objects.values_list("status", flat=True).get(pk=job.pk)


def assert_works(seconds: float = 30) -> None:
    job = nap()
    wait_for(lambda: status(job) == JobStatus.SUCCEEDED, seconds)


def test_health_tells_whether_anybody_takes_jobs(worker: subprocess.Popen[bytes]) -> None:
    assert workers_answer()
    worker.kill()
    worker.wait()
    assert not workers_answer(timeout_s=2)
    assert not OrmQ.objects.exists()


def test_job_is_done_at_once_and_again_when_every_connection_was_lost(worker: subprocess.Popen[bytes]) -> None:
    assert_works(5)
    with connection.cursor() as cursor:  # what a restart of PostgreSQL does to them
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
    assert_works(30)


def test_job_is_done_after_idle_workers_were_killed_one_by_one(worker: subprocess.Popen[bytes]) -> None:
    for _kill in range(WORKERS + 1):
        os.kill(children(sentinel(worker))[0], signal.SIGKILL)
        wait_for(lambda: is_complete(worker), 30)
    assert_works()


def test_job_is_done_although_all_workers_went_silent(worker: subprocess.Popen[bytes]) -> None:
    silent = children(sentinel(worker))[:WORKERS]
    for pid in silent:  # as if each waited for a lock that a dead one took with it
        os.kill(pid, signal.SIGSTOP)
    assert_works()
    assert not any(alive(pid) for pid in silent)


def test_job_is_done_after_the_sentinel_was_killed(worker: subprocess.Popen[bytes]) -> None:
    before = sentinel(worker)
    orphans = children(before)
    os.kill(before, signal.SIGKILL)
    assert_works()
    assert not any(alive(pid) for pid in [before, *orphans])


def test_killed_worker_command_leaves_no_process(worker: subprocess.Popen[bytes]) -> None:
    family = [sentinel(worker), *children(sentinel(worker))]
    worker.kill()
    worker.wait()
    wait_for(lambda: not any(alive(pid) for pid in family), 5)


def test_stop_does_not_wait_for_a_long_job_and_leaves_it_to_be_resumed(worker: subprocess.Popen[bytes]) -> None:
    job = nap(seconds=60)
    wait_for(lambda: status(job) == JobStatus.RUNNING, 5)
    family = [sentinel(worker), *children(sentinel(worker))]
    worker.terminate()
    assert worker.wait(8) == 0
    wait_for(lambda: not any(alive(pid) for pid in family), 1)
    assert status(job) == JobStatus.RUNNING


def test_queue_does_not_end_a_step_that_takes_long() -> None:
    """The largest deadline of one call, many times: a step is cut off and begun again by nobody while it goes on."""
    assert 10 * COPY_S < Conf.TIMEOUT < Conf.RETRY
