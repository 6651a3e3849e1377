"""Which addresses images may be imported from: those of the public internet, and what an operator has named.

Whoever gives a URL must not reach with it what only this machine can: itself, its neighbours, a cloud's metadata.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import OperationFailed, TransientError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address is in the last four bytes
PORTS = {"http": 80, "https": 443}


class BadUrl(OperationFailed):
    """An address that nothing is imported from; the message says why."""

    code = "bad_url"


def parsed(url: str) -> SplitResult:
    """The parts of an http or https URL without a password. Raises BadUrl, also for a number of a forbidden host."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadUrl(_("Enter an address like https://example.org/image.qcow2.")) from None
    bad = not url.isascii() or not url.isprintable() or " " in url or port == 0
    if bad or parts.scheme not in PORTS or not parts.hostname:
        raise BadUrl(_("Enter an address like https://example.org/image.qcow2."))
    if parts.username is not None or parts.password is not None:
        raise BadUrl(_("The address must not contain a user name or a password."))
    literal = _literal(parts.hostname)
    if literal and not is_allowed(parts.hostname, literal):
        raise _not_allowed()
    return parts


def port_of(parts: SplitResult) -> int:
    """The port that the URL means."""
    return parts.port or PORTS[parts.scheme]


def resolve(parts: SplitResult) -> list[str]:
    """The addresses behind the URL's host, all of them allowed. Raises BadUrl, or TransientError without an answer."""
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, port_of(parts), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise TransientError(_("The host name in the address was not found."), code="unknown_host") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not all(is_allowed(host, ipaddress.ip_address(address)) for address in addresses):
        raise _not_allowed()
    return addresses


def is_allowed(host: str, address: Address) -> bool:
    """Whether it is public, or its host or network is named in the settings."""
    for word in settings.IMPORT_ALLOWED:
        if word.lower() == host.lower():
            return True
        network = _network(word)
        if network and any(real in network for real in _meant(address) if real.version == network.version):
            return True
    return all(_is_public(real) for real in _meant(address))


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved and not address.is_unspecified


def _meant(address: Address) -> Iterator[Address]:
    """The address, or those of IPv4 that are wrapped into it."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    wrapped = [found for found in inner if found is not None]
    yield from wrapped or [ipaddress.IPv6Address(int(address))]  # without a zone: fe80::1%eth0


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(word: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(word)
    except ValueError:
        return None


def _not_allowed() -> BadUrl:
    return BadUrl(_("Images can't be imported from this machine's own networks."), code="address_not_allowed")
