"""Where a request came from."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from cloudia.accounts.addresses import client_address


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "expected"),
    [
        (False, "", "192.0.2.1"),
        (False, "198.51.100.7", "192.0.2.1"),  # anybody can send the header
        (True, "198.51.100.7", "198.51.100.7"),
        (True, "10.9.9.9, 198.51.100.7", "198.51.100.7"),  # only the proxy's own entry, the last, is to be trusted
        (True, "2001:db8::7", "2001:db8::7"),
        (True, "198.51.100.7, <script>", "192.0.2.1"),
        (True, "", "192.0.2.1"),
    ],
)
def test_only_the_last_hop_of_our_own_proxy_counts(
    settings: Settings, behind_proxy: bool, forwarded: str, expected: str
) -> None:
    settings.BEHIND_PROXY = behind_proxy
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", headers=headers)) == expected


def test_unix_socket_has_no_address() -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) is None
