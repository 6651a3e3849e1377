"""The first user and the scripts of instances, as a real guest with cloud-init has them."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from cloudia.accounts.actor import shell_actor
from deploy import guest_image
from instances.guest_wishes import GuestWish, ScriptWish
from instances.models import Instance
from instances.mounts import MountWish
from instances.services import instance_create
from instances.wishes import Compute, InstanceWish
from networking.services.groups import default_group
from networking.services.interfaces import InterfaceWish
from storage.services.filesystems import filesystem_create
from tests.factories import GIB, ImageFactory
from tests.qemu.lab import LabHost
from tests.qemu.site import Site, finish, make_site

MEMORY_MIB = 448
CLOUD_BOOT_S = 900  # emulated, with systemd; alone it takes 40
PROMPT = "root@"
PASSWORD = "비밀 word 'of' \"8\""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZlcnktbm90LXJlYWwta2V5LW9mLWEtdGVzdC1vbmx5 kim@desk"
# As an unprivileged user, whom su asks for the password: PAM decides as at a login.
AS_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"


@pytest.fixture
def site(lab_host: LabHost, tiny_image: Path, settings: LazySettings) -> Iterator[Site]:
    site = make_site(lab_host, tiny_image)
    yield site
    site.clean()


def shared_directory(site: Site, settings: LazySettings) -> MountWish:
    """A directory of the host with a greeting, to be mounted by a guest."""
    root = site.lab_host.local_dir / "shares-of-cloud-init"
    root.mkdir(exist_ok=True)
    settings.VIRTIOFS_ROOTS = [str(root)]
    type(site.host).objects.filter(pk=site.host.pk).update(features=["virtiofs"])
    path = root / "scratch"
    filesystem = filesystem_create(
        actor=shell_actor(), project=site.project, name="scratch", kind="virtiofs", path=str(path)
    )
    assert filesystem.current_job
    assert finish(filesystem.current_job).status == "succeeded"
    (path / "hello").write_text("from the host")
    return MountWish(filesystem=filesystem, mount_path="/srv/shared")


def boot(site: Site, guest: GuestWish, *mounts: MountWish) -> Instance:
    """An instance whose cloud-init has finished."""
    path = guest_image.ensure(Path(__file__).parents[2] / "var" / "images", "cloud")
    image = ImageFactory.create(name="cloud", storage_domain=site.domain, virtual_bytes=2 * GIB)
    with path.open("rb") as source:
        size = path.stat().st_size
        site.hypervisor.volumes.upload(site.domain.pool_name, image.volume_name, source, size, image.virtual_bytes)
    wish = InstanceWish(
        name="web-1",
        image=image,
        compute=Compute.by_hand(1, MEMORY_MIB),
        interfaces=(InterfaceWish(subnet=site.subnet, security_groups=(default_group(site.project),)),),
        filesystems=mounts,
        guest=guest,
    )
    job = finish(instance_create(actor=site.actor, project=site.project, wish=wish))
    assert job.status == "succeeded", job.error_texts
    instance = Instance.objects.get(pk=job.target_id)
    site.lab_host.wait_for_serial(instance.short_id, PROMPT, CLOUD_BOOT_S)
    deadline = time.monotonic() + CLOUD_BOOT_S
    while not says(site, instance, "test -e /run/cloud-init/result.json && echo finished"):
        assert time.monotonic() < deadline, says(site, instance, "cloud-init status --long")
        time.sleep(2)
    return instance


def says(site: Site, instance: Instance, command: str) -> str:
    """What a command says in the guest; nothing if it fails."""
    try:
        return site.lab_host.guest(instance.short_id, command)
    except subprocess.CalledProcessError:
        return ""


def script(name: str, stage: str = "boot", *, then: str = "true", newline: str = "\n") -> ScriptWish:
    """Writes down who ran, whether an interface was up, and who it was run by."""
    lines = ["#!/bin/sh", f'echo "{name} $0 $(id -un) $(ip -4 route | wc -l)" >>/root/ran', then, ""]
    return ScriptWish(name, stage, newline.join(lines))


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
    instance = boot(site, wish, shared_directory(site, settings))
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


@pytest.mark.django_db(transaction=True)
def test_guest_with_the_default_password_demands_a_new_one(site: Site) -> None:
    instance = boot(site, GuestWish())
    shadow = says(site, instance, "grep ^cloudia: /etc/shadow").split(":")
    assert shadow[1].startswith("$")
    assert shadow[2] == "0"  # shadow(5): to be changed at the next login
    answer = says(site, instance, f"printf 'cloudia\\n' | {AS_NOBODY} su -l cloudia -c 'echo in' 2>&1; true")
    assert "required to change your password" in answer
    assert "in" not in answer.splitlines()
    chosen = "printf 'cloudia\\ncloudia\\nvery-new-1\\nvery-new-1\\n'"
    assert says(site, instance, f"{chosen} | {AS_NOBODY} su -l cloudia -c 'echo in' 2>&1").split()[-1] == "in"
    assert says(site, instance, "getent passwd debian") == ""
