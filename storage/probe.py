"""Looking at a disk image that nobody has vouched for, before anything else does.

An image can name other files of the host (a backing file, a data file) and have them read; such are refused. The
format is told by the first bytes and then named to qemu-img, which would otherwise try dozens of parsers on it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import InputError
from cloudia.core.policy import Text

QCOW2, RAW = "qcow2", "raw"
# Enough for an image of petabytes; a crafted one must not take the machine. https://bugs.launchpad.net/nova/+bug/1449062
MEMORY_BYTES, CPU_S, TIMEOUT_S = 1 << 30, 30, 60
QCOW_MAGIC = b"QFI\xfb"
VERSIONS = (2, 3)
DATA_FILE_BIT = 1 << 2  # of the incompatible features: docs/interop/qcow2.txt in QEMU's source
HEADER_BYTES = 80  # up to and with the incompatible features
# First bytes of what is often given to us, by name: https://en.wikipedia.org/wiki/List_of_file_signatures
FOREIGN: Mapping[bytes, str] = {
    b"KDMV": "VMDK",
    b"COWD": "VMDK",
    b"# Disk Desc": "VMDK",
    b"vhdxfile": "VHDX",
    b"conectix": "VHD",
    b"<<< ": "VDI",
    b"LUKS\xba\xbe": "LUKS",
    b"QED\0": "QED",
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf": "7-Zip",
}


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image is. Sizes in bytes: of the disk a guest sees, and of the file."""

    format: str
    virtual_bytes: int
    file_bytes: int


def probe(path: Path) -> ImageFacts:
    """Raises InputError with the reason if the file can't be an image here."""
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        file_bytes = path.stat().st_size
    except OSError as error:
        raise _refused(_("The file cannot be read: %(reason)s") % {"reason": error.strerror}, "unreadable") from None
    if not header:
        raise _refused(_("The file is empty."), "empty")
    format = _format(header)
    return ImageFacts(format, _virtual_bytes(_qemu_img(path, format)), file_bytes)


def _refused(message: Text, code: str) -> InputError:
    return InputError.at("file", message, code)


def _format(header: bytes) -> str:
    for magic, name in FOREIGN.items():
        if header.startswith(magic):
            message = _("This is a file of the kind %(kind)s. Convert it first: qemu-img convert -O qcow2.")
            raise _refused(message % {"kind": name}, "bad_format")
    if not header.startswith(QCOW_MAGIC):
        return RAW
    if int.from_bytes(header[4:8], "big") not in VERSIONS:
        raise _refused(_("This version of the qcow2 format is not supported."), "bad_format")
    # Before qemu-img sees it: even to tell what such an image is, it would open the file that it names.
    if int.from_bytes(header[72:80], "big") & DATA_FILE_BIT and header[7] > VERSIONS[0]:
        raise _refused(_("The image keeps its data in another file. Only images in one file can be used."), "data_file")
    return QCOW2


def _qemu_img(path: Path, format: str) -> dict[str, Any]:
    """What ``qemu-img info`` says. An absolute path: others may be read as the name of a protocol."""
    limits = ["prlimit", f"--as={MEMORY_BYTES}", f"--cpu={CPU_S}", "--core=0", "--"]
    command = ["qemu-img", "info", "-U", "--output=json", "-f", format, str(path.resolve())]
    try:
        answer = subprocess.run([*limits, *command], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)  # noqa: S603  fixed words and a path
    except subprocess.TimeoutExpired:
        raise _refused(_("The image takes too long to examine."), "bad_image") from None
    if answer.returncode:
        reason = answer.stderr.decode(errors="replace").strip().removeprefix("qemu-img: ")
        raise _refused(_("The image is damaged: %(reason)s") % {"reason": reason or answer.returncode}, "bad_image")
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def _virtual_bytes(found: dict[str, Any]) -> int:
    if "backing-filename" in found:
        raise _refused(
            _("The image depends on another file (%(file)s). Only images in one file can be used.")
            % {"file": found["backing-filename"]},
            "backing_file",
        )
    if found.get("encrypted"):
        raise _refused(_("The image is encrypted."), "encrypted")
    if found.get("format-specific", {}).get("data", {}).get("corrupt"):
        raise _refused(_("The image is marked as damaged."), "bad_image")
    if not (size := int(found["virtual-size"])):
        raise _refused(_("The image has no content."), "empty")
    return size
