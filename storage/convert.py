"""Making another kind of file of a disk image, in a process that can take neither the machine nor its disk.

What is converted was examined before: it names no other files. The scratch folder is this machine's; what it holds is
removed at the end, and what a killed worker left there by the next try, which begins with removing it.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import OperationFailed
from storage.errors import BadImage

# Enough for the largest disks; a crafted file must not take the machine, https://bugs.launchpad.net/nova/+bug/1449062.
MEMORY_BYTES = 2 << 30
BYTES_PER_CPU_S = 20 << 20  # a tenth of what one old processor converts
MIN_CPU_S = 60
OVERHEAD_BYTES = 64 << 20  # of a qcow2 file over its content, at least; tables take 1/8192 of the disk
LOOK_S = 0.5
NICE = 10


@contextlib.contextmanager
def scratch(name: UUID) -> Iterator[Path]:
    """An empty folder for one image, gone in the end."""
    folder = settings.SCRATCH_DIR / str(name)
    clear_scratch(name)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        clear_scratch(name)


def clear_scratch(name: UUID) -> None:
    """Remove what is in the image's folder."""
    shutil.rmtree(settings.SCRATCH_DIR / str(name), ignore_errors=True)


def check_room(folder: Path, needed_bytes: int) -> None:
    """Raise OperationFailed (``no_scratch``) if so much does not fit in there."""
    if shutil.disk_usage(folder).free < needed_bytes:
        message = _("Converting needs {needed} GiB of room on the machine that does it.")
        needed = -(-needed_bytes // 2**30)
        raise OperationFailed(format_lazy(message, needed=needed), code="no_scratch")


def save(chunks: Iterable[bytes], path: Path) -> None:
    """Write the chunks into a new file, with holes where there are only zeros."""
    size = 0
    with path.open("xb") as file:
        for chunk in chunks:
            size += len(chunk)
            if chunk.count(0) == len(chunk):
                file.seek(len(chunk), 1)
            else:
                file.write(chunk)
        file.truncate(size)


def convert(source: Path, format: str, target: Path, wanted: str, virtual_bytes: int, tick: Callable[[], None]) -> None:
    """Make ``target`` of the format ``wanted``. ``tick`` is called now and then, and may raise to stop.

    Raises BadImage with what qemu-img said, or if it takes far too long.
    """
    seconds = MIN_CPU_S + virtual_bytes // BYTES_PER_CPU_S
    limits = [
        "prlimit", f"--as={MEMORY_BYTES}", f"--cpu={seconds}", f"--fsize={most_bytes(virtual_bytes)}", "--core=0", "--",
        "nice", "-n", str(NICE),
    ]  # fmt: skip
    command = ["qemu-img", "convert", "-f", format, "-O", wanted, str(source.resolve()), str(target.resolve())]
    process = subprocess.Popen(  # noqa: S603  fixed words and paths
        [*limits, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _watch(process, seconds * 10, tick)
    finally:
        process.kill()
        said = process.communicate()[1].decode(errors="replace").strip()
    if process.returncode:
        reason = said.removeprefix("qemu-img: ").replace(f"{source.resolve()}", "-") or process.returncode
        raise BadImage(format_lazy(_("The image is damaged: {reason}"), reason=reason))


def most_bytes(virtual_bytes: int) -> int:
    """How large a file may become that holds so much."""
    return virtual_bytes + virtual_bytes // 1024 + OVERHEAD_BYTES


def _watch(process: subprocess.Popen[bytes], seconds: float, tick: Callable[[], None]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        tick()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_S)
            return
    raise BadImage(_("The image takes too long to convert."))
