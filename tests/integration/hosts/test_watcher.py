"""The watcher as a process: who leads, which hosts are followed, what is written.

Its host is libvirt's QEMU driver run inside the watcher, without a daemon: https://libvirt.org/drvqemu.html (embed).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from cloudia.hosts.models import Host
from cloudia.hosts.watcher import is_led
from cloudia.hosts.watcher.leadership import LOCK
from tests.settings import TEST_DIR

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]  # every test starts processes

ROOT = Path(__file__).parents[3]
Start = Callable[[], "subprocess.Popen[bytes]"]
START_S = 60  # for a process to be at work, beside other tests; alone it takes 3


def wait_for(fact: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def uri() -> str:
    """Of a host. The first question takes libvirt seconds, the answer is kept."""
    uri = f"qemu:///embed?root={TEST_DIR}/libvirt"
    subprocess.run(["virsh", "-c", uri, "capabilities"], check=True, stdout=subprocess.DEVNULL)
    return uri


@pytest.fixture
def watch() -> Iterator[Start]:
    """Starts ``manage.py watch_hosts`` on the test's database."""
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    started = []

    def start() -> subprocess.Popen[bytes]:
        environment = {**os.environ, "DATABASE_URL": url}
        started.append(subprocess.Popen([sys.executable, "manage.py", "watch_hosts"], cwd=ROOT, env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def host(name: str, uri: str) -> Host:
    return Host.objects.create(name=name, uri=uri)


def leaders() -> int:
    """How many sessions hold the lead."""
    with connection.cursor() as cursor:
        held = "FROM pg_locks JOIN pg_database ON database = pg_database.oid WHERE datname = current_database()"
        cursor.execute(f"SELECT count(*) {held} AND locktype = 'advisory' AND granted AND objid = %s", [LOCK])
        return int(cursor.fetchone()[0])


def fresh(row: Host) -> Host:
    row.refresh_from_db()
    return row


def test_host_is_described_and_seen(watch: Start, uri: str) -> None:
    row = host("one", uri)
    watch()
    wait_for(lambda: fresh(row).reachable, START_S)
    assert (row.cpus, row.hostname, row.problem_texts) == (os.cpu_count(), socket.gethostname(), {})
    assert "tcg" in row.accelerators
    assert row.last_seen_at is not None


def test_host_that_is_not_there_says_why_and_is_reachable_once_its_address_is_right(watch: Start, uri: str) -> None:
    row = host("one", "qemu+unix:///system?socket=/nowhere/libvirt-sock")
    watch()
    wait_for(lambda: fresh(row).problem_texts, START_S)
    assert not row.reachable
    assert set(row.problem_texts) == {"ko", "en"}
    Host.objects.filter(pk=row.pk).update(uri=uri)
    wait_for(lambda: fresh(row).reachable, 5)
    assert row.problem_texts == {}


def test_host_that_is_added_later_is_followed_within_5_s(watch: Start, uri: str) -> None:
    watch()
    wait_for(is_led, START_S)
    row = host("late", uri)
    wait_for(lambda: fresh(row).reachable, 5)


def test_standby_takes_over_from_a_killed_leader(watch: Start, uri: str) -> None:
    leader = watch()
    wait_for(is_led, START_S)
    watch()
    leader.kill()
    leader.wait()
    row = host("one", uri)
    wait_for(lambda: fresh(row).reachable, START_S)
    assert leaders() == 1


def test_leader_that_loses_its_connections_leads_again(watch: Start, uri: str) -> None:
    row = host("one", uri)
    watch()
    wait_for(lambda: fresh(row).reachable, START_S)
    with connection.cursor() as cursor:  # what a restart of PostgreSQL does to them
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        cursor.execute(f"SELECT pg_terminate_backend(pid) {others}")
    Host.objects.filter(pk=row.pk).update(reachable=False)
    wait_for(lambda: fresh(row).reachable, 10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_is_quick_and_gives_the_lead_back(watch: Start, number: signal.Signals) -> None:
    process = watch()
    wait_for(is_led, START_S)
    process.send_signal(number)
    assert process.wait(3) == 0
    assert not is_led()
