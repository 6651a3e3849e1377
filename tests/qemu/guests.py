"""Tiny guests straight from the gateway, without any of CloudiA's rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

from cloudia.virt import Accelerator, DiskSpec, DomainSpec, Endpoint, Hypervisor, PoolSpec
from tests.qemu.lab import LabHost

GIB = 1 << 30
BOOT_S = 240  # emulated, beside others that boot; alone it takes 10


@contextmanager
def gateway_to(lab_host: LabHost) -> Iterator[Hypervisor]:
    """The gateway to a host of the lab."""
    with closing(Hypervisor(Endpoint(lab_host.uri))) as host:
        yield host


@contextmanager
def tiny_pool(host: Hypervisor, lab_host: LabHost, tiny_image: Path) -> Iterator[str]:
    """A pool that holds the tiny image as ``tiny``; removed afterwards."""
    name = f"pool-{uuid4().hex[:8]}"
    host.pools.ensure(PoolSpec(name, uuid4(), path=str(lab_host.local_dir / name)))
    with tiny_image.open("rb") as image:
        host.volumes.upload(name, "tiny", image, tiny_image.stat().st_size, capacity_bytes=0)
    yield name
    for volume in host.volumes.list(name):
        host.volumes.delete(name, volume.name)
    host.pools.remove(name)


@contextmanager
def tiny_spec(host: Hypervisor, pool: str) -> Iterator[DomainSpec]:
    """What to define for a guest with a disk of its own; the domain is removed afterwards."""
    uuid = uuid4()
    disk = f"d-{uuid.hex[:8]}-0"
    host.volumes.ensure_linked_clone(pool, disk, "tiny", GIB)
    yield DomainSpec(
        uuid=uuid,
        name=f"i-{uuid.hex[:8]}",
        instance_id=str(uuid),
        project_id="project-1",
        accelerator=Accelerator.TCG,
        vcpus=1,
        max_vcpus=2,
        memory_mib=160,
        max_memory_mib=1024,
        disks=(DiskSpec(pool, disk, serial=str(uuid4()), bootable=True),),
    )
    host.domains.destroy(uuid)
    host.domains.undefine(uuid)


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.2)
    return condition()
