#!/usr/bin/python3
"""Type a shell command on a guest's serial console and print what it answers.

usage: console.py URI DOMAIN COMMAND [SECONDS]
Exits with the command's own status, 124 when the guest did not answer in time.
"""

from __future__ import annotations

import codecs
import os
import pty
import re
import secrets
import select
import sys
import time

NO_ANSWER = 124  # as timeout(1) says it
SETTLE = 0.2  # seconds between opening the console and typing: virsh drops what comes earlier


def converse(terminal: int, command: str, seconds: float) -> tuple[str, int] | None:
    """What the command said, and its exit status; None without an answer in time."""
    # The guest's terminal echoes what is typed, so the marks are spelt there with quotes in the middle: only the
    # shell's own output has them whole.
    first, last = secrets.token_hex(4), secrets.token_hex(4)
    line = f"echo {first}''{last}; {command}; echo {last}''{first} $?\n"
    answer = re.compile(f"{first}{last}\n(.*?)\n?{last}{first} (\\d+)", re.DOTALL)
    read_until(terminal, "Escape character", seconds)
    time.sleep(SETTLE)
    os.write(terminal, b"\x15\n" + line.encode())  # Ctrl-U drops a line that somebody has half typed
    found = answer.search(read_until(terminal, f"{last}{first} ", seconds) + "\n")
    return (found[1], int(found[2])) if found else None


def read_until(terminal: int, mark: str, seconds: float) -> str:
    """What arrives up to the line that has ``mark``, or until the time is over or the console closes."""
    text, deadline = "", time.monotonic() + seconds
    decoder = codecs.getincrementaldecoder("utf-8")("replace")  # what is read may end inside of a character
    while not re.search(re.escape(mark) + r".*\n", text) and (left := deadline - time.monotonic()) > 0:
        if not select.select([terminal], [], [], left)[0]:
            break
        try:
            text += decoder.decode(os.read(terminal, 65536)).replace("\r", "")
        except OSError:  # virsh has ended
            break
    return text


def main(uri: str, domain: str, command: str, seconds: str = "20") -> int:
    """Open the console with virsh, which wants a terminal of its own."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("virsh", ["virsh", "-c", uri, "console", domain, "--force"])
    answer = converse(terminal, command, float(seconds))
    os.close(terminal)  # hangs up, which ends virsh
    os.waitpid(pid, 0)
    if answer is None:
        print("console: no answer", file=sys.stderr)
        return NO_ANSWER
    print(answer[0])
    return answer[1]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
