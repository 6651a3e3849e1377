"""libvirtd hangs, dies and comes back; processes fork."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe

import libvirt
import pytest

from cloudia.core.errors import HostUnreachable
from cloudia.virt import Endpoint, Hypervisor
from cloudia.virt.connection import GRACE_S, KEEPALIVE_COUNT, KEEPALIVE_INTERVAL_S
from tests.qemu.lab import LabHost

CUT_S = KEEPALIVE_INTERVAL_S * (KEEPALIVE_COUNT + 1)


@contextmanager
def hung(host: LabHost) -> Iterator[None]:
    host.hang()
    try:
        yield
    finally:
        host.unhang()


NOISE_S = 1.5  # what a busy machine may add; below the 2 s that every waiting caller would pay


def seconds_to_fail(host: Hypervisor) -> float:
    begin = time.monotonic()
    with pytest.raises(HostUnreachable):
        host.ping()
    return time.monotonic() - begin


def seconds_to_answer(host: Hypervisor) -> float:
    begin = time.monotonic()
    host.ping()
    return time.monotonic() - begin


def test_hung_host_costs_its_callers_little_and_others_nothing(lab_hosts: list[LabHost]) -> None:
    first, second = (Hypervisor(Endpoint(host.uri), deadline_s=2) for host in lab_hosts)
    first.ping()
    second.ping()
    with hung(lab_hosts[0]):
        assert 2 <= seconds_to_fail(first) < 2 + NOISE_S
        assert seconds_to_answer(second) < NOISE_S
        time.sleep(GRACE_S)
        assert sum(seconds_to_fail(first) for _ in range(20)) < NOISE_S, "waiting would take 2 s each"
    time.sleep(0.5)
    assert seconds_to_answer(first) < NOISE_S


def test_calls_that_wait_when_keepalive_cuts_do_not_harm_the_process(lab_host: LabHost) -> None:
    host = Hypervisor(Endpoint(lab_host.uri), deadline_s=1)
    lost = threading.Event()
    host.on_disconnect(lost.set)
    subscription = host.subscribe(lambda _event: None)
    before = threading.active_count()
    with hung(lab_host):
        callers = [threading.Thread(target=seconds_to_fail, args=(host,)) for _ in range(5)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert lost.wait(CUT_S + 3)
        time.sleep(1)
    time.sleep(1)  # everything that was waiting is let go now
    assert seconds_to_answer(host) < NOISE_S
    subscription.close()
    assert threading.active_count() <= before


def test_connection_that_is_collected_while_its_host_is_silent_holds_up_no_other(lab_hosts: list[LabHost]) -> None:
    """Garbage is collected on whichever thread asks for memory: the event loop's, too, which serves all hosts."""
    silent = [Hypervisor(Endpoint(lab_hosts[0].uri))]
    silent[0].ping()
    turned = threading.Event()
    with hung(lab_hosts[0]):
        collect = libvirt.virEventAddTimeout(0, lambda _number, _opaque: silent.clear(), None)
        turn = libvirt.virEventAddTimeout(100, lambda _number, _opaque: turned.set() if not silent else None, None)
        assert turned.wait(NOISE_S)
    for number in (collect, turn):
        libvirt.virEventRemoveTimeout(number)


def test_restarted_libvirtd_is_found_again_and_the_subscriber_is_told(lab_host: LabHost) -> None:
    host = Hypervisor(Endpoint(lab_host.uri), deadline_s=5)
    lost = threading.Event()
    host.on_disconnect(lost.set)
    host.subscribe(lambda _event: None)
    host.ping()
    lab_host.crash()
    assert lost.wait(5)
    seconds_to_fail(host)
    lab_host.restart()
    host.ping()


def ping_in_child(host: Hypervisor, pipe: Pipe) -> None:
    host.ping()
    subscription = host.subscribe(lambda _event: None)
    pipe.send(len(host.domains.reports()))
    subscription.close()


def test_forked_process_uses_the_host_beside_its_parent(lab_host: LabHost) -> None:
    host = Hypervisor(Endpoint(lab_host.uri), deadline_s=5)
    lost = threading.Event()
    host.on_disconnect(lost.set)
    host.subscribe(lambda _event: None)
    expected = len(host.domains.reports())
    mine, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=ping_in_child, args=(host, theirs))
    child.start()
    assert mine.poll(10)
    assert mine.recv() == expected
    child.join(10)
    assert child.exitcode == 0
    # The child has let go of the parent's connections without closing them.
    host.ping()
    assert not lost.is_set()


def test_tls_connection_works_alike(lab_host: LabHost) -> None:
    assert Hypervisor(Endpoint(lab_host.uri_tls)).describe().hostname == lab_host.name
