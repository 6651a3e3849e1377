"""The northbound database made to say what it shall: only differences are written, and only rows of ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from networking.ovn.client import northbound
from networking.ovn.errors import ForeignNetwork, TooManyDeletions
from networking.ovn.naming import ID, INSTALLATION, KIND, MANAGED, NAMED, ROOTS, UNIQUE_NAMES, Ref
from networking.ovn.replica import Replica
from networking.ovn.rows import Rows, compile_topology
from networking.topology import Change, Topology

MAKE, MEND, REMOVE = "+", "~", "-"
FEW_DELETIONS = 20  # always allowed; more only if at least half of our rows stays


def plan(topology: Topology) -> list[Change]:
    """What :func:`apply` would do: how the network differs from what it shall be. Changes nothing.

    Raises NetworkUnreachable.
    """
    rows = compile_topology(topology)
    return northbound().read(lambda replica: _Difference(replica, rows).changes)


def apply(topology: Topology, installation: UUID, force: bool = False) -> list[Change]:
    """Make the network as it shall be, in one transaction, and say what that took.

    Unless forced, raises ForeignNetwork where the network is another installation's, and TooManyDeletions where most of
    it would go. Raises NetworkUnreachable and NetworkRejected.
    """
    rows = compile_topology(topology)

    def work(replica: Replica, transaction: Any) -> list[Change]:
        difference = _Difference(replica, rows)
        if not force:
            _refuse_foreign(replica, installation)
            difference.refuse_mass_deletion()
        changes = difference.changes
        if _owner(replica) != str(installation):
            changes.append(Change(MEND, "NB_Global", str(installation), "external_ids"))
            _mark(replica, transaction, installation)
        difference.write(transaction)
        return changes

    return northbound().change(work)


def is_marked(installation: UUID) -> bool:
    """Whether the network is known to be this installation's. If not, its database may have been lost.

    Raises NetworkUnreachable.
    """
    return northbound().read(_owner) == str(installation)


def _owner(replica: Replica) -> str:
    row = replica.row("NB_Global")
    return replica.value(row, "external_ids").get(INSTALLATION, "") if row else ""


def _refuse_foreign(replica: Replica, installation: UUID) -> None:
    owner = _owner(replica)
    if owner not in {"", str(installation)}:
        text = _("The network belongs to another installation of CloudiA ({owner}).")
        raise ForeignNetwork(format_lazy(text, owner=owner))


def _mark(replica: Replica, transaction: Any, installation: UUID) -> None:
    row = replica.row("NB_Global")
    ids = replica.value(row, "external_ids") if row else {}
    row = row or transaction.insert(replica.tables["NB_Global"])
    row.external_ids = {**ids, INSTALLATION: str(installation)}


@dataclass(frozen=True, slots=True)
class _Edit:
    """A column to be written, in a row that is there or will be."""

    ref: Ref
    column: str
    value: object


class _Difference:
    """Between the rows that are and those that shall be."""

    def __init__(self, replica: Replica, rows: Rows) -> None:
        self._replica = replica
        self._rows = rows
        ours = _ours(replica)
        self._kept = {ref: found[0] for ref, found in ours.items() if ref in rows} | _adopted(replica, rows, ours)
        self._missing = [ref for ref in rows if ref not in self._kept]
        self._edits = [edit for ref, row in self._kept.items() for edit in self._edits_of(ref, row)]
        self._surplus = [(ref, row) for ref, found in ours.items() for row in found[1 if ref in rows else 0 :]]
        self._ours = sum(map(len, ours.values()))

    @property
    def changes(self) -> list[Change]:
        """All of it, in a stable order."""
        made = [Change(MAKE, ref.table, ref.key) for ref in self._missing]
        mended = [Change(MEND, edit.ref.table, edit.ref.key, edit.column) for edit in self._edits]
        removed = [Change(REMOVE, ref.table, ref.key) for ref, _row in self._surplus]
        return made + mended + removed

    def refuse_mass_deletion(self) -> None:
        """Raise TooManyDeletions if this looks like a mistake."""
        count = len(self._surplus)
        if count > FEW_DELETIONS and count * 2 > self._ours:
            text = _("{count} of {total} rows of the network would be deleted at once.")
            raise TooManyDeletions(format_lazy(text, count=count, total=self._ours))

    def write(self, transaction: Any) -> None:
        """Make both the same."""
        for ref in self._missing:
            self._kept[ref] = transaction.insert(self._replica.tables[ref.table])
        for ref in self._missing:
            for column, value in self._rows[ref].items():
                setattr(self._kept[ref], column, self._resolved(value))
        for edit in self._edits:
            setattr(self._kept[edit.ref], edit.column, self._resolved(edit.value))
        for ref, row in self._surplus:
            if ref.table in ROOTS:
                row.delete()

    def _edits_of(self, ref: Ref, row: Any) -> Iterator[_Edit]:
        for column, value in self._rows[ref].items():
            if self._wanted(value) != self._replica.value(row, column):
                yield _Edit(ref, column, value)

    def _wanted(self, value: object) -> object:
        """What the replica would say of the column if it were right."""
        if not isinstance(value, list):
            return value
        return {self._identity(item) for item in value}

    def _identity(self, item: object) -> object:
        if not isinstance(item, Ref):
            return item
        row = self._kept.get(item)
        return item if row is None else row.uuid

    def _resolved(self, value: object) -> object:
        if not isinstance(value, list):
            return value
        return [self._kept[item] if isinstance(item, Ref) else item for item in value]


def _ours(replica: Replica) -> Mapping[Ref, list[Any]]:
    """Rows with our tag, by what they are; more than one where somebody made a copy."""
    found: dict[Ref, list[Any]] = defaultdict(list)
    for table in sorted(MANAGED):
        for row in replica.rows(table):
            if KIND in (ids := replica.value(row, "external_ids")):
                key = replica.value(row, "name") if table in NAMED else ids.get(ID, str(row.uuid))
                found[Ref(table, key)].append(row)
    return found


def _adopted(replica: Replica, rows: Rows, ours: Iterable[Ref]) -> dict[Ref, Any]:
    """Rows that lost their tag, where no second row of that name can be."""
    lost = {ref for ref in rows if ref.table in UNIQUE_NAMES}.difference(ours)
    if not lost:
        return {}
    candidates = (
        (Ref(table, replica.value(row, "name")), row) for table in UNIQUE_NAMES for row in replica.rows(table)
    )
    return {ref: row for ref, row in candidates if ref in lost}
