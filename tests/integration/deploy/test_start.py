"""What stops a start: one clear line each, status 1, and nothing changed. Needs root, as the start itself does."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import checks
from deploy.config import Config
from tests.ports import free_port

ROOT = Path(__file__).parents[3]


@pytest.fixture
def var() -> Iterator[Path]:
    """Where a start would keep its data; the start makes it, or doesn't."""
    folder = Path(tempfile.mkdtemp(prefix="cloudia-start-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder / "var"
    shutil.rmtree(folder)


def refusal(var: Path, port: object, *, root: Path = ROOT, user: str | None = None, **environment: str) -> str:
    """The one line with which ``deploy/run`` refuses to start."""
    answer = subprocess.run(
        [root / "deploy" / "run"],
        env={"PATH": os.environ["PATH"], "PORT": str(port), "CLOUDIA_VAR": str(var), **environment},
        user=user,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert answer.returncode == 1, answer
    assert answer.stdout == ""
    assert not var.exists(), "something was changed"
    (line,) = answer.stderr.splitlines()
    return line.removeprefix("CloudiA cannot start: ")


def test_without_root_it_says_so(var: Path) -> None:
    assert refusal(var, free_port(), user="nobody").startswith("the set-up needs root (sudo make run)")


def test_second_start_names_the_first(var: Path) -> None:
    config = dataclasses.replace(Config.from_environment(), var=var, port=free_port())
    with checks.before_start(config):
        assert refusal(var, config.port) == f"CloudiA already runs with {var} (process {os.getpid()})."


def test_taken_port_is_named_with_a_way_out(var: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert refusal(var, port) == f"port {port} is taken: choose another, as in make run PORT=8001."


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_port_that_is_none_is_refused(var: Path, port: str) -> None:
    assert refusal(var, port) == f"PORT must be a number from 1 to 65535, not '{port}'."


def test_address_of_another_machine_is_refused(var: Path) -> None:
    port = free_port()
    line = refusal(var, port, BIND="192.0.2.1")
    assert line == f"cannot listen on 192.0.2.1 port {port}: Cannot assign requested address."


def test_full_disk_is_named(var: Path) -> None:
    full = var.parent / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", full], check=True)
    try:
        line = refusal(full / "var", free_port())
    finally:
        subprocess.run(["umount", full], check=True)
    assert line.startswith(f"{full} has 0.0 GiB of free disk space, ")


def test_checkout_closed_to_others_is_refused(var: Path) -> None:
    closed = var.parent / "closed"
    shutil.copytree(ROOT / "deploy", closed / "deploy")
    closed.chmod(0o700)
    line = refusal(var, free_port(), root=closed)
    assert line == f"the user cloudia cannot enter {closed}: clone CloudiA elsewhere, or chmod o+x {closed}."


def test_folder_too_deep_for_a_socket_is_refused(var: Path) -> None:
    deep = var.parent / ("x" * 100) / "var"
    assert refusal(deep, free_port()).endswith("is too long for a unix socket: set CLOUDIA_VAR to a shorter path.")
