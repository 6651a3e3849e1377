"""Connections to OVN's databases: one per process and database, made when first needed, and never waited for too long.

The replica is kept by Open vSwitch's own library; on top of it are deadlines. (ovsdbapp has none where it fetches the
schema and where it commits, so that one stopped server holds its thread for good.) Nothing runs between calls. Each
call first asks the server something, which proves that it is alive and brings the replica up to date: the server sends
changes before answers. After a call that failed the connection is thrown away, and the next one makes another.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from django.conf import settings
from ovs.db.idl import Transaction
from ovs.poller import Poller
from ovs.stream import Stream

from networking.ovn.errors import NetworkUnreachable, refused, silent
from networking.ovn.naming import MANAGED
from networking.ovn.replica import Replica, SchemaQuestion, Speaker

DEADLINE_S = 10.0  # of a call, connecting included
NORTHBOUND, SOUTHBOUND = "OVN_Northbound", "OVN_Southbound"
# What is replicated: nothing that nobody here reads, such as the southbound database's flows.
TABLES: Mapping[str, frozenset[str]] = {
    NORTHBOUND: MANAGED | {"NB_Global"},
    SOUTHBOUND: frozenset({"SB_Global", "Chassis", "Chassis_Private"}),
}
TELL_KEYS = (Stream.ssl_set_private_key_file, Stream.ssl_set_certificate_file, Stream.ssl_set_ca_cert_file)
NOBODY = str(UUID(int=0))

T = TypeVar("T")
Work: TypeAlias = Callable[[Replica, Any], T]  # with an ovs.db.idl.Transaction


class Database:
    """One database: see the module. Safe for threads, which take turns."""

    def __init__(self, name: str, remote: str) -> None:
        self._name, self._remote = name, remote
        self._lock = threading.Lock()
        self._replica: Replica | None = None

    def read(self, look: Callable[[Replica], T]) -> T:
        """What ``look`` makes of the replica, which is as new as this call.

        Raises NetworkUnreachable.
        """
        with self._talk(DEADLINE_S) as talk:
            return look(talk.replica)

    def change(self, work: Work[T]) -> T:
        """Run ``work`` with the replica and a transaction, commit, and return what it returned.

        It runs again if somebody else changed what it verified. An exception of its own changes nothing.
        Raises NetworkUnreachable, and NetworkRejected where the server refuses.
        """
        with self._talk(DEADLINE_S) as talk:
            return talk.commit(work)

    def wait(self, done: Callable[[Replica], bool], timeout_s: float) -> None:
        """Return when ``done``; raises NetworkUnreachable after ``timeout_s`` seconds."""
        with self._talk(timeout_s) as talk:
            talk.patience.until(talk.replica, lambda: done(talk.replica))

    @contextmanager
    def _talk(self, timeout_s: float) -> Iterator[_Talk]:
        patience = _Patience(self._remote, time.monotonic() + timeout_s)
        if not self._lock.acquire(timeout=timeout_s):
            raise patience.ended()
        try:
            self._replica = self._replica or self._connect(patience)
            talk = _Talk(self._replica, patience)
            talk.catch_up()
            yield talk
        except OSError as error:  # keys that can't be read, say: other reasons are tried again until the end
            self._hang_up()
            raise silent(f"{self._remote}: {error.strerror or error}") from error
        except BaseException:
            self._hang_up()
            raise
        finally:
            self._lock.release()

    def _connect(self, patience: _Patience) -> Replica:
        if "ssl:" in self._remote:
            _show_keys()
        with closing(SchemaQuestion(self._remote, self._name)) as question:
            patience.until(question, lambda: question.answer is not None)
            return Replica(self._remote, question.answer, TABLES[self._name])

    def _hang_up(self) -> None:
        if self._replica:
            self._replica.close()
            self._replica = None


@dataclass(frozen=True, slots=True)
class _Patience:
    """How long to wait for a server: until ``deadline``, in monotonic seconds."""

    remote: str
    deadline: float

    def until(self, speaker: Speaker, done: Callable[[], bool]) -> None:
        """Exchange messages until something is so; raises NetworkUnreachable."""
        while True:
            speaker.run()
            if done():
                return
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise self.ended()
            poller = Poller()
            speaker.wait(poller)
            poller.timer_wait(int(left * 1000) + 1)
            poller.block()

    def ended(self) -> NetworkUnreachable:
        """The error to raise."""
        return silent(self.remote)


@dataclass(frozen=True, slots=True)
class _Talk:
    """One call's use of the replica."""

    replica: Replica
    patience: _Patience

    def catch_up(self) -> None:
        """Return when the server has answered something, and the replica says what it said before that."""
        table = next(iter(self.replica.tables))
        question = {"op": "select", "table": table, "where": [["_uuid", "==", ["uuid", NOBODY]]]}
        self.commit(lambda _replica, transaction: transaction.add_op(question))

    def commit(self, work: Work[T]) -> T:
        """See Database.change."""
        while True:
            self.patience.until(self.replica, lambda: self.replica.complete)
            before = self.replica.change_seqno
            transaction = Transaction(self.replica)
            result = self._prepare(work, transaction)
            if self._settle(transaction):
                return result
            self._outlast(before)

    def _outlast(self, state: int) -> None:
        """Return when the replica has heard of something new."""
        self.patience.until(self.replica, lambda: self.replica.change_seqno != state)

    def _prepare(self, work: Work[T], transaction: Any) -> T:
        try:
            return work(self.replica, transaction)
        except BaseException:
            transaction.abort()
            raise

    def _settle(self, transaction: Any) -> bool:
        """Whether it is done; if not, try again."""
        transaction.commit()  # before the next message is read, or it would be about another state
        self.patience.until(self.replica, lambda: transaction.commit() != Transaction.INCOMPLETE)
        status = transaction.commit()
        if status in (Transaction.SUCCESS, Transaction.UNCHANGED):
            return True
        if status == Transaction.TRY_AGAIN:
            return False
        raise refused(transaction.get_error() or status)


_databases: dict[tuple[int, str, str], Database] = {}


def northbound() -> Database:
    """This process's connection to the database of what shall be."""
    return _database(NORTHBOUND, settings.OVN_NORTHBOUND)


def southbound() -> Database:
    """This process's connection to the database of what northd made of it, and of hosts."""
    return _database(SOUTHBOUND, settings.OVN_SOUTHBOUND)


def _database(name: str, remote: str) -> Database:
    """A forked process makes its own and leaves its parent's alone: closing that would end it for both."""
    return _databases.setdefault((os.getpid(), name, remote), Database(name, remote))


def _show_keys() -> None:
    """Tell the library where they are, having looked ourselves: it would leave a socket open if they can't be read."""
    files = (settings.OVN_PRIVATE_KEY, settings.OVN_CERTIFICATE, settings.OVN_CA)
    for file in files:
        Path(file).open("rb").close()
    for tell, file in zip(TELL_KEYS, files, strict=True):
        tell(file)
