"""The first user and the scripts of instances, as a real guest with cloud-init has them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from cloudia.virt import MEMORY_STEP_MIB
from instances.guest_wishes import GuestWish, ScriptWish
from instances.models import Instance
from instances.mounts import MountWish
from tests.qemu.cloud import AS_NOBODY, MEMORY_MIB, TEST_S, boot, says, shared_directory
from tests.qemu.guests import eventually
from tests.qemu.lab import LabHost
from tests.qemu.site import Site, make_site

SEEN_S = 60.0  # udev, emulated
PASSWORD = "비밀 word 'of' \"8\""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZlcnktbm90LXJlYWwta2V5LW9mLWEtdGVzdC1vbmx5 kim@desk"


@pytest.fixture
def site(lab_host: LabHost, tiny_image: Path, settings: LazySettings) -> Iterator[Site]:
    site = make_site(lab_host, tiny_image)
    yield site
    site.clean()


def script(name: str, stage: str = "boot", *, then: str = "true", newline: str = "\n") -> ScriptWish:
    """Writes down who ran, whether an interface was up, and who it was run by."""
    lines = ["#!/bin/sh", f'echo "{name} $0 $(id -un) $(ip -4 route | wc -l)" >>/root/ran', then, ""]
    return ScriptWish(name, stage, newline.join(lines))


@pytest.mark.timeout(TEST_S)
@pytest.mark.django_db(transaction=True)
def test_guest_has_its_user_and_ran_its_scripts_in_order_and_stage(site: Site, settings: LazySettings) -> None:
    scripts = (
        script("z.sh", newline="\r\n"),
        script("early-2", "pre-network", then="exit 3"),
        script("fails", then="exit 1"),
        script("early-1", "pre-network"),
        script("a.sh", then="echo '안녕 🙂' >/root/hello"),
    )
    wish = GuestWish(username="kim", password=PASSWORD, ssh_keys=(KEY,), scripts=scripts)
    shared = shared_directory(site, settings)
    (Path(shared.path) / "hello").write_text("from the host")
    instance = boot(site, MountWish(filesystem=shared, mount_path="/srv/shared"), guest=wish)
    assert [line.split()[:3] for line in says(site, instance, "cat /root/ran").splitlines()] == [
        [row.name, row.path, "root"] for number in (2, 4, 1, 3, 5) for row in instance.scripts.filter(number=number)
    ]
    routes = [int(line.split()[3]) for line in says(site, instance, "cat /root/ran").splitlines()]
    assert routes[:2] == [0, 0]
    assert min(routes[2:]) > 0
    assert says(site, instance, "cat /root/hello") == "안녕 🙂"
    result = says(site, instance, "cat /run/cloud-init/result.json")
    assert "bootcmd" in result
    assert "1 failures (03-fails) in 3" in result
    # What is mounted at every boot is so although cloud-init has begun before the network.
    assert says(site, instance, "cat /srv/shared/hello") == "from the host"
    assert says(site, instance, "hostname") == "web-1"
    guest = instance.first_user
    assert guest
    shadow = says(site, instance, "grep ^kim: /etc/shadow").split(":")
    assert shadow[1] == guest.password_hash
    assert int(shadow[2]) > 0
    assert says(site, instance, "cat ~kim/.ssh/authorized_keys") == KEY
    login = f"printf '%s\\n' {shlex.quote(PASSWORD)} | {AS_NOBODY} su -l kim -c 'id -un; id -Gn; echo $SHELL' 2>&1"
    assert "kim\nkim adm" in says(site, instance, login)
    assert "sudo" in says(site, instance, login)
    assert "NOPASSWD" in says(site, instance, "grep ^kim /etc/sudoers.d/*")
    assert says(site, instance, login.replace("비밀", "다른") + " || echo refused").splitlines()[-1] == "refused"
    # At the next start, by the rows: what has run does not run again.
    before = says(site, instance, "cat /root/ran")
    says(site, instance, "cloud-init single --name bootcmd --frequency always")
    assert says(site, instance, "cat /root/ran") == before
    assert_uses_what_is_plugged_in(site, instance)


def assert_uses_what_is_plugged_in(site: Site, instance: Instance) -> None:
    """Without anybody's help: Debian's kernel leaves new memory switched off.

    No vCPU here: the emulator's buffer is full at this point, and that would be refused (docs/cloud-init.md).
    """
    says(site, instance, "systemctl stop qemu-guest-agent")
    domains, total = site.hypervisor.domains, "sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo"
    before = int(says(site, instance, total))
    domains.grow_memory(instance.pk, MEMORY_MIB + MEMORY_STEP_MIB)
    assert domains.resources(instance.pk).guest_memory_mib is None
    assert eventually(lambda: int(says(site, instance, total)) == before + MEMORY_STEP_MIB * 1024, SEEN_S)
