"""Other programs, run to their end."""

from __future__ import annotations

import subprocess

OVS_TIMEOUT = 20  # seconds that ovs-vsctl waits for ovs-vswitchd to do what the database says


def run(*command: str, stdin: str | None = None) -> str:
    """What it prints. Raises CalledProcessError, whose last line of stderr is what a failed start says."""
    answer = subprocess.run(command, input=(stdin or "").encode(), check=True, capture_output=True)
    return answer.stdout.decode()


def vsctl(*words: str) -> str:
    """``ovs-vsctl``: changes Open vSwitch's database and waits for the effect."""
    return run("ovs-vsctl", f"--timeout={OVS_TIMEOUT}", *words)
