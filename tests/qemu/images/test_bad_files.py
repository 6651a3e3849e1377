"""Files that are not what they say, or want more than they should: refused, and nothing else is read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudia.core.errors import InputError
from storage.models import Image
from tests.qemu.images.bring import MIB, assert_nothing_left, begun, send, uploaded
from tests.qemu.site import Site, finish

pytestmark = pytest.mark.django_db


def malicious(path: Path, *words: str, change: Callable[[bytearray], None] | None = None) -> bytes:
    subprocess.run(["qemu-img", "create", "-q", *words[:-1], path, words[-1]], check=True)
    content = bytearray(path.read_bytes())
    if change:
        change(content)
    return bytes(content)


def backed(name: bytes) -> Callable[[bytearray], None]:
    def change(content: bytearray) -> None:
        content[8:20] = (2048).to_bytes(8, "big") + len(name).to_bytes(4, "big")
        content[2048 : 2048 + len(name)] = name

    return change


def giant(content: bytearray) -> None:
    content[24:32] = (1 << 52).to_bytes(8, "big")


def vmdk(canary: Path) -> bytes:
    lines = ["version=1", "CID=1", "parentCID=ffffffff", 'createType="monolithicFlat"', f'RW 8 FLAT "{canary}" 0']
    return "\n".join(["# Disk DescriptorFile", *lines]).encode()


def test_malicious_files_are_refused_and_nothing_else_is_read(site: Site, tmp_path: Path) -> None:
    """Nobody has opened the canary that they name: its time of access, which was set far back, is as it was."""
    canary = site.lab_host.local_dir / "canary.raw"
    canary.write_bytes(b"secret" * 1000)
    os.utime(canary, (0, 0))
    name, disk = str(canary).encode(), tmp_path / "x"
    files = {
        "absolute": (malicious(disk, "-f", "qcow2", "1M", change=backed(name)), "backing_file"),
        "relative": (malicious(disk, "-f", "qcow2", "1M", change=backed(b"../canary.raw")), "backing_file"),
        "json": (malicious(disk, "-f", "qcow2", "1M", change=backed(b'json:{"file.filename":"/x"}')), "backing_file"),
        "nbd": (malicious(disk, "-f", "qcow2", "1M", change=backed(b"nbd://127.0.0.1:10809")), "backing_file"),
        "vmdk": (vmdk(canary), "bad_format"),
        "gzip": (b"\x1f\x8b\x08" + bytes(5000), "bad_format"),
        "text": (b"<html>" + bytes(5000), "bad_format"),
        "giant": (malicious(disk, "-f", "qcow2", "1M", change=giant), "too_large"),
    }  # fmt: skip
    for kind, (content, code) in files.items():
        upload = begun(site, len(content), kind)
        with pytest.raises(InputError) as refused:
            send(site, upload, content)
        assert refused.value.fields["file"][0].code == code, kind
        assert not Image.objects.filter(name=kind).exists()
    assert canary.stat().st_atime == 0
    assert_nothing_left(site)
    canary.unlink()


def late(path: Path, canary: bytes) -> dict[str, tuple[bytes, str]]:
    """What shows only when all of it is there."""

    def l1(content: bytearray) -> None:
        at = int.from_bytes(content[40:48], "big")
        content[at : at + 8] = (1 << 63 | 1 << 50).to_bytes(8, "big")

    sparse = malicious(path, "-f", "vmdk", "1M").replace(b"monolithicSparse", b"monolithicFlat\0\0")
    iso = bytearray(MIB)
    iso[0x8000:0x8006] = b"\x01CD001"
    good = malicious(path, "-f", "qcow2", "1M")
    return {
        "table": (malicious(path, "-f", "qcow2", "1M", change=l1), "bad_image"),
        "cut": (good[:100_000], "bad_image"),
        "extent": (sparse.replace(b'SPARSE "x"', b'FLAT "/x"'), "data_file"),
        "iso": (bytes(iso), "bad_format"),
        "vhdx": (malicious(path, "-f", "vhdx", "8M")[: 2 * MIB], "bad_image"),
    }


def test_files_that_show_it_late_fail_with_the_reason(site: Site, tmp_path: Path) -> None:
    for kind, (content, code) in late(tmp_path / "x", b"").items():
        job = finish(uploaded(site, content, kind))
        assert (job.status, job.error_code) == ("failed", code), kind
        assert Image.objects.get(pk=job.target_id).status == "failed"
        assert_nothing_left(site)


def test_wrong_checksum_is_refused(site: Site, file: Path) -> None:
    job = finish(uploaded(site, file.read_bytes(), sha256="0" * 64))
    assert (job.status, job.error_code) == ("failed", "bad_checksum")
    assert_nothing_left(site)
