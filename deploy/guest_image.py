"""Guest images, each built from Debian's packages once per recipe (deploy/images)."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from deploy.errors import StartError

RECIPES = Path(__file__).parent / "images"


def ensure(directory: Path, name: str = "tiny") -> Path:
    """The image ``name`` in ``directory``, built if it isn't there or its recipe has changed. Raises StartError."""
    directory.mkdir(parents=True, exist_ok=True)
    source = RECIPES / name
    image, stamp = directory / f"{name}.qcow2", directory / f"{name}.recipe"
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests may ask for it at the same time
        recipe = _digest(source)
        if not image.exists() or not stamp.exists() or stamp.read_text() != recipe:
            _build(source, image)
            stamp.write_text(recipe)
    return image


def _digest(recipe: Path) -> str:
    files = sorted(path for path in recipe.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def _build(recipe: Path, image: Path) -> None:
    answer = subprocess.run([recipe / "build.sh", image], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if answer.returncode:
        reason = (answer.stderr.strip() or answer.stdout.strip() or "no message").splitlines()[-1]
        raise StartError(f"The guest image could not be built: {reason}")


if __name__ == "__main__":
    print(ensure(Path(sys.argv[1]).resolve()))
