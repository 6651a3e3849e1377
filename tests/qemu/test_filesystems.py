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
from deploy import guest_image
from instances.models import Instance
from instances.mount_services import mount_remove
from instances.mounts import MountWish
from instances.services import instance_create, instance_start, instance_stop
from instances.wishes import Compute, InstanceWish
from networking.models import Subnet
from networking.services.external import external_network_create
from networking.services.groups import default_group
from networking.services.interfaces import InterfaceWish
from networking.services.subnets import subnet_create
from networking.services.vpcs import vpc_create
from networking.sync import synchronise
from networking.watch import record_hosts
from storage.models import FileSystem, Image
from storage.services.filesystems import filesystem_create
from tests.factories import GIB, ImageFactory
from tests.qemu.guests import BOOT_S, gateway_to, tiny_pool, tiny_spec
from tests.qemu.lab import Lab, LabHost
from tests.qemu.nfs import NFSServer, nfs_server
from tests.qemu.site import Site, finish, make_site

MEMORY_MIB = 448
CLOUD_BOOT_S = 900  # emulated, with systemd; alone it takes 40
PROMPT = "root@"


@pytest.fixture(scope="session")
def cloud_image() -> Path:
    """A Debian with cloud-init (qcow2), whose serial console is root's. Never write to it."""
    return guest_image.ensure(Path(__file__).parents[2] / "var" / "images", "cloud")


@dataclass
class World:
    """A site whose subnet has a way out, an NFS server there, a file system of each kind."""

    site: Site
    server: NFSServer
    nfs: FileSystem
    shared: FileSystem
    image: Image

    @property
    def directory(self) -> Path:
        """The host's directory that is shared."""
        return Path(self.shared.path)


@pytest.fixture
def world(lab: Lab, lab_host: LabHost, tiny_image: Path, cloud_image: Path, settings: LazySettings) -> Iterator[World]:
    site = make_site(lab_host, tiny_image)
    with nfs_server(f"{lab.external_network}.1", "team share") as server:
        site.subnet = way_out(site, lab.external_network)
        yield World(site, server, *filesystems(site, server, settings), add_image(site, cloud_image))
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


def filesystems(site: Site, server: NFSServer, settings: LazySettings) -> tuple[FileSystem, FileSystem]:
    root = site.lab_host.local_dir / "shares"
    root.mkdir(exist_ok=True)
    settings.VIRTIOFS_ROOTS = [str(root)]
    type(site.host).objects.filter(pk=site.host.pk).update(features=["virtiofs"])
    nfs = filesystem_create(actor=site.actor, project=site.project, name="team", kind="nfs", export=server.export)
    shared = filesystem_create(
        actor=shell_actor(), project=site.project, name="scratch", kind="virtiofs", path=str(root / "scratch")
    )
    job = shared.current_job
    assert job
    assert finish(job).status == "succeeded"
    assert shared.places.get().usable
    return nfs, shared


def add_image(site: Site, path: Path) -> Image:
    """The image with cloud-init, in the site's pool."""
    image = ImageFactory.create(name="cloud", storage_domain=site.domain, virtual_bytes=2 * GIB)
    size = path.stat().st_size
    with path.open("rb") as source:
        site.hypervisor.volumes.upload(site.domain.pool_name, image.volume_name, source, size, image.virtual_bytes)
    return image


def boot(world: World) -> Instance:
    """An instance with both file systems, up."""
    site = world.site
    wish = InstanceWish(
        name="web-1",
        image=world.image,
        compute=Compute.by_hand(1, MEMORY_MIB),
        interfaces=(InterfaceWish(subnet=site.subnet, security_groups=(default_group(site.project),)),),
        filesystems=(
            MountWish(filesystem=world.nfs, mount_path="/mnt/team"),
            MountWish(filesystem=world.shared, mount_path="/srv/공유"),
        ),
    )
    job = finish(instance_create(actor=site.actor, project=site.project, wish=wish))
    assert job.status == "succeeded", job.error_texts
    instance = Instance.objects.get(pk=job.target_id)
    site.lab_host.wait_for_serial(instance.short_id, PROMPT, CLOUD_BOOT_S)
    return instance


def soon(site: Site, instance: Instance, command: str, seconds: float = 120) -> str:
    """What a command says in the guest as soon as it succeeds: mounts come up beside the shell."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return site.lab_host.guest(instance.short_id, command)
        except subprocess.CalledProcessError:
            assert time.monotonic() < deadline, site.lab_host.guest(instance.short_id, "mount; cat /etc/fstab")
            time.sleep(1)


@pytest.mark.django_db(transaction=True)
def test_guest_mounts_what_the_page_says_at_every_boot_and_no_more(world: World) -> None:
    """Two boots of one guest, since that is what takes time."""
    site, instance = world.site, boot(world)
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
