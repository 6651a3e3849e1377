"""Guests: what they are, and power."""

from __future__ import annotations

import contextlib
import functools
import posixpath
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any
from uuid import UUID

import libvirt
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from lxml import etree

from cloudia.core.errors import OperationFailed
from cloudia.virt import agent
from cloudia.virt.connection import Connection
from cloudia.virt.designer import design
from cloudia.virt.disks import DiskDevices
from cloudia.virt.errors import none_if
from cloudia.virt.events import listen
from cloudia.virt.growth import Growth
from cloudia.virt.nics import NicDevices
from cloudia.virt.types import DomainEvent, DomainReport, DomainSpec, EventKind, PowerState
from cloudia.virt.xml.domain import NAMESPACE, BareOwner

_STATES: Mapping[int, PowerState] = {
    libvirt.VIR_DOMAIN_NOSTATE: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_RUNNING: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_PAUSED: PowerState.PAUSED,
    libvirt.VIR_DOMAIN_SHUTDOWN: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_SHUTOFF: PowerState.STOPPED,
    libvirt.VIR_DOMAIN_CRASHED: PowerState.CRASHED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: PowerState.PAUSED,
}
_BAD_SHUTOFFS = (libvirt.VIR_DOMAIN_SHUTOFF_CRASHED, libvirt.VIR_DOMAIN_SHUTOFF_FAILED)
OFF = frozenset({PowerState.STOPPED, PowerState.CRASHED})

_UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)
# QEMU has to be started, or has to flush its disks: both take as long as the host's storage.
SLOW_S = 60.0
# A guest may ignore or miss the button, so it is pressed again.
RESEND_S = 10.0
REREAD_S = 1.0

Identity = tuple[bool, str, str]


class Domains(DiskDevices, NicDevices, Growth):
    """The domains of one host, by UUID. Every function raises CloudiaError."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        # Metadata never changes during a domain's life, and reading it costs a call per domain.
        self._identities: dict[str, Identity] = {}

    def report(self, uuid: UUID) -> DomainReport | None:
        """The domain as it is now, or None if there is none."""
        return self._connection.call(lambda conn: self._report_one(conn, uuid))

    def reports(self) -> list[DomainReport]:
        """Every domain of the host, CloudiA's and others'."""
        return self._connection.call(self._report_all)

    def define(self, spec: DomainSpec) -> None:
        """Make the domain, or bring its definition to ``spec``; a running guest keeps what it has until restarted."""
        xml = str(design(spec))
        self._connection.call(lambda conn: _define(conn, spec, xml))

    def start(self, uuid: UUID) -> None:
        """Power on; nothing if it is on."""
        self._with(uuid, _start, SLOW_S)

    def request_shutdown(self, uuid: UUID) -> None:
        """Ask the guest to shut down; nothing if it is off. Returns before the guest has done anything."""
        self._with(uuid, _request_shutdown)

    def request_reboot(self, uuid: UUID) -> None:
        """Ask the guest to reboot. Returns before the guest has done anything."""
        self._with(uuid, _request_reboot)

    def reset(self, uuid: UUID) -> None:
        """Press the reset button: the guest loses what it has not written."""
        self._with(uuid, lambda domain: domain.reset(0))

    def destroy(self, uuid: UUID) -> None:
        """Pull the plug; nothing if it is off or gone."""
        self._with_existing(uuid, _destroy, SLOW_S)

    def undefine(self, uuid: UUID) -> None:
        """Remove the definition; nothing if it is gone. Disks stay."""
        self._with_existing(uuid, lambda domain: domain.undefineFlags(_UNDEFINE))

    def xml(self, uuid: UUID) -> str:
        """The definition as it is now, without passwords."""
        return self._with(uuid, lambda domain: str(domain.XMLDesc(0)))

    def users_of(self, file_name: str) -> list[str]:
        """The names of all domains, CloudiA's and others', that have a file so called: running, or by definition."""
        return self._connection.call(lambda conn: _users_of(conn, file_name), SLOW_S)

    def wait_for(self, uuid: UUID, states: Set[PowerState], timeout_s: float) -> bool:
        """Whether the domain came into one of ``states`` in time."""
        with self._watching(uuid) as watch:
            return watch.until(lambda: self._state(uuid) in states, timeout_s)

    def reboot_and_wait(self, uuid: UUID, timeout_s: float, *, hard: bool = False) -> bool:
        """Reboot, politely or by reset, and whether it has happened in time. False at once if the guest went off."""
        with self._watching(uuid) as watch:
            deadline = time.monotonic() + timeout_s
            while (left := deadline - time.monotonic()) > 0:
                if self._state(uuid) in OFF:
                    return False
                self.reset(uuid) if hard else self.request_reboot(uuid)
                done = watch.until(lambda: watch.rebooted or self._state(uuid) in OFF, min(left, RESEND_S))
                if done or hard:
                    return watch.rebooted
        return False

    def _with_existing(self, uuid: UUID, work: Callable[[Any], object], deadline_s: float | None = None) -> None:
        def run(conn: Any) -> None:
            if domain := find(conn, uuid):
                work(domain)

        self._connection.call(run, deadline_s)

    def _state(self, uuid: UUID) -> PowerState:
        return self._with(uuid, lambda domain: power_state(*domain.state()[:2]))

    @contextlib.contextmanager
    def _watching(self, uuid: UUID) -> Iterator[_Watch]:
        watch = _Watch()
        subscription = listen(self._connection, watch.notice, uuid)
        try:
            yield watch
        finally:
            subscription.close()

    def _report_one(self, conn: Any, uuid: UUID) -> DomainReport | None:
        domain = find(conn, uuid)
        return None if domain is None else self._report(domain, power_state(*domain.state()[:2]))

    def _report_all(self, conn: Any) -> list[DomainReport]:
        # The state group needs no answer from QEMU, so busy guests can't delay it.
        found = conn.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE, 0)
        reports = [report for domain, stats in found if (report := self._report_listed(domain, stats))]
        kept = {str(report.uuid) for report in reports}
        self._identities = {uuid: known for uuid, known in self._identities.items() if uuid in kept}
        return reports

    def _report_listed(self, domain: Any, stats: Mapping[str, Any]) -> DomainReport | None:
        state = power_state(stats["state.state"], stats["state.reason"])
        return none_if(libvirt.VIR_ERR_NO_DOMAIN, lambda: self._report(domain, state))

    def _report(self, domain: Any, state: PowerState) -> DomainReport:
        uuid = domain.UUIDString()
        ours, instance, project = self._identity(domain, uuid)
        _state, max_memory_kib, _memory, vcpus, _time = domain.info()
        return DomainReport(UUID(uuid), domain.name(), state, vcpus, max_memory_kib // 1024, ours, instance, project)

    def _identity(self, domain: Any, uuid: str) -> Identity:
        known = self._identities.get(uuid)
        if known is None:
            known = self._identities[uuid] = _read_identity(domain)
        return known


class _Watch:
    """Wakes up at a domain's events and, because events get lost, every second."""

    def __init__(self) -> None:
        self.rebooted = False
        self._changed = threading.Event()

    def notice(self, event: DomainEvent) -> None:
        self.rebooted = self.rebooted or event.kind is EventKind.REBOOTED
        self._changed.set()

    def until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while True:
            self._changed.clear()  # before the look: what happens after it must wake us
            if condition():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._changed.wait(min(left, REREAD_S))


