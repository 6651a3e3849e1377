"""Settings read from the environment, with an answer that names the variable when a value makes no sense."""

from __future__ import annotations

import os
import secrets
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}
# resolv.conf(5); the second is what systemd-resolved asks where the first names systemd-resolved itself.
RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


def text(name: str, default: str) -> str:
    """The variable as it stands."""
    return os.environ.get(name, default)


def words(name: str, default: str) -> list[str]:
    """The variable split at blanks and commas."""
    return text(name, default).replace(",", " ").split()


def directories(name: str, default: str) -> list[str]:
    """The variable's absolute paths, separated by commas or blanks."""
    found = words(name, default)
    if wrong := [path for path in found if not path.startswith("/") or ".." in Path(path).parts]:
        raise ImproperlyConfigured(f"{name} must be paths from the root, not {wrong[0]!r}.")
    return [str(Path(path)) for path in found]


def directory(name: str, default: Path) -> Path:
    """The variable's one absolute path."""
    path = Path(text(name, str(default)))
    if not path.is_absolute() or ".." in path.parts:
        raise ImproperlyConfigured(f"{name} must be a path from the root, not {str(path)!r}.")
    return path


def places(name: str) -> list[str]:
    """The variable's networks and host names; what has a slash must be a network."""
    found = words(name, "")
    try:
        for word in found:
            if "/" in word:
                ip_network(word)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be networks like 10.1.0.0/24 and host names: {error}.") from None
    return found


def flag(name: str, *, default: bool) -> bool:
    """A yes or no: ``1 true yes on`` or ``0 false no off``."""
    value = text(name, "1" if default else "0").strip().lower()
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")
    return value in TRUE


def number(name: str, default: int, minimum: int = 1) -> int:
    """A whole number, at least ``minimum``."""
    value = text(name, str(default))
    if not value.isdecimal() or int(value) < minimum:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {minimum}, not {value!r}.")
    return int(value)


def resolvers(name: str) -> list[str]:
    """The variable's addresses; by default the DNS servers this machine asks that others can ask as well."""
    addresses = words(name, "")
    try:
        return [str(ip_address(address)) for address in addresses] or _upstream_resolvers()
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be IP addresses: {error}.") from None


def _upstream_resolvers() -> list[str]:
    lines = [line.split() for path in RESOLVERS if path.is_file() for line in path.read_text().splitlines()]
    # Behind a % comes the NIC that a link-local address belongs to.
    servers = [ip_address(words[1].partition("%")[0]) for words in lines if len(words) > 1 and words[0] == "nameserver"]
    return [str(server) for server in dict.fromkeys(servers) if not server.is_loopback and not server.is_link_local]


def secret_key(name: str, path: Path) -> str:
    """The variable, or the key kept in ``path``, made on first use and readable by its owner alone."""
    if key := os.environ.get(name):
        return key
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process was faster
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(key := secrets.token_urlsafe(64))
    return key


def database(name: str, private_cluster: Path) -> dict[str, Any]:
    """Django's settings for ``postgresql://user:password@host:port/name``; by default the private cluster's socket."""
    url = os.environ.get(name) or f"postgresql://cloudia@/cloudia?host={private_cluster}"
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"{name} must start with postgresql://: CloudiA works with PostgreSQL alone.")
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "cloudia.core.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_HEALTH_CHECKS": True,  # or the pool hands out connections that died with a restart of the server
        "OPTIONS": {"pool": _pool(), **query},
    }


def _pool() -> dict[str, int] | bool:
    """A pool of connections in the web process alone.

    There every request may run on another thread. The worker must not have one: its processes are forks, and would
    talk over each other on the same sockets.
    """
    if not flag("CLOUDIA_WEB", default=False):
        return False
    return {
        "min_size": 1,
        "max_size": number("CLOUDIA_DB_POOL", 16),
        "timeout": 10,
        # The pool doubles its delay from 1 s. Given up early, a lost connection is asked for anew by the next request;
        # otherwise the delay would outgrow the time that requests wait, and they would fail after the server is back.
        "reconnect_timeout": 5,
    }
