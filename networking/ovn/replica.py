"""A copy of a database in memory, as Open vSwitch's library keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol
from uuid import UUID

from ovs.db.idl import Idl, SchemaHelper
from ovs.jsonrpc import Message, Session

from networking.ovn.errors import refused


class Speaker(Protocol):
    """Whoever exchanges messages with a server, as the library does it."""

    def run(self) -> object:
        """Send and take what can be sent and taken at once."""
        ...

    def wait(self, poller: Any) -> None:
        """Have ``poller`` wake up when there is something to run for."""
        ...


class Replica(Idl):  # type: ignore[misc]  # the library ships no types
    """Some tables of a database.

    Columns are remembered as plain values once read: the library makes them anew each time, which for 1,000 ports takes
    longer than everything else together.
    """

    def __init__(self, remote: str, schema: object, tables: Iterable[str]) -> None:
        helper = SchemaHelper(None, schema)
        for table in tables:
            helper.register_table(table)
        super().__init__(remote, helper, leader_only=False)
        self._values: dict[UUID, dict[str, Any]] = {}

    @property
    def complete(self) -> bool:
        """Whether it has everything that the server had to say."""
        return bool(self.state == Idl.IDL_S_MONITORING)

    def rows(self, table: str) -> Iterator[Any]:
        """The rows of a table, in a stable order."""
        rows = self.tables[table].rows
        return (rows[uuid] for uuid in sorted(rows))

    def row(self, table: str) -> Any:
        """The row of a table that has one, or None."""
        return next(self.rows(table), None)

    def value(self, row: Any, column: str) -> Any:
        """A column, between transactions. References are UUIDs, and sets are sets."""
        values = self._values.setdefault(row.uuid, {})
        if column not in values:
            value = getattr(row, column)
            values[column] = {getattr(item, "uuid", item) for item in value} if isinstance(value, list) else value
        return values[column]

    def notify(self, event: str, row: Any, updates: Any = None) -> None:
        """The library's call for each row that has changed."""
        self._values.pop(row.uuid, None)


class SchemaQuestion:
    """Asks a server for a database's schema, as often as it takes to be heard."""

    def __init__(self, remote: str, database: str) -> None:
        self.answer: dict[str, Any] | None = None
        self._session = Session.open_multiple(remote.split(","))
        self._question = Message.create_request("get_schema", [database])
        self._asked: int | None = None  # on which of the session's connections

    def run(self) -> None:
        """Ask, unless asked already, and see whether there is an answer. Raises NetworkRejected."""
        self._session.run()
        if self._session.is_connected() and self._asked != self._session.get_seqno():
            self._asked = self._session.get_seqno()
            self._session.send(self._question)
        message = self._session.recv()
        if message and message.id == self._question.id:
            if message.type == Message.T_ERROR:
                raise refused(message.error)
            self.answer = message.result

    def wait(self, poller: Any) -> None:
        """See Speaker."""
        self._session.wait(poller)
        self._session.recv_wait(poller)

    def close(self) -> None:
        """Hang up."""
        self._session.close()
