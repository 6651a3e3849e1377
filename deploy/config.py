"""What of the environment matters before Django's settings can be read. All variables: docs/settings.md."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from deploy.errors import StartError

ROOT = Path(__file__).resolve().parent.parent
USER = "cloudia"
HOME = Path("/var/lib/cloudia")
SMALLEST_EXTERNAL = 29  # bits: the machine, the VPCs' routers, and a floating IP or two


@dataclass(frozen=True)
class Config:
    """Where things are and where CloudiA listens."""

    root: Path
    var: Path
    pool: Path
    bind: str
    port: int
    private_postgres: bool
    network: bool  # whether OVN is ours to start
    external: IPv4Network

    @classmethod
    def from_environment(cls) -> Config:
        """Raises StartError for a port or a network that is none."""
        port = os.environ.get("PORT") or "8000"
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise StartError(f"PORT must be a number from 1 to 65535, not {port!r}.")
        return cls(
            root=ROOT,
            var=Path(os.environ.get("CLOUDIA_VAR") or ROOT / "var").absolute(),
            pool=Path(os.environ.get("CLOUDIA_POOL_DIR") or HOME / "pool").absolute(),
            bind=os.environ.get("BIND") or "127.0.0.1",
            port=int(port),
            private_postgres=not os.environ.get("DATABASE_URL"),
            network=_network(),
            external=_external(),
        )

    @property
    def python(self) -> Path:
        """The virtualenv's interpreter."""
        return self.root / ".venv" / "bin" / "python"

    @property
    def postgres(self) -> Path:
        """Data and socket of the private cluster; cloudia/settings.py looks there too."""
        return self.var / "postgres"

    @property
    def url(self) -> str:
        """Where this machine's own browser finds CloudiA."""
        host = "127.0.0.1" if self.bind in {"0.0.0.0", "::"} else self.bind  # noqa: S104  compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def _network() -> bool:
    value = os.environ.get("CLOUDIA_NETWORK") or "on"
    if value not in {"on", "off"}:
        raise StartError(f"CLOUDIA_NETWORK must be on or off, not {value!r}.")
    return value == "on"


def _external() -> IPv4Network:
    value = os.environ.get("CLOUDIA_EXTERNAL_CIDR") or "198.51.100.0/24"
    try:
        network = IPv4Network(value)
    except ValueError as error:
        raise StartError(f"CLOUDIA_EXTERNAL_CIDR must be an IPv4 network such as 198.51.100.0/24: {error}.") from None
    if network.prefixlen > SMALLEST_EXTERNAL:
        raise StartError(f"CLOUDIA_EXTERNAL_CIDR must not be smaller than a /{SMALLEST_EXTERNAL}, {value} is.")
    return network
