"""OVN: the one door to it. ``docs/networking.md`` says what becomes of what."""

from networking.ovn.errors import ForeignNetwork, NetworkRejected, NetworkUnreachable, TooManyDeletions
from networking.ovn.rows import compile_topology
from networking.ovn.status import beat, chassis, ports_up, wait
from networking.ovn.sync import apply, is_marked, plan
from networking.ovn.tracing import trace

__all__ = [
    "ForeignNetwork",
    "NetworkRejected",
    "NetworkUnreachable",
    "TooManyDeletions",
    "apply",
    "beat",
    "chassis",
    "compile_topology",
    "is_marked",
    "plan",
    "ports_up",
    "trace",
    "wait",
]
