"""Disk images that people bring: what is accepted, and why the others are not."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils.translation import override

from storage.errors import BadImage
from storage.probe import FOREIGN, HEAD_BYTES, Examination, ImageFacts, check_head

MIB = 1 << 20
GIB = 1 << 30


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """The language that reasons are compared in."""
    with override("en"):
        yield


def qemu_img(*words: object) -> None:
    subprocess.run(["qemu-img", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def pieces(path: Path, size: int = 300_001) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(size):
            yield piece


def examined(path: Path) -> ImageFacts:
    """As a transfer would do it."""
    examination = Examination()
    for piece in pieces(path):
        examination.feed(piece)
    content = path.read_bytes()
    return examination.facts(lambda offset, length: content[offset : offset + length])


def refusal(path: Path) -> tuple[str, str]:
    """Code and text of why the file is refused."""
    with pytest.raises(BadImage) as caught:
        examined(path)
    return caught.value.code, str(caught.value)


def patched(path: Path, offset: int, value: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(value)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An honest qcow2 image of 8 MiB with 1 MiB of data in it."""
    raw, path = tmp_path / "disk.raw", tmp_path / "disk.qcow2"
    raw.write_bytes(b"data" * (MIB // 4) + bytes(7 * MIB))
    qemu_img("convert", "-f", "raw", "-O", "qcow2", raw, path)
    raw.unlink()
    return path


@pytest.mark.parametrize("name", ["qcow2", "vmdk", "vhdx", "vpc", "vdi"])
def test_formats_of_other_systems_are_known(image: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "disk"
    qemu_img("convert", "-f", "qcow2", "-O", name, image, path)
    facts = examined(path)
    assert (facts.format, facts.file_bytes) == (name, path.stat().st_size)
    assert facts.virtual_bytes >= 8 * MIB
    assert facts.sha256 == subprocess.check_output(["sha256sum", path], text=True).split()[0]


def test_vmdk_for_streaming_is_known(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.vmdk"
    qemu_img("convert", "-f", "qcow2", "-O", "vmdk", "-o", "subformat=streamOptimized", image, path)
    assert examined(path).format == "vmdk"


def test_vhd_of_fixed_size_is_known_by_its_end(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.vhd"
    qemu_img("convert", "-f", "qcow2", "-O", "vpc", "-o", "subformat=fixed,force_size", image, path)
    assert (examined(path).format, examined(path).virtual_bytes) == ("vpc", 8 * MIB)


@pytest.mark.parametrize("content", [b"\xeb\x63" + bytes(MIB - 2), bytes(510) + b"\x55\xaa" + bytes(MIB - 512), b"x"])
def test_raw_is_accepted_whatever_it_contains(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(content)
    assert (examined(path).format, examined(path).virtual_bytes) == ("raw", len(content))


def test_compressed_qcow2_is_accepted(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.qcow2"
    qemu_img("convert", "-c", "-f", "qcow2", "-O", "qcow2", image, path)
    assert examined(path).format == "qcow2"


@pytest.mark.parametrize(
    "backing", ["/etc/passwd", "passwd", "../../etc/passwd", "json:{}", "nbd://127.0.0.1:10809", "file:/etc/passwd"]
)
def test_backing_file_is_refused_and_named(image: Path, backing: str) -> None:
    name = backing.encode()
    patched(image, 8, struct.pack(">QI", 1024, len(name)))
    patched(image, 1024, name)
    assert refusal(image) == ("backing_file", f"The image depends on another file ({backing}). "
                              "Only images in one file can be used.")  # fmt: skip


def test_overlay_as_qemu_makes_it_is_refused(image: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.qcow2"
    qemu_img("create", "-f", "qcow2", "-b", image, "-F", "qcow2", overlay)
    assert refusal(overlay)[0] == "backing_file"


@pytest.mark.parametrize("data", ["/etc/passwd", "relative.raw"])
def test_data_file_is_refused(image: Path, tmp_path: Path, data: str) -> None:
    path = tmp_path / "split.qcow2"
    qemu_img("create", "-f", "qcow2", "-o", f"data_file={tmp_path / 'data.raw'}", path, "8M")
    qemu_img("amend", "-f", "qcow2", "-o", f"data_file={tmp_path / 'data.raw'}", path)
    path.write_bytes(path.read_bytes().replace(str(tmp_path / "data.raw").encode(), data.encode()))
    assert refusal(path)[0] == "data_file"


@pytest.mark.parametrize(("offset", "value", "code"), [
    (32, struct.pack(">I", 1), "encrypted"),  # AES
    (32, struct.pack(">I", 2), "encrypted"),  # LUKS inside
    (72, struct.pack(">Q", 2), "bad_image"),  # marked as corrupt
    (72, struct.pack(">Q", 1 << 9), "bad_format"),  # a feature of the future
    (60, struct.pack(">I", 1), "snapshots"),
    (4, struct.pack(">I", 1), "bad_format"),  # qcow of the first version
    (20, struct.pack(">I", 40), "bad_image"),  # clusters of 1 TiB
    (24, struct.pack(">Q", 0), "empty"),
    (24, struct.pack(">Q", 1 << 60), "too_large"),
    (24, struct.pack(">Q", 1 << 40), "bad_image"),  # more than the first table covers
    (36, struct.pack(">I", 0xFFFFFFFF), "bad_image"),  # entries of the first table
    (40, struct.pack(">Q", 1 << 40), "bad_image"),  # where the first table is
    (40, struct.pack(">Q", 12345), "bad_image"),
])  # fmt: skip
def test_header_that_says_wrong_things_is_refused(image: Path, offset: int, value: bytes, code: str) -> None:
    patched(image, offset, value)
    assert refusal(image)[0] == code


@pytest.mark.parametrize("entry", [1 << 63 | 1 << 50, 1 << 63 | 0x10200, 0x00FFFFFFFFFFFE00])
def test_first_table_that_leads_out_of_the_file_is_refused(image: Path, entry: int) -> None:
    table = struct.unpack(">Q", image.read_bytes()[40:48])[0]
    patched(image, table, struct.pack(">Q", entry))
    assert refusal(image)[0] == "bad_image"


@pytest.mark.parametrize("keep", [60, 4096, 200_000, -70_000])
def test_cut_off_image_is_refused(image: Path, keep: int) -> None:
    image.write_bytes(image.read_bytes()[:keep])
    assert refusal(image)[0] in ("bad_image", "bad_format")


@pytest.mark.parametrize("magic", FOREIGN)
def test_other_files_are_refused_by_name_and_by_their_first_bytes(magic: bytes) -> None:
    with pytest.raises(BadImage) as caught:
        check_head(magic + bytes(HEAD_BYTES - len(magic)))
    assert caught.value.code == "bad_format"
    assert FOREIGN[magic] in str(caught.value)


@pytest.mark.parametrize("kind", ["monolithicFlat", "monolithicSparse"])
def test_vmdk_that_names_another_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "disk.vmdk"
    lines = ["version=1", "CID=1", "parentCID=ffffffff", f'createType="{kind}"', 'RW 8 FLAT "/etc/passwd" 0']
    path.write_text("\n".join(["# Disk DescriptorFile", *lines]))
    assert refusal(path)[0] == "bad_format"
    path.write_text("\n".join(["# A comment", *lines]))  # another beginning
    assert refusal(path)[0] in ("data_file", "bad_image")


def test_sparse_vmdk_whose_descriptor_names_another_file_is_refused(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.vmdk"
    qemu_img("convert", "-f", "qcow2", "-O", "vmdk", image, path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"monolithicSparse", b"monolithicFlat\0\0"))
    assert refusal(path)[0] == "data_file"
    path.write_bytes(content.replace(b'SPARSE "disk.vmdk"', b'FLAT "/etc/passwd"'))
    assert refusal(path)[0] == "data_file"


def test_vhd_that_depends_on_another_is_refused(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.vhd"
    qemu_img("convert", "-f", "qcow2", "-O", "vpc", image, path)
    patched(path, 60, struct.pack(">I", 4))
    assert refusal(path)[0] == "backing_file"


def test_disc_for_installation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "disc.iso"
    content = bytearray(MIB)
    content[0x8000:0x8006] = b"\x01CD001"
    path.write_bytes(content)
    assert refusal(path)[0] == "bad_format"
    content[510:512] = b"\x55\xaa"  # one that also starts from a stick
    path.write_bytes(content)
    assert refusal(path)[0] == "bad_format"


def test_file_of_two_kinds_is_refused(image: Path) -> None:
    patched(image, 0x8000, b"\x01CD001")
    assert refusal(image)[0] == "bad_format"


def test_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert refusal(tmp_path / "empty")[0] == "empty"


def test_limit_is_that_of_the_settings(image: Path, tmp_path: Path, settings: LazySettings) -> None:
    large = tmp_path / "large.qcow2"
    qemu_img("create", "-f", "qcow2", large, "2G")
    assert examined(large).virtual_bytes == 2 * GIB
    settings.MAX_IMAGE_GIB = 1
    assert refusal(large)[0] == "too_large"
    assert examined(image).virtual_bytes == 8 * MIB


def test_examination_keeps_little_of_a_file(image: Path) -> None:
    examination = Examination()
    block = bytes(MIB)
    for piece in pieces(image):
        examination.feed(piece)
    for _piece in range(64):
        examination.feed(block)
    held = sum(size for one in examination._inspectors._inspectors for size in one.context_info.values())
    assert held < 3 * MIB
    shutil.rmtree(image.parent)
