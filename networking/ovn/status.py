"""What OVN says about hosts and ports."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from networking.ovn.client import northbound, southbound
from networking.ovn.replica import Replica
from networking.topology import Chassis

LAG_S = 15.0  # a host that follows more slowly than this does not answer
PHYSICAL_NETWORKS = "ovn-bridge-mappings"  # ovn-controller(8): physical:bridge,...
DATAPATH_TYPE = "datapath-type"


def chassis() -> list[Chassis]:
    """All hosts that have joined, by name. Whether they answer shows only if somebody calls :func:`beat` meanwhile.

    Raises NetworkUnreachable.
    """
    return southbound().read(_chassis)


def ports_up(ids: Collection[UUID]) -> set[UUID]:
    """Those interfaces that a host has connected. Raises NetworkUnreachable."""
    wanted = {str(port): port for port in ids}

    def look(replica: Replica) -> set[UUID]:
        up = (
            replica.value(row, "name")
            for row in replica.rows("Logical_Switch_Port")
            if True in replica.value(row, "up")
        )
        return {wanted[name] for name in up if name in wanted}

    return northbound().read(look)


def beat() -> int:
    """Ask all hosts to follow, without waiting for them, and return the number they shall come to.

    Raises NetworkUnreachable.
    """

    def work(replica: Replica, transaction: Any) -> int:
        number = _number(replica, "NB_Global", "nb_cfg") + 1
        row = replica.row("NB_Global") or transaction.insert(replica.tables["NB_Global"])
        row.verify("nb_cfg")
        row.nb_cfg = number
        return number

    return northbound().change(work)


def wait(timeout_s: float) -> None:
    """Return when northd has translated everything written until now; raises NetworkUnreachable after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    number = beat()
    left = max(deadline - time.monotonic(), 0)
    northbound().wait(lambda replica: _number(replica, "NB_Global", "sb_cfg") >= number, left)


def _number(replica: Replica, table: str, column: str) -> int:
    """A counter in a table of one row; 0 where the row was not made yet."""
    row = replica.row(table)
    return int(replica.value(row, column)) if row else 0


def _chassis(replica: Replica) -> list[Chassis]:
    asked = _number(replica, "SB_Global", "nb_cfg")
    followed = {replica.value(row, "name"): replica.value(row, "nb_cfg") for row in replica.rows("Chassis_Private")}
    names = {replica.value(row, "name"): row for row in replica.rows("Chassis")}
    _lag.forget_except(names)
    return [_one(replica, names[name], _lag.answers(name, followed.get(name, 0), asked)) for name in sorted(names)]


def _one(replica: Replica, row: Any, answers: bool) -> Chassis:
    # Up to OVN 20.09 hosts wrote their configuration into external_ids.
    config = {**replica.value(row, "external_ids"), **replica.value(row, "other_config")}
    return Chassis(
        name=replica.value(row, "name"),
        hostname=replica.value(row, "hostname"),
        userspace=config.get(DATAPATH_TYPE) == "netdev",
        answers=answers,
        physical_networks=_physical_networks(config),
    )


def _physical_networks(config: Mapping[str, str]) -> frozenset[str]:
    pairs = (pair.partition(":") for pair in config.get(PHYSICAL_NETWORKS, "").split(","))
    return frozenset(network.strip() for network, _colon, bridge in pairs if network.strip() and bridge.strip())


class _Lag:
    """How long hosts have been standing still, while they were asked to follow.

    By our own clock: the times that hosts write are their clocks', which may differ.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}  # number and since when it was behind

    def answers(self, name: str, followed: int, asked: int) -> bool:
        """Whether a host has moved within the last LAG_S seconds, or has nowhere to go."""
        if followed >= asked:
            self._seen.pop(name, None)
            return True
        number, since = self._seen.get(name, (followed, 0.0))
        if name not in self._seen or number != followed:
            since = time.monotonic()
            self._seen[name] = (followed, since)
        return time.monotonic() - since <= LAG_S

    def forget_except(self, names: Collection[str]) -> None:
        """Hosts that have left."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}


_lag = _Lag()
