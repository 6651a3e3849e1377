"""The guest agent: asked with little patience, and not trusted, as a guest says what it likes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import libvirt
import libvirt_qemu

from cloudia.virt.calls import LIVE, description
from cloudia.virt.designer import AGENT_CHANNEL

T = TypeVar("T")

ANSWER_S = 2


def answers(domain: Any) -> bool:
    """Whether the agent of a running guest works now. Asked first, because libvirt waits a minute for a dead one."""
    channels = description(domain, LIVE).channels
    if not any(channel.name == AGENT_CHANNEL and channel.state == "connected" for channel in channels):
        return False
    return ask(domain, "guest-ping", read=lambda _nothing: True) or False


def ask(domain: Any, command: str, *, read: Callable[[Any], T], **arguments: Any) -> T | None:
    """What ``read`` makes of the answer; None if there is none within 2 s, or nothing that can be read.

    https://qemu-project.gitlab.io/qemu/interop/qemu-ga-ref.html
    """
    request = json.dumps({"execute": command, "arguments": arguments})
    try:
        return read(json.loads(libvirt_qemu.qemuAgentCommand(domain, request, ANSWER_S, 0))["return"])
    except (libvirt.libvirtError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
