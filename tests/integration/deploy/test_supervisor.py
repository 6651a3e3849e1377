"""The supervisor with real processes: what lives, what dies, what is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from deploy.supervisor import Process, Supervisor
sys.exit(Supervisor([{processes}], grace={grace}).run())
"""
# Writes the pids of itself and of a child of its own to a file, then waits.
FAMILY = "echo $$ >>{name}.pids; sleep 1000 & echo $! >>{name}.pids; wait"
STUBBORN = "trap '' TERM; " + FAMILY

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Run a supervisor over the given processes (Python text); its output is text lines."""
    started = []

    def run(*processes: str, grace: float = 5) -> subprocess.Popen[str]:
        program = PROGRAM.format(processes=", ".join(processes), grace=grace)
        supervisor = subprocess.Popen(
            [sys.executable, "-u", "-c", program],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(supervisor)
        return supervisor

    yield run
    for supervisor in started:
        supervisor.terminate()  # a kill would leave the rest to the guard, after the whole grace
        supervisor.communicate(timeout=30)


def process(name: str, script: str, *, more: str = "") -> str:
    return f"Process({name!r}, ('sh', '-c', {script.format(name=name)!r}){more})"


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(fact: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)


def pids(folder: Path, name: str, count: int = 2) -> list[int]:
    """What the family has written, once there are ``count`` of them."""
    file = folder / f"{name}.pids"
    wait_for(lambda: file.exists() and len(file.read_text().split()) >= count)
    return [int(word) for word in file.read_text().split()]


def test_killed_process_is_back_and_its_children_are_gone(start: Start, tmp_path: Path) -> None:
    start(process("web", FAMILY))
    leader, child = pids(tmp_path, "web")
    os.kill(leader, signal.SIGKILL)
    new_leader, _ = pids(tmp_path, "web", 4)[2:]
    assert alive(new_leader)
    assert not alive(child)


def test_death_of_one_process_leaves_the_others_alone(start: Start, tmp_path: Path) -> None:
    start(process("web", FAMILY), process("worker", FAMILY))
    leader, _ = pids(tmp_path, "web")
    os.kill(leader, signal.SIGKILL)
    pids(tmp_path, "web", 4)
    assert len(pids(tmp_path, "worker")) == 2
    assert all(alive(pid) for pid in pids(tmp_path, "worker"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_every_process_and_is_no_failure(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    supervisor = start(process("web", FAMILY), process("worker", FAMILY))
    everybody = pids(tmp_path, "web") + pids(tmp_path, "worker")
    supervisor.send_signal(number)
    assert supervisor.wait(10) == 0
    assert not any(alive(pid) for pid in everybody)


def test_process_that_ignores_the_signal_is_killed_after_the_grace(start: Start, tmp_path: Path) -> None:
    supervisor = start(process("web", STUBBORN), grace=0.5)
    everybody = pids(tmp_path, "web")
    supervisor.terminate()
    assert supervisor.wait(10) == 0
    assert not any(alive(pid) for pid in everybody)


@pytest.mark.parametrize("script", [FAMILY, STUBBORN])
def test_nothing_survives_the_supervisors_kill(start: Start, tmp_path: Path, script: str) -> None:
    supervisor = start(process("web", script), grace=0.5)
    everybody = pids(tmp_path, "web")
    supervisor.kill()
    wait_for(lambda: not any(alive(pid) for pid in everybody))


def test_next_process_waits_for_one_that_runs_once(start: Start) -> None:
    supervisor = start(
        process("migrate", "sleep 0.3; echo done", more=", once=True"), process("web", "echo up; exec sleep 1000")
    )
    assert supervisor.stdout is not None
    assert [supervisor.stdout.readline() for _ in range(2)] == ["migrate | done\n", "web     | up\n"]


def test_failure_of_one_that_runs_once_ends_everything(start: Start, tmp_path: Path) -> None:
    supervisor = start(
        process("database", FAMILY), process("migrate", "sleep 0.3; echo no; exit 3", more=", once=True")
    )
    output, _ = supervisor.communicate(timeout=10)
    assert supervisor.returncode == 1
    assert output.splitlines() == ["migrate  | no", "migrate  | failed, so everything stops"]
    assert not any(alive(pid) for pid in pids(tmp_path, "database"))


def test_next_process_waits_until_the_one_before_is_ready(start: Start) -> None:
    supervisor = start(
        process("database", "sleep 0.5; touch ready; exec sleep 1000", more=", ready=('test', '-e', 'ready')"),
        process("web", "ls; exec sleep 1000"),
    )
    assert supervisor.stdout is not None
    assert supervisor.stdout.readline() == "web      | ready\n"


def test_process_that_others_need_is_stopped_last(start: Start, tmp_path: Path) -> None:
    trap = "trap 'sleep {delay}; echo {{name}} >>order; exit' TERM; touch {{name}}.up; while :; do sleep 0.1; done"
    supervisor = start(
        process("database", trap.format(delay=0), more=", ready=('test', '-e', 'database.up')"),
        process("web", trap.format(delay=0.5)),
    )
    wait_for((tmp_path / "web.up").exists)
    supervisor.terminate()
    assert supervisor.wait(10) == 0
    assert (tmp_path / "order").read_text().split() == ["web", "database"]


def test_delay_before_a_restart_doubles(start: Start) -> None:
    supervisor = start(process("web", "exit 7"))
    assert supervisor.stdout is not None
    assert [supervisor.stdout.readline() for _ in range(2)] == [
        "web | ended with status 7, starts again in 1 s\n",
        "web | ended with status 7, starts again in 2 s\n",
    ]


def test_missing_command_is_named_and_tried_again(start: Start) -> None:
    supervisor = start("Process('web', ('/nowhere/program',))")
    assert supervisor.stdout is not None
    assert "/nowhere/program" in supervisor.stdout.readline()
    assert supervisor.stdout.readline() == "web | ended with status 127, starts again in 1 s\n"


def test_last_line_without_an_end_and_long_lines_are_printed(start: Start) -> None:
    supervisor = start(process("task", "head -c 100000 /dev/zero | tr '\\0' x; printf end; exit 1", more=", once=True"))
    output, _ = supervisor.communicate(timeout=10)
    assert sum(line.count("x") for line in output.splitlines() if "| x" in line) == 100000
    assert "end" in output