def power_state(state: int, reason: int) -> PowerState:
    """Our state for libvirt's state and reason."""
    if state == libvirt.VIR_DOMAIN_SHUTOFF and reason in _BAD_SHUTOFFS:
        return PowerState.CRASHED
    return _STATES[state]


def find(conn: Any, uuid: UUID) -> Any:
    """The domain, or None."""
    return none_if(libvirt.VIR_ERR_NO_DOMAIN, lambda: conn.lookupByUUIDString(str(uuid)))


def _users_of(conn: Any, file_name: str) -> list[str]:
    found = (
        none_if(libvirt.VIR_ERR_NO_DOMAIN, functools.partial(_has, it, file_name)) for it in conn.listAllDomains(0)
    )
    return [name for name in found if name]


def _has(domain: Any, file_name: str) -> str:
    """The domain's name if it has the file, which is the last part of a path, a volume or an image in Ceph."""
    definitions = [domain.XMLDesc(flags) for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE)]
    sources = [source for xml in definitions for source in etree.fromstring(xml).iter("source")]
    values = {posixpath.basename(str(value)) for source in sources for value in source.attrib.values()}
    return str(domain.name()) if file_name in values else ""


def _read_identity(domain: Any) -> Identity:
    def read() -> str:
        return str(domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, NAMESPACE, 0))

    xml = none_if(libvirt.VIR_ERR_NO_DOMAIN_METADATA, read)
    if xml is None:
        return False, "", ""
    owner = BareOwner.parse(xml)
    return True, owner.instance or "", owner.project or ""


def _define(conn: Any, spec: DomainSpec, xml: str) -> None:
    namesake = none_if(libvirt.VIR_ERR_NO_DOMAIN, lambda: conn.lookupByName(spec.name))
    if namesake is not None and namesake.UUIDString() != str(spec.uuid):
        message = format_lazy(_("Another domain on the host has the name “{name}”."), name=spec.name)
        raise OperationFailed(message, code="domain_exists")
    conn.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)


def _is_off(domain: Any) -> bool:
    return power_state(*domain.state()[:2]) in OFF


def _unless(done: Callable[[Any], bool], act: Callable[[], object], domain: Any) -> None:
    """Act unless it is done; a refusal counts only if it still isn't, for others act too."""
    if done(domain):
        return
    try:
        act()
    except libvirt.libvirtError:
        if not done(domain):
            raise


def _start(domain: Any) -> None:
    _unless(lambda it: not _is_off(it), domain.create, domain)


def _destroy(domain: Any) -> None:
    # A transient domain is gone with its process.
    none_if(libvirt.VIR_ERR_NO_DOMAIN, lambda: _unless(_is_off, lambda: domain.destroyFlags(0), domain))


def _request_shutdown(domain: Any) -> None:
    flags = libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
    if agent.answers(domain):
        flags |= libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT
    _unless(_is_off, lambda: domain.shutdownFlags(flags), domain)


def _request_reboot(domain: Any) -> None:
    flags = libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN
    if agent.answers(domain):
        flags |= libvirt.VIR_DOMAIN_REBOOT_GUEST_AGENT
    domain.reboot(flags)
