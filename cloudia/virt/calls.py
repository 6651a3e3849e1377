"""Calls on one domain, and the two places where a domain is described: its definition, and the running guest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import libvirt

from cloudia.virt.connection import Connection
from cloudia.virt.xml.domain import Domain

T = TypeVar("T")

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG


class DomainCalls:
    """Whatever is done to one host's domains, by their UUID."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _with(self, uuid: UUID, work: Callable[[Any], T], deadline_s: float | None = None) -> T:
        return self._connection.call(lambda conn: work(conn.lookupByUUIDString(str(uuid))), deadline_s)


def is_live(domain: Any) -> bool:
    """Whether there is a running guest (or a paused one)."""
    return bool(domain.isActive())


def places(domain: Any) -> list[int]:
    """Where a change has to hold: in the definition, and in the running guest if there is one."""
    return [LIVE, CONFIG] if is_live(domain) else [CONFIG]


def description(domain: Any, where: int) -> Domain:
    """What the domain has there."""
    return Domain.parse(domain.XMLDesc(0 if where == LIVE else libvirt.VIR_DOMAIN_XML_INACTIVE))
