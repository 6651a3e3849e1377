"""What jobs do about networks: ask OVN where a packet goes."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from django.utils.translation import gettext_lazy as _

from cloudia.accounts.actor import Actor
from cloudia.core.errors import OperationFailed
from cloudia.jobs.operation import Operation, Step
from cloudia.jobs.run import Run
from networking import ovn, policies
from networking.enums import Protocol
from networking.models import Trace
from networking.selectors import wished_topology
from networking.sync import ensure_effect
from networking.topology import Probe, Verdict


class TraceNetwork(Operation):
    """Follow a packet through the flows that are in effect."""

    kind = "network.trace"
    label = _("Trace a packet")
    transition = ""  # nothing is changed
    transition_code = ""
    backoff_s = (1, 2)

    @property
    def steps(self) -> Sequence[Step]:
        """What was just changed counts, so first it is put into effect."""
        return [
            Step("effect", _("Put changes into effect"), self._ensure_effect),
            Step("trace", _("Follow the packet"), self._ensure_answer),
        ]

    def reopen(self, actor: Actor) -> None:
        """Asking again needs what asking needed."""
        policies.TRACE.check(self.trace, actor)

    @property
    def trace(self) -> Trace:
        """The question."""
        trace = Trace.objects.filter(pk=self.job.target_id).first()
        if trace is None:
            raise OperationFailed(_("The interface no longer exists."), code="target_gone")
        return trace

    def _ensure_effect(self, run: Run) -> None:
        ensure_effect()

    def _ensure_answer(self, run: Run) -> None:
        trace = self.trace
        probe = Probe(
            source=trace.source_id,
            destination=IPv4Address(trace.address),
            protocol=Protocol(trace.protocol),
            port=trace.port,
        )
        verdict = ovn.trace(wished_topology(), probe)
        Trace.objects.filter(pk=trace.pk).update(answer=as_answer(verdict))
        run.note("ovn-trace")


def as_answer(verdict: Verdict) -> dict[str, object]:
    """A verdict as it is kept."""
    return {
        "delivered_to": verdict.delivered_to,
        "dropped_at": verdict.dropped_at,
        "acls": dict(verdict.acls),
        "text": verdict.text,
    }


ALL = (TraceNetwork,)
