"""The tables of a qcow2 file, as far as they can mislead or be damaged: docs/interop/qcow2.txt in QEMU's source."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Text
from storage.errors import BadImage

Read: TypeAlias = Callable[[int, int], bytes]

MAGIC = b"QFI\xfb"
HEADER = struct.Struct(">4sIQIIQIIQQIIQ")  # up to and with the offset of the snapshots, in every version
VERSIONS = (2, 3)
CORRUPT_BIT, DATA_FILE_BIT = 1 << 1, 1 << 2  # of the incompatible features
KNOWN_BITS = 0b1111  # also: dirty, another kind of compression
CLUSTER_BITS = range(9, 22)  # block/qcow2.h: MIN_CLUSTER_BITS, MAX_CLUSTER_BITS
OFFSET = 0x00FFFFFFFFFFFE00  # bits 9-55 of an entry of a table
COMPRESSED = 1 << 62
READ_BYTES = 1 << 20
MAX_L1_BYTES = 32 << 20  # block/qcow2.h: QCOW_MAX_L1_SIZE


@dataclass(frozen=True, slots=True)
class Header:
    """What the first bytes say. Sizes and offsets in bytes."""

    virtual_bytes: int
    cluster_bits: int
    l1_entries: int
    l1_offset: int

    @classmethod
    def of(cls, head: bytes) -> Header:
        """Raises BadImage if the file can't be used, with the reason."""
        if len(head) < HEADER.size or (version := int.from_bytes(head[4:8], "big")) not in VERSIONS:
            raise BadImage(_("This version of the qcow2 format is not supported."), code="bad_format")
        _magic, _version, backing, backing_length, bits, size, crypt, entries, l1, *_refcounts, snapshots, _at = (
            HEADER.unpack_from(head)
        )
        if version > VERSIONS[0]:
            _check_features(int.from_bytes(head[72:80], "big"))
        if backing:
            raise _backed(head[backing : backing + min(backing_length, 1023)])
        if crypt:
            raise BadImage(_("The image is encrypted."), code="encrypted")
        if snapshots:
            message = _("The image contains snapshots. qemu-img convert makes one without them.")
            raise BadImage(message, code="snapshots")
        if bits not in CLUSTER_BITS:
            raise damaged(_("its clusters have no possible size"))
        return cls(size, bits, entries, l1)


def check_tables(head: bytes, file_bytes: int, read: Read) -> None:
    """Raise BadImage if the tables lead out of the file, as they do in one that was cut off or crafted."""
    header = Header.of(head)
    cluster = 1 << header.cluster_bits
    per_entry = cluster * (cluster // 8)  # bytes of the disk below one entry of the first table
    if header.l1_entries * 8 > MAX_L1_BYTES or header.l1_entries < -(-header.virtual_bytes // per_entry):
        raise damaged(_("its first table does not fit the disk"))
    _check_place(header.l1_offset, header.l1_entries * 8, cluster, file_bytes)
    for entry in _entries(read, header.l1_offset, header.l1_entries):
        if second := entry & OFFSET:
            _check_place(second, cluster, cluster, file_bytes)
            _check_second(_entries(read, second, cluster // 8), header.cluster_bits, file_bytes)


def damaged(reason: Text) -> BadImage:
    """An image that says impossible things about itself."""
    return BadImage(format_lazy(_("The image is damaged: {reason}"), reason=reason), code="bad_image")


def _check_features(bits: int) -> None:
    if bits & DATA_FILE_BIT:
        message = _("The image keeps its data in another file. Only images in one file can be used.")
        raise BadImage(message, code="data_file")
    if bits & CORRUPT_BIT:
        raise BadImage(_("The image is marked as damaged."), code="bad_image")
    if bits & ~KNOWN_BITS:
        raise BadImage(_("The image uses features of qcow2 that are not known here."), code="bad_format")


def _backed(name: bytes) -> BadImage:
    message = _("The image depends on another file ({file}). Only images in one file can be used.")
    printable = "".join(letter if letter.isprintable() else "?" for letter in name.decode(errors="replace"))
    return BadImage(format_lazy(message, file=printable), code="backing_file")


def _entries(read: Read, offset: int, count: int) -> Iterator[int]:
    """The entries of a table, read piece by piece."""
    end = offset + count * 8
    for start in range(offset, end, READ_BYTES):
        values = array("Q", read(start, min(READ_BYTES, end - start)))
        if sys.byteorder == "little":
            values.byteswap()
        yield from values


def _check_place(offset: int, length: int, cluster: int, file_bytes: int) -> None:
    if offset % cluster or offset < cluster or offset + length > file_bytes:
        raise damaged(_("a table lies outside of the file"))


def _check_second(entries: Iterator[int], cluster_bits: int, file_bytes: int) -> None:
    """Data may end with the file, before the end of its cluster. Of what is compressed the offset has fewer bits."""
    bits = 62 - (cluster_bits - 8)
    for entry in entries:
        start = entry & ((1 << bits) - 1) if entry & COMPRESSED else entry & OFFSET
        if start >= file_bytes:
            raise damaged(_("data lies outside of the file"))
