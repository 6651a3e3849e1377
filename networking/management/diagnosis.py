"""What has to work so that guests have a network: the part of ``manage.py doctor`` about OVN."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from django.conf import settings
from django.utils.translation import gettext as _

from cloudia.core.diagnosis import Finding
from cloudia.core.errors import CloudiaError
from cloudia.hosts.models import Host
from networking import ovn
from networking.selectors import network_problem, waiting_changes
from networking.sync import EFFECT_S
from networking.topology import Chassis
from networking.watch import chassis_by_host

RESTART_CENTRAL = "systemctl restart ovn-central  # make run"


def findings() -> Iterator[Finding]:
    """The databases, what stands between them, each host, and what OVN was not told yet."""
    north = _database(_("northbound"), settings.OVN_NORTHBOUND, ovn.beat)
    south = _database(_("southbound"), settings.OVN_SOUTHBOUND, ovn.chassis)
    yield north
    yield south
    if not north.remedy and not south.remedy:
        yield _northd()
        yield from _hosts()
    yield _waiting()


def _database(name: str, remote: str, ask: Callable[[], object]) -> Finding:
    try:
        ask()
    except CloudiaError as error:
        return Finding(_("OVN's %(name)s database: %(problem)s") % {"name": name, "problem": error}, RESTART_CENTRAL)
    return Finding(_("OVN's %(name)s database answers (%(remote)s)") % {"name": name, "remote": remote})


def _northd() -> Finding:
    try:
        ovn.wait(EFFECT_S)
    except CloudiaError:
        return Finding(_("ovn-northd does not translate: changes reach no host"), RESTART_CENTRAL)
    return Finding(_("ovn-northd translates changes for the hosts"))


def _hosts() -> Iterator[Finding]:
    known = chassis_by_host()
    for host in Host.objects.select_related("network"):
        yield _host(host, known.get(host))


def _host(host: Host, chassis: Chassis | None) -> Finding:
    words = {"host": host, "chassis": chassis.name if chassis else ""}
    if chassis is None:
        join = shlex.join(["ovs-vsctl", "get", "Open_vSwitch", ".", "external_ids"])
        return Finding(_("%(host)s is not connected to the network (OVN)") % words, f"{join}  # {host}")
    network = getattr(host, "network", None)
    if network is None or not network.answers:
        what = _("%(host)s is chassis %(chassis)s and does not follow changes")
        return Finding(what % words, f"systemctl restart ovn-host  # {host}")
    return Finding(_("%(host)s is chassis %(chassis)s and follows changes") % words)


def _waiting() -> Finding:
    count, problem = waiting_changes(), network_problem()
    if not count and not problem:
        return Finding(_("OVN was told of every change"))
    what = _("%(count)s changes of networks wait: %(problem)s") % {"count": count, "problem": problem or "–"}
    return Finding(what, "python manage.py sync_network --dry-run")
