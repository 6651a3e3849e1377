"""Where a request came from, for the audit trail and the login throttle."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The IP address of the client, or None if there is none (a unix socket).

    ``X-Forwarded-For`` counts only behind a proxy of ours, and of it only the last hop, which that proxy wrote:
    everything before it the client can write itself.
    """
    if settings.BEHIND_PROXY:
        last_hop = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        return _valid(last_hop) or _valid(request.META.get("REMOTE_ADDR", ""))
    return _valid(request.META.get("REMOTE_ADDR", ""))


def _valid(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
