"""The console with much to show and nothing behind it: no watcher looks at its hosts, no worker runs its jobs."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.stack import filled, installed, served

DATABASE = "cloudia_gallery"


@dataclass(frozen=True)
class Gallery:
    """Where it is, and the ids of what is in it."""

    url: str
    ids: dict[str, str]
    environment: dict[str, str]
    log: Path


@contextmanager
def running_gallery(server_url: str, directory: Path) -> Iterator[Gallery]:
    """A web process on a database that ``tests.e2e.scenery`` has filled."""
    environment = installed(server_url, DATABASE, directory)
    ids = filled(environment, "tests.e2e.scenery")
    log = directory / "web.log"
    with served(environment, log, "web") as (port, _supervisor):
        gallery = Gallery(f"http://127.0.0.1:{port}", ids, environment, log)
        _wait_for(gallery)
        yield gallery


def _wait_for(gallery: Gallery, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(f"{gallery.url}/login/", timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, gallery.log.read_text()
            time.sleep(0.1)
        else:
            return
