"""File systems as a guest sees them: NFS from a real server, and a directory of its host, mounted by cloud-init."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from django.conf import LazySettings

from cloudia.accounts.actor import shell_actor
from cloudia.virt import FilesystemSpec
from instances.models import Instance
from instances.mount_services import mount_remove
from instances.mounts import MountWish
from instances.services import instance_start, instance_stop
from networking.models import Subnet
from networking.services.external import external_network_create
from networking.services.subnets import subnet_create
from networking.services.vpcs import vpc_create
from networking.sync import synchronise
from networking.watch import record_hosts
from storage.models import FileSystem
from storage.services.filesystems import filesystem_create
from tests.qemu.cloud import AS_NOBODY, PROMPT, TEST_S, boot, says, shared_directory
from tests.qemu.cloud import BOOT_S as CLOUD_BOOT_S
from tests.qemu.guests import BOOT_S, gateway_to, tiny_pool, tiny_spec
from tests.qemu.lab import Lab, LabHost
from tests.qemu.nfs import NFSServer, nfs_server
from tests.qemu.site import Site, finish, make_site


@dataclass
class World:
    """A site whose subnet has a way out, an NFS server there, a file system of each kind."""

    site: Site
    server: NFSServer
    nfs: FileSystem
    shared: FileSystem

    @property
    def directory(self) -> Path:
        """The host's directory that is shared."""
        return Path(self.shared.path)


@pytest.fixture
def world(lab: Lab, lab_host: LabHost, tiny_image: Path, settings: LazySettings) -> Iterator[World]:
    site = make_site(lab_host, tiny_image)
    with nfs_server(f"{lab.external_network}.1", "team share") as server:
        site.subnet = way_out(site, lab.external_network)
        nfs = filesystem_create(actor=site.actor, project=site.project, name="team", kind="nfs", export=server.export)
        yield World(site, server, nfs, shared_directory(site, settings))
    site.clean()


def way_out(site: Site, external: str) -> Subnet:
    """A subnet whose VPC is connected to the outside."""
    network = f"{external}.0/24"
    first = f"{external}.50"
    external_network_create(actor=shell_actor(), name="public", cidr=network, first_address=first, is_default=True)
    vpc = vpc_create(actor=site.actor, project=site.project, name="shop")
    subnet = subnet_create(actor=site.actor, vpc=vpc, name="app", cidr="10.20.1.0/24")
    record_hosts()
    synchronise()
    return subnet


def assert_default_password_must_be_changed(site: Site, instance: Instance) -> None:
    """Everybody knows it, so it opens nothing but the question for another one."""
    shadow = says(site, instance, "grep ^cloudia: /etc/shadow").split(":")
    assert shadow[1].startswith("$")
    assert shadow[2] == "0"  # shadow(5): to be changed at the next login
    answer = says(site, instance, f"printf 'cloudia\\n' | {AS_NOBODY} su -l cloudia -c 'echo in' 2>&1; true")
    assert "required to change your password" in answer
    assert "in" not in answer.splitlines()
    chosen = "printf 'cloudia\\ncloudia\\nvery-new-1\\nvery-new-1\\n'"
    assert says(site, instance, f"{chosen} | {AS_NOBODY} su -l cloudia -c 'echo in' 2>&1").split()[-1] == "in"
    assert says(site, instance, "getent passwd debian") == ""


def soon(site: Site, instance: Instance, command: str, seconds: float = 120) -> str:
    """What a command says in the guest as soon as it succeeds: mounts come up beside the shell."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return site.lab_host.guest(instance.short_id, command)
        except subprocess.CalledProcessError:
            assert time.monotonic() < deadline, site.lab_host.guest(instance.short_id, "mount; cat /etc/fstab")
            time.sleep(1)


@pytest.mark.timeout(TEST_S)
@pytest.mark.django_db(transaction=True)
def test_guest_mounts_what_the_page_says_at_every_boot_and_no_more(world: World) -> None:
    """Two boots of one guest, since that is what takes time; so its default user is looked at here as well."""
    site = world.site
    mounts = {"/mnt/team": world.nfs, "/srv/공유": world.shared}
    instance = boot(site, *(MountWish(filesystem=row, mount_path=path) for path, row in mounts.items()))
    assert_default_password_must_be_changed(site, instance)
    (world.server.files / "hello").write_text("from the server")
    (world.directory / "hello").write_text("from the host")
    assert soon(site, instance, "cat /mnt/team/hello") == "from the server"
    assert soon(site, instance, "cat /srv/공유/hello") == "from the host"
    assert "type nfs4" in soon(site, instance, "mount | grep ' /mnt/team '")
    assert "type virtiofs" in soon(site, instance, "mount | grep ' /srv/'")
    soon(site, instance, "hostname | grep -x web-1 && echo guest > /mnt/team/answer && echo guest > /srv/공유/answer")
    assert (world.server.files / "answer").read_text() == (world.directory / "answer").read_text() == "guest\n"
    assert finish(instance_stop(actor=site.actor, instance=instance, force=True)).status == "succeeded"
    mount_remove(actor=site.actor, instance=instance, mount=instance.mounts.get(filesystem=world.nfs))
    said = len(site.lab_host.serial_log(instance.short_id))
    assert finish(instance_start(actor=site.actor, instance=instance)).status == "succeeded"
    deadline = time.monotonic() + CLOUD_BOOT_S
    while PROMPT not in (log := site.lab_host.serial_log(instance.short_id)[said:]):
        assert time.monotonic() < deadline, log
        time.sleep(1)
    assert soon(site, instance, "cat /srv/공유/answer") == "guest"
    soon(site, instance, "! grep -q team /etc/fstab && ! mount | grep -q nfs4 && grep -q virtiofs /etc/fstab")
    assert (world.server.files / "answer").exists()


def test_directory_of_the_host_is_read_and_written_by_a_guest(lab_host: LabHost, tiny_image: Path) -> None:
    """The gateway's part alone, in a guest that mounts by hand."""
    directory = lab_host.local_dir / "by-hand"
    directory.mkdir()
    (directory / "hello").write_text("from the host")
    with gateway_to(lab_host) as host, tiny_pool(host, lab_host, tiny_image) as pool, tiny_spec(host, pool) as spec:
        host.domains.define(replace(spec, filesystems=(FilesystemSpec("fs-1", str(directory)),)))
        host.domains.start(spec.uuid)
        lab_host.wait_for_serial(spec.name, "TINY-READY", BOOT_S)
        mounted = "modprobe virtiofs; mount -t virtiofs fs-1 /mnt && cat /mnt/hello"
        assert lab_host.guest(spec.name, mounted) == "from the host"
        lab_host.guest(spec.name, "echo guest > /mnt/answer && umount /mnt")
    assert (directory / "answer").read_text() == "guest\n"
