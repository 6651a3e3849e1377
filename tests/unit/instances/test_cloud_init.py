"""What a guest is told of its first user and its scripts, and what the script that runs before the network does."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from uuid import UUID

from instances.cloud_init import Told, meta_data, user_data
from instances.models import Instance, InstanceGuest, UserScript

INSTANCE = Instance(id=UUID(int=3), short_id="i-00000000", name="web-1")
KEYS = "ssh-ed25519 AAAA kim@desk\nssh-rsa BBBB"
EARLY = UserScript(number=1, name="early", stage="pre-network", content="#!/bin/sh\n# 이른\n")
BOOT = UserScript(number=2, name="setup.sh", stage="boot", content="#!/bin/sh\n# \x1b\x85 🙂 '\"$(reboot)\n")


def told(password_hash: str = "$6$x", ssh_keys: str = "", scripts: tuple[UserScript, ...] = ()) -> Told:
    guest = InstanceGuest(username="kim", password_hash=password_hash, ssh_keys=ssh_keys)
    return Told(instance=INSTANCE, guest=guest, scripts=scripts)


def test_chosen_password_is_told_as_its_hash_and_does_not_expire() -> None:
    data = user_data(told())
    assert data["user"] == {"name": "kim", "ssh_authorized_keys": [], "lock_passwd": False, "hashed_passwd": "$6$x"}
    assert data["chpasswd"] == {"expire": False}
    assert data["ssh_pwauth"] is True


def test_default_password_expires_and_is_not_taken_over_the_network() -> None:
    data = user_data(told(password_hash=""))
    assert data["user"] == {"name": "kim", "ssh_authorized_keys": []}
    assert (data["password"], data["chpasswd"], data["ssh_pwauth"]) == ("cloudia", {"expire": True}, False)


def test_where_there_are_keys_the_network_takes_no_password() -> None:
    data = user_data(told(ssh_keys=KEYS))
    assert data["user"]["ssh_authorized_keys"] == KEYS.splitlines()
    assert data["ssh_pwauth"] is False


def test_script_at_boot_is_a_file_that_cloud_init_runs() -> None:
    (file,) = user_data(told(scripts=(EARLY, BOOT)))["write_files"]
    assert base64.b64decode(file.pop("content")).decode() == BOOT.content
    assert file == {"path": "/var/lib/cloud/instance/scripts/02-setup.sh", "permissions": "0700", "encoding": "b64"}


def test_script_before_the_network_makes_cloud_init_begin_before_it() -> None:
    assert meta_data(told(scripts=(BOOT, EARLY)))["dsmode"] == "local"
    assert "dsmode" not in meta_data(told(scripts=(BOOT,)))


def test_ten_scripts_are_in_order_by_name() -> None:
    names = [UserScript(number=number, name=name).file_name for number, name in ((2, "z"), (10, "a"))]
    assert names == sorted(names)


def run(root: Path, *scripts: UserScript) -> int:
    """Run the guest's script with its folders below ``root``; its exit code."""
    command = user_data(told(scripts=scripts))["bootcmd"][-1]
    command[4] = str(root / "scripts")
    tool = root / "bin" / "cloud-init-per"
    tool.parent.mkdir(exist_ok=True)
    once = f'[ "$1" = instance ] || exit 9\n[ -e {root}/$2 ] && exit 0\n>{root}/$2; shift 2; exec "$@"'
    tool.write_text(f"#!/bin/sh\n{once}\n")
    tool.chmod(0o755)
    return subprocess.run(command, env={"PATH": f"{root}/bin:/usr/bin:/bin", "ROOT": str(root)}).returncode


def says(number: int, more: str = "") -> UserScript:
    content = f'#!/bin/sh\necho {number} "$0" >>"$ROOT/said"\n{more}\n'
    return UserScript(number=number, name=f"s{9 - number}", stage="pre-network", content=content)


def test_scripts_before_the_network_run_once_in_order_whatever_becomes_of_others(tmp_path: Path) -> None:
    scripts = (says(1), says(2, "exit 3"), says(3))
    assert run(tmp_path, *scripts) == 1
    said = (tmp_path / "said").read_text()
    folder = tmp_path / "scripts"
    assert said == f"1 {folder}/01-s8\n2 {folder}/02-s7\n3 {folder}/03-s6\n"
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o700}
    assert run(tmp_path, *scripts) == 0
    assert (tmp_path / "said").read_text() == said


def test_as_many_and_as_large_scripts_as_may_be_get_there(tmp_path: Path) -> None:
    scripts = [says(number, "#" + "가" * ((65536 - 100) // 3)) for number in range(1, 17)]
    assert run(tmp_path, *scripts) == 0
    assert len((tmp_path / "said").read_text().splitlines()) == 16
    assert (tmp_path / "scripts" / "16-s-7").read_text() == scripts[-1].content


def test_guest_with_udev_switches_on_what_is_plugged_in_and_was_before_it_booted(tmp_path: Path) -> None:
    command = user_data(told())["bootcmd"][1]
    command[2] = command[2].replace("/run/udev", str(tmp_path))
    udevadm = tmp_path / "udevadm"
    udevadm.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n')
    udevadm.chmod(0o755)
    for _boot in range(2):
        subprocess.run(command, check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    (rules,) = (tmp_path / "rules.d").iterdir()
    assert [line.split(",")[0] for line in rules.read_text().splitlines()] == [
        'SUBSYSTEM=="cpu"',
        'SUBSYSTEM=="memory"',
    ]
    assert (tmp_path / "calls").read_text().splitlines()[:2] == [
        "control --reload",
        "trigger --action=add --subsystem-match=cpu --subsystem-match=memory",
    ]
