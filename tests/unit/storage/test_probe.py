"""Disk images that people bring: what is accepted, and why the others are not."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from cloudia.core.errors import InputError
from storage.probe import DATA_FILE_BIT, FOREIGN, ImageFacts, probe

MIB = 1 << 20


def qemu_img(*words: object) -> None:
    subprocess.run(["qemu-img", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def refusal(path: Path) -> tuple[str, str]:
    """Code and text of why the file is refused."""
    with pytest.raises(InputError) as caught:
        probe(path)
    fault = caught.value.fields["file"][0]
    return fault.code, str(fault.detail)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An honest qcow2 image of 8 MiB."""
    path = tmp_path / "disk.qcow2"
    qemu_img("create", "-f", "qcow2", path, "8M")
    return path


def test_qcow2_is_accepted(image: Path) -> None:
    assert probe(image) == ImageFacts("qcow2", 8 * MIB, image.stat().st_size)


def test_raw_is_accepted_whatever_it_contains(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(b"\xeb\x63" + bytes(MIB - 2))
    assert probe(path) == ImageFacts("raw", MIB, MIB)


def test_name_that_looks_like_a_protocol_is_only_a_name(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(image.parent)
    odd = Path("nbd:127.0.0.1:9")
    odd.write_bytes(image.read_bytes())
    assert probe(odd).virtual_bytes == 8 * MIB


def test_backing_file_is_refused_and_named(image: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.qcow2"
    qemu_img("create", "-f", "qcow2", "-b", image, "-F", "qcow2", overlay)
    code, text = refusal(overlay)
    assert code == "backing_file"
    assert str(image) in text


def test_backing_file_that_does_not_exist_is_refused(image: Path) -> None:
    qemu_img("rebase", "-u", "-f", "qcow2", "-b", "/etc/shadow-", "-F", "raw", image)
    assert refusal(image)[0] == "backing_file"


def test_data_file_is_refused_before_qemu_img_sees_the_image(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "split.qcow2"
    qemu_img("create", "-f", "qcow2", "-o", f"data_file={tmp_path / 'data.raw'}", path, "8M")
    monkeypatch.setattr("storage.probe.subprocess.run", lambda *_args, **_more: pytest.fail("qemu-img was asked"))
    assert refusal(path)[0] == "data_file"
    header = bytearray(image.read_bytes())
    header[72:80] = struct.pack(">Q", DATA_FILE_BIT)
    path.write_bytes(header)
    assert refusal(path)[0] == "data_file"


def test_encrypted_image_is_refused(image: Path) -> None:
    content = bytearray(image.read_bytes())
    content[32:36] = struct.pack(">I", 1)  # crypt_method: AES
    image.write_bytes(content)
    assert refusal(image)[0] == "encrypted"


@pytest.mark.parametrize("magic", FOREIGN)
def test_other_formats_are_refused_by_name(tmp_path: Path, magic: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(magic + bytes(4096))
    code, text = refusal(path)
    assert code == "bad_format"
    assert FOREIGN[magic] in text


def test_first_version_of_qcow_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.qcow"
    qemu_img("create", "-f", "qcow", path, "8M")
    assert refusal(path)[0] == "bad_format"


def test_cut_off_image_is_refused(image: Path) -> None:
    image.write_bytes(image.read_bytes()[:60])
    assert refusal(image)[0] == "bad_image"


def test_image_that_claims_absurd_tables_is_refused(image: Path) -> None:
    content = bytearray(image.read_bytes())
    content[36:40] = struct.pack(">I", 0xFFFFFFFF)  # entries of the first-level table
    image.write_bytes(content)
    assert refusal(image)[0] == "bad_image"


def test_image_that_takes_too_long_is_refused(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.probe.TIMEOUT_S", 0.001)
    assert refusal(image)[0] == "bad_image"


def test_memory_of_the_probing_process_is_limited(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.probe.MEMORY_BYTES", MIB)  # not even enough to load qemu-img
    assert refusal(image)[0] == "bad_image"


def test_empty_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert refusal(tmp_path / "empty")[0] == "empty"
    assert refusal(tmp_path / "missing")[0] == "unreadable"
    assert refusal(tmp_path)[0] == "unreadable"


def test_disk_without_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "zero.qcow2"
    qemu_img("create", "-f", "qcow2", path, "0")
    assert refusal(path)[0] == "empty"
