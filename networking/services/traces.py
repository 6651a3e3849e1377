"""왜 막혔나요?: asking OVN where a packet goes."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.core.faults import Faults
from cloudia.jobs.models import Job
from cloudia.jobs.services import job_enqueue
from networking import policies
from networking.enums import Protocol
from networking.models import MAX_PORT, NetworkInterface, Trace
from networking.operations import TraceNetwork
from networking.services.ranges import read_address

KEPT = timedelta(days=1)  # an answer is about its moment


@audited("network.trace", target="source")
def trace_create(
    *,
    actor: Actor,
    source: NetworkInterface,
    protocol: str,
    destination: NetworkInterface | None = None,
    address: str = "",
    port: int | None = None,
) -> Job:
    """Ask whether a packet from ``source`` arrives at ``destination`` or ``address``; ``job.target_id`` is the trace.

    Raises ActionDenied or InputError.
    """
    policies.TRACE.check(source, actor)
    where = _address(source, destination, address)
    _check_kind(protocol, port)
    Trace.objects.filter(project=source.project, created_at__lt=timezone.now() - KEPT, current_job=None).delete()
    trace = Trace.objects.create(
        project=source.project,
        source=source,
        destination=destination,
        address=where,
        protocol=protocol,
        port=port if Protocol(protocol).has_ports else None,
    )
    return job_enqueue(operation=TraceNetwork, target=trace, actor=actor, params={})


def _address(source: NetworkInterface, destination: NetworkInterface | None, address: str) -> str:
    faults = Faults()
    if destination:
        other = _("It is in another VPC: nothing of that network reaches this one.")
        faults.require(destination.subnet.vpc_id == source.subnet.vpc_id, "destination", "other_vpc", other)
        faults.require(destination.pk != source.pk, "destination", "itself", _("Choose another interface."))
    elif address.strip():
        address = str(read_address(faults, address, "address"))
    else:
        faults.note("address", "required", _("Choose an interface, or enter an address."))
    faults.raise_if_any()
    return destination.address if destination else address


def _check_kind(protocol: str, port: int | None) -> None:
    faults = Faults()
    known = protocol in {Protocol.TCP, Protocol.UDP, Protocol.ICMP}
    faults.require(known, "protocol", "invalid_choice", _("Choose TCP, UDP or ICMP."))
    if known and Protocol(protocol).has_ports:
        if port is None:
            faults.note("port", "required", _("Enter a port."))
        else:
            faults.number("port", port, 1, MAX_PORT)
    faults.raise_if_any()
