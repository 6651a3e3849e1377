"""The virtualenv, made and filled once per set of requirements."""

from __future__ import annotations

import hashlib
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from deploy.errors import StartError

SYSTEM_PYTHON = Path("/usr/bin/python3")  # everybody may run it, unlike one in somebody's home


def ensure(root: Path, requirements: str, *, for_everybody: bool = False) -> None:
    """Make ``root/.venv`` hold what the file ``requirements`` names. Raises StartError.

    ``for_everybody``: other users must be able to run it, so one made by an interpreter in root's home is made anew.
    """
    folder = root / ".venv"
    stamp, wanted = folder / f"{requirements}.sha256", _digest(root)
    python = folder / "bin" / "python"
    if not python.exists() or (for_everybody and not _open_to_all(python.resolve())):
        print("Making the virtualenv", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        _run(str(SYSTEM_PYTHON), "-m", "venv", str(folder))
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing {requirements}", flush=True)
    _run(str(folder / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", "-r", str(root / requirements))
    stamp.write_text(wanted)


def _digest(root: Path) -> str:
    files = sorted(root.glob("requirements*.txt"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _open_to_all(path: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.parents))


def _run(*command: str) -> None:
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if answer.returncode:
        lines = (answer.stderr or answer.stdout).strip().splitlines()
        errors = [line for line in lines if line.lower().lstrip().startswith("error")]
        raise StartError(f"{' '.join(command[:3])} failed: {(errors or lines or ['no message'])[-1].strip()}")


if __name__ == "__main__":
    try:
        ensure(Path(__file__).resolve().parent.parent, sys.argv[1])
    except StartError as error:
        sys.exit(str(error))
