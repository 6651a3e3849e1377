"""``manage.py doctor``: one line for each thing that has to work, and the command that mends it."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

from cloudia.core.diagnosis import Finding
from cloudia.core.errors import CloudiaError
from cloudia.core.terminal import in_terminal_language
from cloudia.hosts.models import Host
from cloudia.hosts.watcher import is_led
from cloudia.jobs.health import workers_answer
from cloudia.virt import Accelerator, Hypervisor
from networking.management import diagnosis as network
from storage.management import diagnosis as storage

DEADLINE_S = 10.0
GIB = 2**30
LEAST_FREE_BYTES = GIB  # where logs, the database or disks of guests soon fail


class Command(BaseCommand):
    """Looks at everything; changes nothing."""

    help = "Check database, hosts, storage, network, worker and watcher. Exit status 1 if something is wrong."
    requires_system_checks = ()  # it has checks of its own

    @in_terminal_language
    def handle(self, *args: Any, **options: Any) -> None:
        """Print every finding."""
        wrong = 0
        for finding in findings():
            wrong += bool(finding.remedy)
            mark = self.style.ERROR("✗") if finding.remedy else self.style.SUCCESS("✓")
            self.stdout.write(f"{mark} {finding.what}")
            if finding.remedy:
                self.stdout.write(f"  → {finding.remedy}")
        if wrong:
            raise SystemExit(1)


def findings() -> Iterator[Finding]:
    """Everything, in the order in which one thing needs the other."""
    yield (database := _database())
    if database.remedy:
        return
    yield _watcher()
    yield _worker()
    yield _free_space()
    yield from _hosts()
    yield from storage.findings()
    yield from network.findings()


def _database() -> Finding:
    try:
        executor = MigrationExecutor(connection)
    except Error as error:
        reason = str(error).strip().splitlines()[0]
        return Finding(_("The database does not answer: %(reason)s") % {"reason": reason}, "make run")
    if missing := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        what = _("The database answers, but %(count)s migrations are missing") % {"count": len(missing)}
        return Finding(what, "python manage.py migrate")
    return Finding(_("The database answers and is up to date"))


def _watcher() -> Finding:
    if is_led():
        return Finding(_("A watcher is running"))
    return Finding(_("No watcher is running: states of instances are not up to date"), "python manage.py watch_hosts")


def _worker() -> Finding:
    if workers_answer():
        return Finding(_("A worker is running"))
    return Finding(_("No worker takes jobs"), "python manage.py worker")


def _free_space() -> Finding:
    free = shutil.disk_usage(settings.VAR_DIR if settings.VAR_DIR.exists() else settings.BASE_DIR).free
    what = _("%(free).1f GiB are free in %(path)s") % {"free": free / GIB, "path": settings.VAR_DIR}
    return Finding(what, "" if free >= LEAST_FREE_BYTES else shlex.join(["df", "-h", str(settings.VAR_DIR)]))


def _hosts() -> Iterable[Finding]:
    hosts = list(Host.objects.all())
    if not hosts:
        yield Finding(_("No host is registered"), "python manage.py setup")
    for host in hosts:
        yield from _host(host)


def _host(host: Host) -> Iterable[Finding]:
    hypervisor = Hypervisor(host.endpoint, DEADLINE_S)
    try:
        hypervisor.ping()
        found = hypervisor.describe()
    except CloudiaError as error:
        yield Finding(f"{host}: {error}", _virsh(host, "version"))
        return
    if host.accelerator not in found.accelerators:
        what = _("%(host)s: %(accelerator)s does not work there") % {"host": host, "accelerator": host.accelerator}
        yield Finding(what, f"ls -l /dev/kvm; virt-host-validate qemu  # {host}")
    elif host.accelerator == Accelerator.TCG:
        yield Finding(_("%(host)s answers; guests are emulated in software, which is slow") % {"host": host})
    else:
        yield Finding(_("%(host)s answers and has KVM") % {"host": host})
    yield from storage.findings_on(host, hypervisor)


def _virsh(host: Host, *words: str) -> str:
    return shlex.join(["virsh", "-c", host.uri, *words])
