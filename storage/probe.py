"""Looking at a disk image that nobody has vouched for, before anything else does.

An image can name other files of the host (a backing file, a data file, extents) and have them read; such are refused.
Nothing is opened for that: the bytes are looked at as they pass, by our own eyes for qcow2 (docs/interop/qcow2.txt in
QEMU's source) and by OpenStack's inspectors for the rest, https://docs.openstack.org/oslo.utils/latest/.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from oslo_utils.imageutils import format_inspector as inspectors

from storage import qcow2
from storage.errors import BadImage

HEAD_BYTES = 4096
TAIL_BYTES = 512
# The inspectors follow one reference to another place per call: small slices where headers and metadata are.
SLICE_BYTES, SLICED_BYTES = 64 << 10, 64 << 20
RAW = "raw"
GIB = 2**30
VHD_MAGIC, VHD_DIFFERENCING = b"conectix", 4  # Virtual Hard Disk Image Format Specification, "Hard Disk Footer Format"
# What QEMU calls what the inspectors found. A partition table is what a raw disk begins with.
FORMATS: Mapping[str, str] = {
    "qcow2": "qcow2", "vmdk": "vmdk", "vhdx": "vhdx", "vhd": "vpc", "vdi": "vdi", "raw": RAW, "gpt": RAW,
}  # fmt: skip
# First bytes of what is often given to us, by name: https://en.wikipedia.org/wiki/List_of_file_signatures
FOREIGN: Mapping[bytes, str] = {
    b"COWD": "VMDK (ESX)",
    b"# Disk Desc": "VMDK (descriptor)",
    b"LUKS\xba\xbe": "LUKS",
    b"QED\0": "QED",
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf": "7-Zip",
    b"<!DOCTYPE": "HTML",
    b"<html": "HTML",
}


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image is. Sizes in bytes: of the disk a guest sees, and of the file."""

    format: str
    virtual_bytes: int
    file_bytes: int
    sha256: str


def check_head(head: bytes) -> None:
    """Refuse by the first :data:`HEAD_BYTES` what can be refused by them. Raises BadImage."""
    for magic, name in FOREIGN.items():
        if head.startswith(magic):
            message = _("This is a file of the kind {kind}. Convert it first: qemu-img convert -O qcow2.")
            raise BadImage(format_lazy(message, kind=name), code="bad_format")
    if head.startswith(qcow2.MAGIC):
        check_size(qcow2.Header.of(head).virtual_bytes)
    if head.startswith(VHD_MAGIC):
        _check_vhd(head)


def check_size(virtual_bytes: int) -> None:
    """Neither nothing nor more than any disk here may have. Raises BadImage."""
    if not virtual_bytes:
        raise BadImage(_("The image has no content."), code="empty")
    if virtual_bytes > settings.MAX_IMAGE_GIB * GIB:
        message = format_lazy(_("The disk in it is larger than {limit} GiB."), limit=settings.MAX_IMAGE_GIB)
        raise BadImage(message, code="too_large")


class Examination:
    """Looks at a whole file as it passes: once, in order, keeping little of it."""

    def __init__(self) -> None:
        self.size = 0
        self._digest = hashlib.sha256()
        self._inspectors = inspectors.InspectWrapper(_Source())  # type: ignore[arg-type]  # read() is all it calls
        self._head = self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """The next bytes."""
        self.size += len(chunk)
        self._digest.update(chunk)
        self._head += chunk[: HEAD_BYTES - len(self._head)]
        self._tail = (self._tail + chunk[-TAIL_BYTES:])[-TAIL_BYTES:]
        slice_bytes = SLICE_BYTES if self.size <= SLICED_BYTES else len(chunk)
        for start in range(0, len(chunk), slice_bytes):
            self._inspectors._process_chunk(chunk[start : start + slice_bytes])  # what its read() does

    def facts(self, read: Callable[[int, int], bytes]) -> ImageFacts:
        """After the last byte. ``read(offset, length)`` reads once more what the tables of a qcow2 are checked by.

        Raises BadImage with the reason if the file can't be an image here.
        """
        if not self.size:
            raise BadImage(_("The file is empty."), code="empty")
        check_head(self._head)
        format, virtual_bytes = self._format()
        check_size(virtual_bytes)
        if format == "qcow2":
            qcow2.check_tables(self._head, self.size, read)
        return ImageFacts(format, virtual_bytes, self.size, self._digest.hexdigest())

    def _format(self) -> tuple[str, int]:
        """QEMU's name of the format, and the size of the disk in it."""
        if self._tail.startswith(VHD_MAGIC) and not self._head.startswith(VHD_MAGIC):  # one of fixed size ends so
            _check_vhd(self._tail)
            return "vpc", int.from_bytes(self._tail[48:56], "big")
        found = self._found()
        if (format := FORMATS.get(found.NAME)) is None:
            message = _("This is a file of the kind {kind}. Bring the disk of an installed system instead.")
            raise BadImage(format_lazy(message, kind=found.NAME.upper()), code="bad_format")
        if format == RAW:
            return RAW, self.size
        _check_safe(found)
        return format, found.virtual_size

    def _found(self) -> inspectors.FileInspector:
        """The one inspector that knows the file. A raw disk may have a partition table, and a disc for CDs, too."""
        try:
            self._inspectors.close()
            found = {inspector.NAME: inspector for inspector in self._inspectors.formats or ()}
        except Exception as error:  # the inspectors raise whatever a crafted file makes them stumble over
            raise _damaged(error) from error
        if len(found) > 1:
            found.pop("gpt", None)
        if len(found) != 1:
            kinds = format_lazy(_("It looks like several kinds of files at once: {kinds}."), kinds=", ".join(found))
            raise BadImage(kinds, code="bad_format")
        return next(iter(found.values()))


class _Source:
    """Nothing to read from: bytes are handed over instead."""


def _damaged(reason: object) -> BadImage:
    return BadImage(format_lazy(_("The image is damaged: {reason}"), reason=str(reason)))


# What an inspector found, and what is said about it.
REASONS: Mapping[str, tuple[str, Any]] = {
    "backing_file": ("backing_file", _("The image depends on another file. Only images in one file can be used.")),
    "data_file": ("data_file", _("The image keeps its data in another file. Only images in one file can be used.")),
    "descriptor": ("data_file", _("The image is not in one file, or not of a kind that is: {reason}")),
}


def _check_safe(found: inspectors.FileInspector) -> None:
    try:
        found.safety_check()
    except inspectors.SafetyCheckFailed as error:
        name, reason = next(iter(error.failures.items()))
        code, message = REASONS.get(name, ("bad_image", _("The image is damaged: {reason}")))
        raise BadImage(format_lazy(message, reason=str(reason)), code=code) from error
    except Exception as error:
        raise _damaged(error) from error


def _check_vhd(footer: bytes) -> None:
    if int.from_bytes(footer[60:64], "big") == VHD_DIFFERENCING:
        raise BadImage(REASONS["backing_file"][1], code="backing_file")
