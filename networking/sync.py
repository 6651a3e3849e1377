"""Telling OVN: everything the database says, every time, so that no message can get lost.

Who calls: the watcher at every change and now and then, and jobs that need an effect before they go on. One at a time,
by an advisory lock: OVN's northbound database has a single writer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from cloudia.core.errors import CloudiaError
from cloudia.core.text import in_every_language
from networking import ovn
from networking.models import NetworkChange, NetworkRepair, NetworkState
from networking.selectors import wished_topology
from networking.topology import Change, Topology

log = logging.getLogger(__name__)

SYNC_LOCK = 0x6E657477  # "netw" in ASCII; one writer for the whole installation
REPORTED = 200  # changes written down of one repair
KEPT = timedelta(days=90)  # repairs
EFFECT_S = 10.0  # northd needs milliseconds; more means that it does not run


def synchronise(*, force: bool = False) -> Sequence[Change]:
    """Bring OVN to what the database says; returns what had to change.

    ``force`` overrides the guards against another installation's network and against mass deletion. Raises
    CloudiaError, which is also recorded for people to see.
    """
    with _only_writer():
        pending, topology = _wished()
        state = NetworkState.current()
        try:
            changes = ovn.apply(topology, state.installation, force=force)
        except CloudiaError as error:
            _record_problem(state, error)
            raise
        _record_success(state, pending, changes)
    return changes


def drift() -> Sequence[Change]:
    """What :func:`synchronise` would change now; changes nothing. Raises CloudiaError."""
    return ovn.plan(_wished()[1])


def ensure_effect() -> None:
    """Return when everything committed so far is in OVN's logical flows. Raises CloudiaError."""
    if NetworkChange.objects.exists() or not ovn.is_marked(NetworkState.current().installation):
        synchronise()
    ovn.wait(EFFECT_S)


@contextmanager
def _only_writer() -> Iterator[None]:
    """The lock belongs to the session, so it is free when this process dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [SYNC_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [SYNC_LOCK])


def _wished() -> tuple[list[int], Topology]:
    """The changes that are there, and the network with all of them: one moment of the database."""
    nested = connection.in_atomic_block  # the moment is the caller's, then
    with transaction.atomic():
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return list(NetworkChange.objects.values_list("pk", flat=True)), wished_topology()


def _record_problem(state: NetworkState, error: CloudiaError) -> None:
    if state.problem_code != error.code:  # once, not every second
        log.warning("the network is not in effect: %s", error)
    state.problem_code, state.problem_texts = error.code, in_every_language(error.message)
    state.save(update_fields=["problem_code", "problem_texts"])


def _record_success(state: NetworkState, pending: list[int], changes: Sequence[Change]) -> None:
    if state.problem_code:
        log.info("the network is in effect again")
    drifted = bool(changes) and not pending and state.synced_at is not None  # nobody had asked for these
    with transaction.atomic():
        NetworkChange.objects.filter(pk__in=pending).delete()
        state.problem_code, state.problem_texts, state.synced_at = "", {}, timezone.now()
        state.save(update_fields=["problem_code", "problem_texts", "synced_at"])
        if drifted:
            _record_repair(changes)


def _record_repair(changes: Sequence[Change]) -> None:
    log.warning("the network had drifted: %s rows were mended", len(changes))
    NetworkRepair.objects.filter(at__lt=timezone.now() - KEPT).delete()
    NetworkRepair.objects.create(changes=[str(change) for change in changes[:REPORTED]], total=len(changes))
