"""Files that are not what they say, or want more than they should: refused, and nothing else is read."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudia.core.errors import InputError
from storage.models import Image
from tests.qemu.images.bring import MIB, assert_nothing_left, begun, send, uploaded
from tests.qemu.images.canary import watched
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


def external(path: Path, name: Path) -> bytes:
    """A disk whose data is in another file."""
    return malicious(path, "-f", "qcow2", "-o", f"data_file={name},data_file_raw=on", "1M")


def vmdk(canary: Path) -> bytes:
    lines = ["version=1", "CID=1", "parentCID=ffffffff", 'createType="monolithicFlat"', f'RW 8 FLAT "{canary}" 0']
    return "\n".join(["# Disk DescriptorFile", *lines]).encode()


def sparse_vmdk(path: Path, canary: Path) -> bytes:
    """One that looks whole, and whose descriptor, inside of it, says that its data is elsewhere."""

    def change(content: bytearray) -> None:
        start = content.index(b"# Disk DescriptorFile")
        end = content.index(0, start)
        text = bytes(content[start:end]).replace(b'SPARSE "x"', f'FLAT "{canary}" 0'.encode())
        text = text.replace(b"monolithicSparse", b"monolithicFlat")
        assert not any(content[end : start + len(text)]), "there is no room for it"
        content[start : start + len(text)] = text

    return malicious(path, "-f", "vmdk", "1M", change=change)


def early(path: Path, canary: Path) -> dict[str, tuple[bytes, str]]:
    """What the first bytes show."""

    def linked(name: str) -> bytes:
        return malicious(path, "-f", "qcow2", "1M", change=backed(name.encode()))

    return {
        "absolute": (linked(str(canary)), "backing_file"),
        "relative": (linked(f"../{canary.name}"), "backing_file"),
        "json": (linked(f'json:{{"driver":"raw","file.filename":"{canary}"}}'), "backing_file"),
        "nbd": (linked("nbd://127.0.0.1:10809"), "backing_file"),
        "external": (external(path, canary), "data_file"),
        "vmdk": (vmdk(canary), "bad_format"),
        "gzip": (b"\x1f\x8b\x08" + bytes(5000), "bad_format"),
        "text": (b"<html>" + bytes(5000), "bad_format"),
        "giant": (malicious(path, "-f", "qcow2", "1M", change=giant), "too_large"),
    }


def late(path: Path, canary: Path) -> dict[str, tuple[bytes, str]]:
    """What shows only when all of it is there."""

    def l1(content: bytearray) -> None:
        at = int.from_bytes(content[40:48], "big")
        content[at : at + 8] = (1 << 63 | 1 << 50).to_bytes(8, "big")

    iso = bytearray(MIB)
    iso[0x8000:0x8006] = b"\x01CD001"
    good = malicious(path, "-f", "qcow2", "1M")
    return {
        "table": (malicious(path, "-f", "qcow2", "1M", change=l1), "bad_image"),
        "cut": (good[:100_000], "bad_image"),
        "extent": (sparse_vmdk(path, canary), "data_file"),
        "iso": (bytes(iso), "bad_format"),
        "vhdx": (malicious(path, "-f", "vhdx", "8M")[: 2 * MIB], "bad_image"),
    }


@pytest.fixture
def hidden(site: Site) -> Path:
    """What the malicious files name: beside the pool, where whoever has the pool could read it."""
    return site.lab_host.local_dir / "canary.raw"


def test_what_the_first_bytes_show_is_refused_at_once_and_nothing_else_is_read(
    site: Site, tmp_path: Path, hidden: Path
) -> None:
    files = early(tmp_path / "x", hidden)
    with watched(hidden) as canary:
        for kind, (content, code) in files.items():
            upload = begun(site, len(content), kind)
            with pytest.raises(InputError) as refused:
                send(site, upload, content)
            assert refused.value.fields["file"][0].code == code, kind
            assert not Image.objects.filter(name=kind).exists()
            assert not canary.was_opened, kind
    assert_nothing_left(site)


def test_what_shows_late_fails_with_the_reason_and_nothing_else_is_read(
    site: Site, tmp_path: Path, hidden: Path
) -> None:
    files = late(tmp_path / "x", hidden)
    with watched(hidden) as canary:
        for kind, (content, code) in files.items():
            job = finish(uploaded(site, content, kind))
            assert (job.status, job.error_code) == ("failed", code), kind
            assert Image.objects.get(pk=job.target_id).status == "failed"
            assert_nothing_left(site)
            assert not canary.was_opened, kind


@pytest.mark.parametrize("kind", ["absolute", "relative", "json", "external"])
def test_canary_notices_whoever_believes_such_a_file(tmp_path: Path, kind: str) -> None:
    """QEMU itself does, unless it is told not to: else the tests above would prove nothing."""
    hidden, disk = tmp_path / "canary.raw", tmp_path / "pool" / "x"
    disk.parent.mkdir()
    content, _code = early(disk, hidden)[kind]
    disk.write_bytes(content)
    with watched(hidden) as canary:
        assert not canary.was_opened
        subprocess.run(["qemu-img", "convert", "-O", "raw", disk, tmp_path / "copy"], check=True)
        assert canary.was_opened


def test_wrong_checksum_is_refused(site: Site, file: Path) -> None:
    job = finish(uploaded(site, file.read_bytes(), sha256="0" * 64))
    assert (job.status, job.error_code) == ("failed", "bad_checksum")
    assert_nothing_left(site)
