"""A host with its pool, a file, and a web server that has the file."""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from tests.qemu.images.bring import MIB, Server
from tests.qemu.lab import LabHost
from tests.qemu.site import Site, make_site


@pytest.fixture
def site(
    lab_host: LabHost, tiny_image: Path, monkeypatch: pytest.MonkeyPatch, settings: LazySettings, tmp_path: Path
) -> Iterator[Site]:
    monkeypatch.setattr("cloudia.jobs.run.Heartbeat._beat", lambda self: None)
    settings.SCRATCH_DIR = tmp_path / "scratch"
    site = make_site(lab_host, tiny_image)
    yield site
    site.clean()
    assert not settings.SCRATCH_DIR.exists() or not list(settings.SCRATCH_DIR.iterdir())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A qcow2 file of 16 MiB in which 5 MiB are random."""
    raw, path = tmp_path / "raw", tmp_path / "disk.qcow2"
    raw.write_bytes(os.urandom(5 * MIB) + bytes(11 * MIB))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    return path


@pytest.fixture
def server(file: Path, settings: LazySettings) -> Iterator[type[Server]]:
    """It serves ``file`` on this machine, which the settings allow."""
    settings.IMPORT_ALLOWED = ["127.0.0.0/8"]
    Server.content, Server.stop_after, Server.asked = file.read_bytes(), 0, []
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Server.address = f"http://127.0.0.1:{running.server_port}"  # type: ignore[attr-defined]  # for the tests below
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield Server
    running.shutdown()
    thread.join()
    running.server_close()
