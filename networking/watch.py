"""The watcher's part in networks: tell OVN at once of every change, mend drift, and see which hosts are connected."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import psycopg
from django.db import Error, close_old_connections, connection
from django.utils import timezone

from cloudia.core.errors import CloudiaError
from cloudia.hosts.models import Host
from networking import ovn
from networking.models import HostNetwork, NetworkChange, NetworkInterface, NetworkState
from networking.sync import synchronise
from networking.topology import Chassis

log = logging.getLogger(__name__)

CHANNEL = "cloudia_network"  # migrations/0002_triggers.py
LOOK_S = 1.0  # for notifications that got lost, and for a northbound database that did
SYNC_S = 30.0  # for drift
HOSTS_S = 5.0


class NetworkDuty(threading.Thread):
    """Follows the network while this watcher leads."""

    def __init__(self) -> None:
        super().__init__(name="watch-network", daemon=True)
        self._stopping = threading.Event()
        self._synced_at = self._looked_at = float("-inf")

    def stop(self) -> None:
        """End soon; returns at once."""
        self._stopping.set()

    def run(self) -> None:
        """Listen and act, again and again."""
        while not self._stopping.is_set():
            try:
                self._follow()
            except (Error, psycopg.Error) as error:
                log.warning("the database is away: %s", error)
                self._stopping.wait(LOOK_S)
            except Exception:
                log.exception("following the network failed, starting again")
                self._stopping.wait(LOOK_S)
            finally:
                close_old_connections()

    def _follow(self) -> None:
        with _listener() as listener:
            while not self._stopping.is_set():
                self.tick()
                close_old_connections()
                list(listener.notifies(timeout=LOOK_S, stop_after=1))

    def tick(self) -> None:
        """Do what is due. What OVN answers with is recorded, not raised."""
        try:
            if self._must_sync():
                synchronise()
                self._synced_at = time.monotonic()
            if time.monotonic() - self._looked_at > HOSTS_S:
                record_hosts()
                self._looked_at = time.monotonic()
        except CloudiaError:
            self._stopping.wait(LOOK_S)  # recorded by whoever raised it

    def _must_sync(self) -> bool:
        if time.monotonic() - self._synced_at > SYNC_S or NetworkChange.objects.exists():
            return True
        return not ovn.is_marked(NetworkState.current().installation)


def _listener() -> psycopg.Connection[Any]:
    parameters = {**connection.get_connection_params(), "autocommit": True}
    listener: psycopg.Connection[Any] = psycopg.connect(**parameters)
    listener.execute(f"LISTEN {CHANNEL}")
    return listener


def record_hosts() -> None:
    """Write down which host is which chassis, and which interfaces are connected. Raises CloudiaError."""
    ovn.beat()
    found = chassis_by_host()
    for host in Host.objects.select_related("network"):
        if chassis := found.get(host):
            _record(host, chassis)
        else:
            _record_absent(host)
    _record_connected()


def chassis_by_host() -> dict[Host, Chassis]:
    """Hosts that have joined the network, by their names. Raises NetworkUnreachable."""
    found = {_short(chassis.hostname): chassis for chassis in ovn.chassis()}
    hosts = Host.objects.exclude(hostname="")
    return {host: found[name] for host in hosts if (name := _short(host.hostname)) in found}


def _short(hostname: str) -> str:
    """libvirt and Open vSwitch may disagree about the domain."""
    return hostname.split(".", maxsplit=1)[0].lower()


def _record(host: Host, chassis: Chassis) -> None:
    """Only what differs: every write makes OVN be asked again."""
    values = {
        "chassis": chassis.name,
        "answers": chassis.answers,
        "userspace": chassis.userspace,
        "physical_networks": sorted(chassis.physical_networks),
    }
    known = getattr(host, "network", None)
    if known is None or any(getattr(known, name) != value for name, value in values.items()):
        HostNetwork.objects.update_or_create(host=host, defaults={**values, "seen_at": timezone.now()})


def _record_absent(host: Host) -> None:
    """It has left, or never joined. The trigger counts statements, so there is none where there is nothing to say."""
    known = getattr(host, "network", None)
    if known and known.answers:
        HostNetwork.objects.filter(host=host).update(answers=False)


def _record_connected() -> None:
    rows = dict(NetworkInterface.objects.values_list("pk", "is_up"))
    up = ovn.ports_up(rows)
    for now in (True, False):
        changed = [pk for pk, before in rows.items() if (pk in up) is now and before is not now]
        if changed:
            NetworkInterface.objects.filter(pk__in=changed).update(is_up=now)
