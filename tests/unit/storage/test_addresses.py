"""Where images may be imported from: not from what only this machine can reach."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from django.conf import LazySettings

from cloudia.core.errors import TransientError
from storage.addresses import BadUrl, is_allowed, parsed, resolve

INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1",
    "2002:a00:1::",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "151.101.1.1", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", INSIDE)
def test_own_networks_are_not_reached(address: str) -> None:
    assert not is_allowed("host.example", ipaddress.ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_public_internet_is_reached(address: str) -> None:
    assert is_allowed("host.example", ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("word", "host", "address", "allowed"),
    [
        ("10.1.0.0/24", "x", "10.1.0.9", True),
        ("10.1.0.0/24", "x", "::ffff:10.1.0.9", True),
        ("10.1.0.0/24", "x", "10.1.1.9", False),
        ("mirror.example", "MIRROR.example", "10.1.1.9", True),
        ("mirror.example", "other.example", "10.1.1.9", False),
        ("fd00::/8", "x", "fd00::1", True),
    ],
)
def test_operators_name_what_else_is_reached(
    settings: LazySettings, word: str, host: str, address: str, allowed: bool
) -> None:
    settings.IMPORT_ALLOWED = ["unrelated.example", word]
    assert is_allowed(host, ipaddress.ip_address(address)) is allowed


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://example.org/x", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("example.org/x", "bad_url"),
        ("https://", "bad_url"),
        ("https://user@example.org/x", "bad_url"),
        ("https://user:secret@example.org/x", "bad_url"),
        ("https://example.org:99999/x", "bad_url"),
        ("https://example.org/a b", "bad_url"),
        ("https://example.org/\r\nHost: x", "bad_url"),
        ("https://[::1/x", "bad_url"),
        ("http://127.0.0.1/x", "address_not_allowed"),
        ("http://[::1]:8000/x", "address_not_allowed"),
        ("http://169.254.169.254/latest", "address_not_allowed"),
    ],
)
def test_addresses_that_nothing_is_imported_from(url: str, code: str) -> None:
    with pytest.raises(BadUrl) as refused:
        parsed(url)
    assert refused.value.code == code
    assert "secret" not in str(refused.value)


def answers(*addresses: str) -> Any:
    return lambda *_words, **_more: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80)) for one in addresses]


@pytest.mark.parametrize("found", [("8.8.8.8", "127.0.0.1"), ("10.0.0.1",), ("::ffff:169.254.169.254",)])
def test_name_is_refused_if_any_of_its_addresses_is(monkeypatch: pytest.MonkeyPatch, found: tuple[str, ...]) -> None:
    monkeypatch.setattr("socket.getaddrinfo", answers(*found))
    with pytest.raises(BadUrl):
        resolve(parsed("http://innocent.example/x"))


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises((BadUrl, TransientError)):
        resolve(parsed(f"http://{host}/x"))


def test_unknown_name_may_be_known_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_words: Any, **_more: Any) -> Any:
        raise socket.gaierror

    monkeypatch.setattr("socket.getaddrinfo", nothing)
    with pytest.raises(TransientError):
        resolve(parsed("http://unknown.example/x"))
