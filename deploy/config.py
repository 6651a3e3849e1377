"""What of the environment matters before Django's settings can be read. All variables: docs/settings.md."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import StartError

ROOT = Path(__file__).resolve().parent.parent
USER = "cloudia"
HOME = Path("/var/lib/cloudia")


@dataclass(frozen=True)
class Config:
    """Where things are and where CloudiA listens."""

    root: Path
    var: Path
    pool: Path
    bind: str
    port: int
    private_postgres: bool

    @classmethod
    def from_environment(cls) -> Config:
        """Raises StartError for a port that is none."""
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
