"""Refresh what the pages take from npm: ``python -m deploy.vendor`` (``make vendor``). Needs ``npm``, only for this.

Writes ``static/vendor/`` with versions and licences in ``static/vendor/VERSIONS``, and the icon sprite
``static/img/icons.svg`` with the icons that ``cloudia.ui.icons`` names.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cloudia.ui import icons

STATIC = Path(__file__).resolve().parent.parent / "static"
VENDOR = STATIC / "vendor"
# The maps are not shipped, and the hashing storage refuses a reference that leads nowhere.
SOURCE_MAP = re.compile(r"\s*(//|/\*)# sourceMappingURL=\S+?( ?\*/)?\s*$")
SHAPES = re.compile(r"<(?!/?svg|path stroke=\"none\")[^>]+>")


@dataclass(frozen=True)
class Package:
    """An npm package, pinned, and which of its files go where under ``static/vendor/<folder>/``."""

    name: str
    version: str
    folder: str
    files: tuple[str, ...] = ()


TABLER = Package("@tabler/core", "1.6.1", "tabler", ("dist/css/tabler.min.css", "dist/js/tabler.min.js"))
TUS = Package("tus-js-client", "4.3.1", "tus", ("dist/tus.min.js",))
ICONS = Package("@tabler/icons", "3.51.0", "tabler-icons")


def fetch(package: Package, folder: Path) -> Path:
    """Unpack a package as npm hands it out; returns the folder with its ``package.json``."""
    spec = f"{package.name}@{package.version}"
    done = subprocess.run(["npm", "pack", "--json", spec], cwd=folder, check=True, capture_output=True)
    target = folder / package.folder
    target.mkdir()
    archive = folder / json.loads(done.stdout)[0]["filename"]
    subprocess.run(["tar", "-xf", archive, "-C", target], check=True)  # Debian 12's tarfile has no filters yet
    return target / "package"


def install(package: Package, source: Path) -> str:
    """Copy the wanted files and the licence; returns the line for VERSIONS."""
    target = VENDOR / package.folder
    target.mkdir(parents=True, exist_ok=True)
    for name in package.files:
        text = (source / name).read_text(encoding="utf-8")
        (target / Path(name).name).write_text(SOURCE_MAP.sub("\n", text), encoding="utf-8")
    if (licence := source / "LICENSE").exists():  # @tabler/core ships none: its text is kept as it is
        (target / "LICENSE").write_bytes(licence.read_bytes())
    licence_name = json.loads((source / "package.json").read_text(encoding="utf-8"))["license"]
    used = ", ".join(Path(name).name for name in package.files) or icons.SPRITE
    return f"{package.name}  {package.version}  {licence_name}  {package.folder}/  {used}\n"


def sprite(source: Path, names: Iterable[str]) -> str:
    """One SVG with a symbol per icon, without the size and colour that the style sheet gives."""
    symbols = []
    for name in sorted(names):
        svg = (source / "icons" / "outline" / f"{name}.svg").read_text(encoding="utf-8")
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(SHAPES.findall(svg))}</symbol>\n')
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{"".join(symbols)}</svg>\n'


def main() -> None:
    """Fetch every package and write what the pages use of it."""
    with tempfile.TemporaryDirectory() as folder:
        sources = {package: fetch(package, Path(folder)) for package in (TABLER, TUS, ICONS)}
        lines = [install(package, source) for package, source in sources.items()]
        (VENDOR / "VERSIONS").write_text("".join(lines), encoding="utf-8")
        (STATIC / icons.SPRITE).write_text(sprite(sources[ICONS], icons.NAMES), encoding="utf-8")


if __name__ == "__main__":
    main()
