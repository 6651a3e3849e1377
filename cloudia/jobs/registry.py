"""Operation kinds by name. Apps register theirs in ``AppConfig.ready``."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cloudia.jobs.operation import Operation, Step

_operations: dict[str, type[Operation]] = {}


class UnknownOperation(Operation):
    """Stands in for a kind that this version no longer knows, so that old rows can still be shown."""

    kind = "unknown"
    label = _("Unknown operation")
    transition = _("In progress")
    transition_code = "updating"

    @property
    def steps(self) -> list[Step]:
        """None: it can't be run."""
        return []


def register(*operations: type[Operation]) -> None:
    """Make kinds known to the runner. Raises ValueError if a kind is taken."""
    for operation in operations:
        if _operations.setdefault(operation.kind, operation) is not operation:
            raise ValueError(f"operation kind {operation.kind!r} is registered twice")


def operation_of(kind: str) -> type[Operation]:
    """The operation class of a kind."""
    return _operations.get(kind, UnknownOperation)


def kinds() -> dict[str, type[Operation]]:
    """Every registered kind."""
    return dict(_operations)
