"""libvirt's states and events in CloudiA's words."""

from __future__ import annotations

import libvirt
import pytest

from cloudia.virt import EventKind, PowerState
from cloudia.virt.domains import power_state
from cloudia.virt.events import event_kind

SIMPLE_STATES = ["NOSTATE", "RUNNING", "BLOCKED", "PAUSED", "SHUTDOWN", "SHUTOFF", "CRASHED", "PMSUSPENDED"]
EVENTS = ["DEFINED", "UNDEFINED", "STARTED", "SUSPENDED", "RESUMED", "STOPPED", "SHUTDOWN", "PMSUSPENDED", "CRASHED"]


@pytest.mark.parametrize(
    ("state", "reason", "ours"),
    [
        ("RUNNING", "RUNNING_BOOTED", PowerState.RUNNING),
        ("BLOCKED", "BLOCKED_UNKNOWN", PowerState.RUNNING),
        ("PAUSED", "PAUSED_USER", PowerState.PAUSED),
        ("PAUSED", "PAUSED_IOERROR", PowerState.PAUSED),
        ("SHUTDOWN", "SHUTDOWN_USER", PowerState.RUNNING),
        ("SHUTOFF", "SHUTOFF_SHUTDOWN", PowerState.STOPPED),
        ("SHUTOFF", "SHUTOFF_DESTROYED", PowerState.STOPPED),
        ("SHUTOFF", "SHUTOFF_CRASHED", PowerState.CRASHED),
        ("SHUTOFF", "SHUTOFF_FAILED", PowerState.CRASHED),
        ("CRASHED", "CRASHED_PANICKED", PowerState.CRASHED),
        ("PMSUSPENDED", "PMSUSPENDED_UNKNOWN", PowerState.PAUSED),
    ],
)
def test_power_state(state: str, reason: str, ours: PowerState) -> None:
    assert power_state(getattr(libvirt, f"VIR_DOMAIN_{state}"), getattr(libvirt, f"VIR_DOMAIN_{reason}")) is ours


def test_every_state_of_libvirt_has_one_of_ours() -> None:
    numbers = [getattr(libvirt, f"VIR_DOMAIN_{name}") for name in SIMPLE_STATES]
    assert numbers == list(range(8))  # libvirt's virDomainState has no others
    assert all(isinstance(power_state(number, 0), PowerState) for number in numbers)


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_has_a_name(name: str) -> None:
    assert event_kind(getattr(libvirt, f"VIR_DOMAIN_EVENT_{name}"), 0) is EventKind[name]


@pytest.mark.parametrize("detail", ["CRASHED", "FAILED"])
def test_bad_end_is_a_crash(detail: str) -> None:
    number = getattr(libvirt, f"VIR_DOMAIN_EVENT_STOPPED_{detail}")
    assert event_kind(libvirt.VIR_DOMAIN_EVENT_STOPPED, number) is EventKind.CRASHED


def test_event_of_a_later_libvirt_is_ignored() -> None:
    assert event_kind(999, 0) is None
