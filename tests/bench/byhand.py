"""Guests as an administrator makes them in a shell: the same domain as ours, without CloudiA."""

from __future__ import annotations

import os
import shlex
import subprocess
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from cloudia.virt import Accelerator, DiskSpec, DomainSpec, NicSpec, SeedSpec
from cloudia.virt.designer import design
from tests.e2e.stack import virsh
from tests.qemu.lab import LabHost

SEED_BYTES = 1 << 20


@dataclass(frozen=True)
class Guest:
    """One to be made on ``host``, with its disk beside the image it is a clone of."""

    host: LabHost
    uuid: uuid.UUID
    image: Path
    memory_mib: int

    @property
    def name(self) -> str:
        """The domain's."""
        return f"hand-{self.uuid.hex[:8]}"

    @property
    def disk(self) -> Path:
        """Its file."""
        return self.image.parent / f"{self.name}.qcow2"

    @property
    def definition(self) -> Path:
        """Where its XML is kept."""
        return self.image.parent / f"{self.name}.xml"

    @property
    def seed(self) -> Path:
        """The disc in its CD drive."""
        return self.image.parent / f"{self.name}.seed"

    @property
    def mac(self) -> str:
        """Its network interface's address."""
        return "52:54:00:" + ":".join(self.uuid.hex[at : at + 2] for at in (0, 2, 4))

    @property
    def commands(self) -> str:
        """What there is to do, for a shell."""
        return " && ".join(
            shlex.join(words)
            for words in (
                ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(self.image), str(self.disk), "1G"],
                ["virsh", "-q", "-c", self.host.uri, "define", str(self.definition)],
                ["virsh", "-q", "-c", self.host.uri, "start", self.name],
            )
        )

    def remove(self) -> None:
        """Power off, and leave nothing."""
        virsh(self.host, "destroy", self.name)
        virsh(self.host, "undefine", self.name)
        self.disk.unlink()
        self.definition.unlink()
        self.seed.unlink()


def prepare(host: LabHost, image: Path, memory_mib: int) -> Guest:
    """A guest that is not made yet; only its XML and its disc are there, since writing them is not what is measured."""
    guest = Guest(host, uuid.uuid4(), image, memory_mib)
    guest.seed.write_bytes(bytes(SEED_BYTES))
    guest.definition.write_text(_domain(guest))
    return guest


def make(guests: Sequence[Guest], parallel: int = 1) -> None:
    """Run their commands, so many at a time."""
    lines = "".join(f"{guest.commands}\0" for guest in guests)
    command = ["xargs", "-0", "-P", str(parallel), "-I{}", "sh", "-c", "{}"]
    subprocess.run(command, input=lines.encode(), check=True, stdout=subprocess.DEVNULL, env=os.environ)


def _domain(guest: Guest) -> str:
    """As an instance's; its interface is on the integration bridge, without a port in OVN."""
    spec = DomainSpec(
        uuid=guest.uuid,
        name=guest.name,
        instance_id="",
        project_id="",
        accelerator=Accelerator.TCG,
        vcpus=1,
        memory_mib=guest.memory_mib,
        disks=(DiskSpec(pool="", volume="", serial=guest.uuid.hex, bootable=True),),
        nics=(NicSpec(guest.uuid, guest.mac, settings.NETWORK_MTU, offloads=False),),
        seed=SeedSpec(pool="", volume=""),
    )
    root = ET.fromstring(str(design(spec)))
    for disk, file in zip(root.findall("devices/disk"), (guest.disk, guest.seed), strict=True):
        disk.set("type", "file")
        source = disk.find("source")
        assert source is not None
        source.attrib.clear()
        source.set("file", str(file))
    metadata = root.find("metadata")
    if metadata is not None:
        root.remove(metadata)
    return ET.tostring(root, encoding="unicode")
