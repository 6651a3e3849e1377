"""Where file systems may be mounted, and what the guest is told about it."""

from __future__ import annotations

import json
import subprocess
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from pycdlib.pycdlib import PyCdlib

from cloudia.core.faults import Faults
from instances.cloud_init import Told, disc_of, fstab, hostname, user_data
from instances.models import Instance, InstanceMount
from instances.mounts import check_path
from storage.models import FileSystem

SCRIPT = Path(__file__).parents[3] / "instances" / "guest" / "mounts.sh"
NFS = FileSystem(id=UUID(int=1), kind="nfs", export="nfs:/team share\\x")
SHARED = FileSystem(id=UUID(int=2), kind="virtiofs", path="/srv/shares/data")
INSTANCE = Instance(id=UUID(int=3), short_id="i-00000000", name="web-1")
MOUNTS = [
    InstanceMount(filesystem=SHARED, mount_path="/srv/공유"),
    InstanceMount(filesystem=NFS, mount_path="/mnt/team"),
]
LINES = "nfs:/team\\040share\\134x /mnt/team nfs nofail,_netdev 0 0\nfs-00000000 /srv/공유 virtiofs nofail 0 0"


@pytest.mark.parametrize(
    "path", ["/data", "/mnt/shared", "/mnt/공유", "/home", "/var/www", "/etcetera", "/a.b_c-d+e@f:g"]
)
def test_folder_of_a_guest_may_be_mounted_on(path: str) -> None:
    faults = Faults()
    check_path(faults, "mount_path", path)
    assert not faults.fields


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("", "required"),
        ("/", "invalid"),
        ("//", "invalid"),
        ("mnt", "invalid"),
        ("/mnt/", "invalid"),
        ("//mnt", "invalid"),
        ("/mnt//a", "invalid"),
        ("/mnt/./a", "invalid"),
        ("/mnt/../etc", "invalid"),
        ("/mnt/a b", "invalid"),
        ("/mnt/a\tb", "invalid"),
        ("/mnt/a\n/ ", "invalid"),
        ("/mnt/$(reboot)", "invalid"),
        ("/mnt/'a", "invalid"),
        ("/mnt/a\\040", "invalid"),
        ("/mnt/" + "a" * 255, "too_long"),
        ("/etc", "reserved"),
        ("/usr/local/share", "reserved"),
        ("/proc/x", "reserved"),
        ("/tmp/x", "reserved"),
        ("/var", "reserved"),
        ("/var/lib", "reserved"),
        ("/root", "reserved"),
    ],
)
def test_folder_that_is_none_or_hides_the_guest_is_refused(path: str, code: str) -> None:
    faults = Faults()
    check_path(faults, "mount_path", path)
    assert [error.code for error in faults.fields["mount_path"]] == [code]


def test_lines_for_fstab_have_no_field_too_many() -> None:
    assert fstab(MOUNTS) == LINES
    assert all(len(line.split()) == 6 for line in fstab(MOUNTS).splitlines())


def test_disc_is_what_the_data_source_looks_for() -> None:
    disc = PyCdlib()
    disc.open_fp(BytesIO(disc_of(Told(instance=INSTANCE, mounts=MOUNTS))))
    assert disc.pvd.volume_identifier.strip() == b"CIDATA"
    files = {}
    for name in ("meta-data", "user-data"):
        content = BytesIO()
        disc.get_file_from_iso_fp(content, rr_path=f"/{name}")
        files[name] = content.getvalue().decode()
    assert json.loads(files["meta-data"]) == {"instance-id": str(INSTANCE.pk), "local-hostname": "web-1"}
    head, _newline, document = files["user-data"].partition("\n")
    assert head == "#cloud-config"
    assert json.loads(document)["bootcmd"][0][-1] == LINES


@pytest.mark.parametrize("name", ["한글", "a b", "-a", "x" * 64, "a.b", "a\nb"])
def test_name_that_is_no_host_name_is_not_told_to_the_guest(name: str) -> None:
    assert hostname(Instance(short_id="i-00000000", name=name)) == "i-00000000"


def run(root: Path, block: str) -> list[str]:
    """Run the guest's script on a folder that stands for its root; what it called."""
    text = SCRIPT.read_text().replace("fstab=/etc/fstab", f"fstab={root}/fstab")
    calls = root / "calls"
    calls.write_text("")
    for name in ("mkdir", "umount", "systemctl"):
        tool = root / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f'#!/bin/sh\necho {name} "$@" >>{calls}\n[ {name} != umount ]\n')
        tool.chmod(0o755)
    (root / "bin" / "systemd-escape").write_text('#!/bin/sh\necho "$3"\n')
    (root / "bin" / "systemd-escape").chmod(0o755)
    command = ["sh", "-c", text, "cloudia-mounts", block]
    subprocess.run(command, check=True, env={"PATH": f"{root}/bin:/usr/bin:/bin"})
    return calls.read_text().splitlines()


def test_block_in_fstab_follows_and_the_rest_stays(tmp_path: Path) -> None:
    (tmp_path / "fstab").write_text("LABEL=root / ext4 defaults 0 1\n")
    one, two = LINES.splitlines()
    assert "systemctl start --no-block /mnt/team" in run(tmp_path, LINES)
    first = (tmp_path / "fstab").read_text()
    assert first.startswith("LABEL=root / ext4 defaults 0 1\n# CloudiA")
    assert one in first
    assert two in first
    assert "systemctl daemon-reload" not in run(tmp_path, LINES)
    assert (tmp_path / "fstab").read_text() == first
    calls = run(tmp_path, two)
    assert "systemctl stop /mnt/team" in calls
    assert "systemctl stop /srv/공유" not in calls
    assert one not in (tmp_path / "fstab").read_text()
    assert "systemctl stop /srv/공유" in run(tmp_path, "")
    assert (tmp_path / "fstab").read_text() == "LABEL=root / ext4 defaults 0 1\n"


def test_script_and_lines_are_apart() -> None:
    assert user_data(Told(instance=INSTANCE))["bootcmd"][0][:2] == ["sh", "-c"]
    assert user_data(Told(instance=INSTANCE))["bootcmd"][0][-1] == ""
