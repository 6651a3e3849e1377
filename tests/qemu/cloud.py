"""A real guest with cloud-init: Debian, whose serial console is root's."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from django.conf import LazySettings

from cloudia.accounts.actor import shell_actor
from deploy import guest_image
from instances.guest_wishes import GuestWish
from instances.models import Instance
from instances.mounts import MountWish
from instances.services import instance_create
from instances.wishes import Compute, InstanceWish
from networking.services.groups import default_group
from networking.services.interfaces import InterfaceWish
from storage.models import FileSystem
from storage.services.filesystems import filesystem_create
from tests.factories import GIB, ImageFactory
from tests.qemu.site import Site, finish

MEMORY_MIB = 448
BOOT_S = 900  # emulated, with systemd; alone it takes 40
TEST_S = 2400  # of a test that boots it more than once, on a busy computer
PROMPT = "root@"
# As an unprivileged user, whom su asks for the password: PAM decides as at a login.
AS_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"


def boot(site: Site, *filesystems: MountWish, guest: GuestWish | None = None) -> Instance:
    """An instance that is up, and whose cloud-init has finished."""
    path = guest_image.ensure(Path(__file__).parents[2] / "var" / "images", "cloud")
    image = ImageFactory.create(name="cloud", storage_domain=site.domain, virtual_bytes=2 * GIB)
    with path.open("rb") as source:
        size = path.stat().st_size
        site.hypervisor.volumes.upload(site.domain.pool_name, image.volume_name, source, size, image.virtual_bytes)
    wish = InstanceWish(
        name="web-1",
        image=image,
        compute=Compute.by_hand(1, MEMORY_MIB, max_memory_mib=2 * MEMORY_MIB),
        interfaces=(InterfaceWish(subnet=site.subnet, security_groups=(default_group(site.project),)),),
        filesystems=filesystems,
        guest=guest or GuestWish(),
    )
    job = finish(instance_create(actor=site.actor, project=site.project, wish=wish))
    assert job.status == "succeeded", job.error_texts
    instance = Instance.objects.get(pk=job.target_id)
    site.lab_host.wait_for_serial(instance.short_id, PROMPT, BOOT_S)
    deadline = time.monotonic() + BOOT_S
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


def shared_directory(site: Site, settings: LazySettings) -> FileSystem:
    """A directory of the host that its guests may mount."""
    root = site.lab_host.local_dir / "shares"
    root.mkdir(exist_ok=True)
    settings.VIRTIOFS_ROOTS = [str(root)]
    type(site.host).objects.filter(pk=site.host.pk).update(features=["virtiofs"])
    shared = filesystem_create(
        actor=shell_actor(), project=site.project, name="scratch", kind="virtiofs", path=str(root / "scratch")
    )
    assert shared.current_job
    assert finish(shared.current_job).status == "succeeded"
    assert shared.places.get().usable
    return shared
