"""Deadlines, against a host that is really silent: a socket that accepts and never answers."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudia.core.errors import HostUnreachable
from cloudia.virt import Endpoint, Hypervisor, hypervisor
from cloudia.virt.connection import DEADLINE_S, GRACE_S, Connection
from cloudia.virt.loop import loop

FAST = 0.05


def uri(path: Path) -> str:
    return f"qemu+unix:///system?socket={path}"


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Path]:
    """The socket of a host that is silent."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(50)
        yield path


def seconds_to_fail(host: Hypervisor) -> float:
    begin = time.monotonic()
    with pytest.raises(HostUnreachable):
        host.ping()
    return time.monotonic() - begin


def test_default_deadlines_give_a_host_up_within_30_seconds() -> None:
    assert DEADLINE_S * 1.5 <= 30


def test_silent_host_is_given_up_at_the_deadline(silent: Path) -> None:
    host = Hypervisor(Endpoint(uri(silent)), deadline_s=1)
    assert 0.5 <= seconds_to_fail(host) < 0.9  # opening has half of it


def test_callers_after_the_first_are_refused_at_once(silent: Path) -> None:
    host = Hypervisor(Endpoint(uri(silent)), deadline_s=0.4)
    seconds_to_fail(host)
    time.sleep(GRACE_S)
    before = threading.active_count()
    assert sum(seconds_to_fail(host) for _ in range(50)) < FAST
    assert threading.active_count() == before


def test_silent_host_does_not_slow_another(silent: Path) -> None:
    seconds_to_fail(Hypervisor(Endpoint(uri(silent)), deadline_s=0.4))
    begin = time.monotonic()
    Hypervisor(Endpoint("test:///default")).ping()
    assert time.monotonic() - begin < FAST


def test_host_that_refuses_is_asked_again_every_time(tmp_path: Path) -> None:
    host = Hypervisor(Endpoint(uri(tmp_path / "nobody")))
    assert seconds_to_fail(host) < 1
    with pytest.raises(HostUnreachable, match="Failed to connect"):
        host.ping()


def test_one_slow_call_does_not_shut_out_other_callers() -> None:
    connection = Connection(Endpoint("test:///default"), deadline_s=0.2)
    release = threading.Event()
    with pytest.raises(HostUnreachable):
        connection.call(lambda _conn: release.wait(5))
    assert connection.call(lambda conn: conn.getHostname())
    release.set()


def test_work_of_a_caller_that_gave_up_is_not_done_later(silent: Path) -> None:
    done: list[int] = []
    connection = Connection(Endpoint(uri(silent)), deadline_s=0.4)
    with pytest.raises(HostUnreachable):
        connection.call(lambda _conn: done.append(1))
    assert connection._idle == []
    assert done == []


def test_process_ends_while_a_host_is_silent(silent: Path) -> None:
    program = f"""
import django.conf; django.conf.settings.configure(USE_I18N=False)
from cloudia.virt import Endpoint, Hypervisor
try:
    Hypervisor(Endpoint({uri(silent)!r}), deadline_s=0.4).ping()
except Exception as error:
    print(type(error).__name__)
raise SystemExit(7)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "HostUnreachable\n", "")


def test_endpoint_has_one_hypervisor_in_a_process() -> None:
    assert hypervisor(Endpoint("test:///a")) is hypervisor(Endpoint("test:///a"))
    assert hypervisor(Endpoint("test:///a")) is not hypervisor(Endpoint("test:///b"))


def test_password_is_not_shown() -> None:
    assert "secret" not in repr(Endpoint("qemu+tls://h/system", "user", "secret"))


def test_login_questions_are_answered_from_the_endpoint() -> None:
    import libvirt

    connection = Connection(Endpoint("x", "user", "secret"))
    asked = [[libvirt.VIR_CRED_AUTHNAME, "", "", "", None], [libvirt.VIR_CRED_PASSPHRASE, "", "", "", None]]
    assert connection._answer(asked, None) == 0
    assert [question[4] for question in asked] == ["user", "secret"]


def test_overlapping_calls_never_share_a_connection() -> None:
    connection = Connection(Endpoint("test:///default"))
    barrier = threading.Barrier(3)
    seen: list[int] = []

    def look(conn: object) -> None:
        seen.append(id(conn))
        barrier.wait(5)

    threads = [threading.Thread(target=connection.call, args=(look,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 3


def test_free_connection_is_used_again() -> None:
    connection = Connection(Endpoint("test:///default"))
    assert connection.call(id) == connection.call(id)


def test_closed_connection_is_opened_again() -> None:
    host = Hypervisor(Endpoint("test:///default"))
    host.ping()
    host.close()
    host.ping()


def test_loop_fires_timers_and_watches_files_until_told_otherwise() -> None:
    import libvirt

    loop.start()
    heard: list[str] = []
    ticked, readable = threading.Event(), threading.Event()
    left, right = socket.socketpair()

    def on_read(_watch: int, _fd: int, events: int, _opaque: object) -> None:
        heard.append(left.recv(10).decode())
        assert events & libvirt.VIR_EVENT_HANDLE_READABLE
        readable.set()

    watch = libvirt.virEventAddHandle(left.fileno(), libvirt.VIR_EVENT_HANDLE_READABLE, on_read, None)
    timer = libvirt.virEventAddTimeout(10, lambda *_: ticked.set(), None)
    right.send(b"one")
    assert ticked.wait(5)
    assert readable.wait(5)
    libvirt.virEventRemoveHandle(watch)
    libvirt.virEventRemoveTimeout(timer)
    right.send(b"two")
    time.sleep(0.05)
    ticked.clear()
    time.sleep(0.05)
    assert heard == ["one"]
    assert not ticked.is_set()
    left.close()
    right.close()
