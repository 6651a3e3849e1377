"""An instance as a line of a list: its status and every action's verdict, worked out once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.timezone import localtime

from cloudia.accounts.enums import Origin
from cloudia.core.display import DisplayState
from cloudia.core.policy import Actor, verdicts
from cloudia.ui.rows import actions_json
from cloudia.ui.templatetags.ui import SPINNING
from cloudia.ui.templatetags.units import memory
from instances.models import Instance
from instances.policies import ACTIONS


@dataclass(frozen=True, slots=True)
class Row:
    """What the template of a row shows. Plain values: a list has up to 50 of these, so a row includes nothing."""

    instance: Instance
    state: DisplayState
    actions: str  # JSON, for the toolbar
    memory: str
    origin: str
    origin_icon: str
    address: str  # of the primary interface
    other_addresses: tuple[str, ...]
    created: str
    created_exactly: str

    @property
    def spin(self) -> bool:
        """Whether the status's icon turns."""
        return self.state.tone == "busy" and self.state.icon in SPINNING

    @property
    def others(self) -> str:
        """Addresses beside the first, for a tooltip."""
        return ", ".join(self.other_addresses)


def row_of(instance: Instance, actor: Actor) -> Row:
    """The row of one instance for one reader."""
    created = localtime(instance.created_at)
    address, *others = instance.ip_addresses or [""]
    return Row(
        instance=instance,
        state=instance.display_state,
        actions=actions_json(verdicts(ACTIONS, instance, actor)),
        memory=memory(instance.memory_mib),
        origin=instance.get_origin_display(),
        origin_icon=Origin(instance.origin).icon,
        address=address,
        other_addresses=tuple(others),
        created=f"{created:%Y-%m-%d %H:%M}",
        created_exactly=f"{created:%Y-%m-%d %H:%M:%S %Z}",
    )


def rows_of(instances: Iterable[Instance], actor: Actor) -> list[Row]:
    """Rows in the same order."""
    return [row_of(instance, actor) for instance in instances]
