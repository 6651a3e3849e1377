"""Compiled translations, made where the source is newer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deploy.errors import StartError


def compile_all(root: Path) -> None:
    """Every ``locale/*/LC_MESSAGES/*.po`` to its ``.mo``. Raises StartError."""
    for source in root.glob("locale/*/LC_MESSAGES/*.po"):
        compiled = source.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        command = ["msgfmt", "--check-format", "-o", str(compiled), str(source)]
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode:
            raise StartError(f"{source}: {answer.stderr.strip().splitlines()[0]}")


if __name__ == "__main__":
    try:
        compile_all(Path(__file__).resolve().parent.parent)
    except StartError as error:
        sys.exit(str(error))
