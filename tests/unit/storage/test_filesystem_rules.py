"""What a file system may be."""

from __future__ import annotations

import pytest
from django.conf import LazySettings

from cloudia.core.faults import Faults
from storage import filesystem_rules
from storage.filesystem_rules import check_shared, server_of
from storage.models import FileSystem


def export_codes(export: str) -> list[str]:
    faults = Faults()
    filesystem_rules._check_export(faults, FileSystem(export=export))
    return [error.code for error in faults.fields["export"]]


@pytest.mark.parametrize(
    "export",
    [
        "nfs.example.com:/srv/share",
        "nfs:/",
        "10.0.0.5:/srv/team share",
        "[2001:db8::5]:/srv",
        "nas-1:/볼륨/공유",
        "nas:/with:colon",
    ],
)
def test_export_is_a_server_and_a_directory(export: str) -> None:
    assert export_codes(export) == []


@pytest.mark.parametrize(
    ("export", "code"),
    [
        ("", "required"),
        ("/srv/share", "invalid"),
        ("nfs.example.com", "invalid"),
        ("nfs.example.com:srv", "invalid"),
        (":/srv", "invalid"),
        ("a b:/srv", "invalid"),
        ("-x:/srv", "invalid"),
        ("x..y:/srv", "invalid"),
        ("10.0.0.256:/srv", "invalid"),
        ("10.0.1:/srv", "invalid"),
        ("127.0.0.1:/srv", "invalid"),
        ("0.0.0.0:/srv", "invalid"),
        ("[::1]:/srv", "invalid"),
        ("[fe80::1%eth0]:/srv", "invalid"),
        ("[10.0.0.1]:/srv", "invalid"),
        ("2001:db8::5:/srv", "invalid"),
        ("nfs:/srv/../etc", "invalid"),
        ("nfs:/srv//share", "invalid"),
        ("nfs:/srv/", "invalid"),
        ("nfs:/srv\n/ / nfs defaults", "invalid"),
        ("nfs:/srv\x00", "invalid"),
        ("nfs:/" + "a" * 512, "too_long"),
    ],
)
def test_what_is_no_export_is_refused(export: str, code: str) -> None:
    assert export_codes(export) == [code]


def test_server_is_known_by_its_export() -> None:
    assert server_of("[2001:db8::5]:/srv") == "2001:db8::5"
    assert server_of("nfs:/srv") == "nfs"


def shared_codes(path: str) -> list[str]:
    faults = Faults()
    check_shared(faults, path)
    return [error.code for error in faults.fields["path"]]


def test_nothing_is_shared_unless_a_root_is_configured(settings: LazySettings) -> None:
    settings.VIRTIOFS_ROOTS = []
    faults = Faults()
    check_shared(faults, "/srv/shares/data")
    (error,) = faults.fields["path"]
    assert error.code == "not_usable"
    assert "CLOUDIA_VIRTIOFS_ROOTS" in str(error.detail)


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("/srv/shares/data", []),
        ("/mnt/fast/공유 폴더", []),
        ("", ["required"]),
        ("srv/shares/data", ["invalid"]),
        ("/srv/shares", ["not_usable"]),
        ("/srv/shares/", ["not_usable"]),
        ("/srv/shares/.", ["not_usable"]),
        ("/srv/shares/..", ["not_usable"]),
        ("/srv/shares/data/deeper", ["not_usable"]),
        ("/srv/shares/../etc", ["not_usable"]),
        ("/srv/sharesx/data", ["not_usable"]),
        ("//srv/shares/data", ["not_usable"]),
        ("/etc", ["not_usable"]),
        ("/srv/shares/a\nb", ["invalid"]),
        ("/srv/shares/" + "a" * 512, ["invalid"]),
    ],
)
def test_only_what_lies_directly_in_a_root_is_shared(settings: LazySettings, path: str, codes: list[str]) -> None:
    settings.VIRTIOFS_ROOTS = ["/srv/shares", "/mnt/fast"]
    assert shared_codes(path) == codes
