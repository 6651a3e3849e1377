"""Editing real guests: what was asked for, what virsh says and what the guest itself sees; also when steps go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from cloudia.core.errors import OperationFailed
from cloudia.jobs.models import Job, JobLock
from cloudia.virt import MEMORY_STEP_MIB
from instances.disk_services import volume_resize
from instances.disk_wishes import DiskWish
from instances.disks import data_disks
from instances.edit_operations import UpdateInstance
from instances.edit_plan import links_of
from instances.edit_services import instance_edit
from instances.edits import EditWish, InterfaceEdit, compute_of
from instances.models import Instance
from instances.services import instance_reboot, instance_start, instance_stop
from instances.wishes import Compute
from networking.models import NetworkInterface
from networking.services.interfaces import InterfaceWish
from storage.models import Volume
from tests.factories import SubnetFactory
from tests.qemu.disks import disks_by_page, disks_by_virsh
from tests.qemu.faults import Killed, deliver_past_the_kill, sabotage
from tests.qemu.lab import LabHost
from tests.qemu.site import Site, finish, make_site

pytestmark = pytest.mark.django_db

MEMORY_MIB = 160  # room for what a kernel keeps to itself where memory may come later
GROWABLE = Compute.by_hand(1, MEMORY_MIB, 8, MEMORY_MIB + 8 * MEMORY_STEP_MIB)
SECTORS = 2 * 2**20  # of 512 bytes, in one GiB
PARTS = ("vcpus", "memory", "attach_nic", "detach_nic", "attach_disk", "detach_disk")


@pytest.fixture
def site(lab_host: LabHost, tiny_image: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    # The heartbeat's own thread can't see this test's transaction.
    monkeypatch.setattr("cloudia.jobs.run.Heartbeat._beat", lambda self: None)
    site = make_site(lab_host, tiny_image)
    yield site
    site.clean()


def as_is(nic: NetworkInterface) -> InterfaceWish:
    """An interface as it is."""
    return InterfaceWish(subnet=nic.subnet, security_groups=tuple(nic.security_groups.all()))


class Guest:
    """A tiny instance that may grow, edited by its owner."""

    def __init__(self, site: Site, *, start: bool = True) -> None:
        self.site = site
        job = finish(site.create(start=start, compute=GROWABLE))
        assert job.status == "succeeded", job.error_texts
        self.pk = job.target_id
        self.near = site.subnet
        self.far = SubnetFactory.create(project=site.project, vpc=site.subnet.vpc, cidr="10.77.0.0/24")
        if start:
            site.lab_host.wait_for_serial(self.row.short_id, "TINY-READY")

    @property
    def row(self) -> Instance:
        return Instance.objects.select_related("host").get(pk=self.pk)

    @property
    def nics(self) -> tuple[InterfaceEdit, ...]:
        """Its interfaces, as they are."""
        return tuple(InterfaceEdit(link=link, wish=as_is(link.interface)) for link in links_of(self.row))

    @property
    def disks(self) -> tuple[DiskWish, ...]:
        """Its data disks, as they are."""
        return tuple(DiskWish(volume=disk.volume) for disk in data_disks(self.row))

    @property
    def nic(self) -> NetworkInterface:
        """The newest."""
        return NetworkInterface.objects.filter(attachment__instance=self.pk).latest("attachment__position")

    def edit(self, **values: Any) -> Job:
        job = instance_edit(actor=self.site.actor, instance=self.row, wish=EditWish(**values))
        assert job is not None
        return job

    def have_two_of_each(self) -> None:
        """Two interfaces and two data disks, whatever it has now."""
        nic = InterfaceEdit(wish=InterfaceWish(subnet=self.far))
        nics, disks = self.nics[:2], self.disks[:2]
        more = tuple(DiskWish(name=f"data {number}", size_gib=1) for number in range(2 - len(disks)))
        wish = EditWish(interfaces=nics + (nic,) * (2 - len(nics)), volumes=disks + more)
        if job := instance_edit(actor=self.site.actor, instance=self.row, wish=wish):
            done(job)

    def compute(self, **values: Any) -> Compute:
        return replace(compute_of(self.row), **values)

    def says(self, command: str) -> str:
        return self.site.lab_host.guest(self.row.short_id, command)

    def sees(self) -> tuple[int, set[str], dict[str, int]]:
        """Its vCPUs, the MACs of its network cards, and the sectors of its disks by serial number, as it tells."""
        cpus = self.says("grep -c ^processor /proc/cpuinfo")
        macs = self.says("cat /sys/class/net/e*/address")
        disks = self.says("for disk in /sys/block/vd*; do cat $disk/serial; echo; cat $disk/size; done").split()
        return int(cpus), set(macs.split()), dict(zip(disks[::2], map(int, disks[1::2]), strict=True))

    def memory_mib(self) -> int:
        """What its kernel manages."""
        return int(self.says("awk '/MemTotal/ {print $2}' /proc/meminfo")) // 1024

    def assert_sees_what_it_has(self) -> None:
        row = self.row
        nics = {nic.mac for nic in NetworkInterface.objects.filter(attachment__instance=row)}
        disks = {disk.volume.pk.hex[:20]: disk.volume.size_gib * SECTORS for disk in row.disks.select_related("volume")}
        assert self.sees() == (row.vcpus, nics, disks)
        # The kernel keeps some for itself, but less than a module.
        assert row.memory_mib - MEMORY_STEP_MIB < self.memory_mib() <= row.memory_mib

    def assert_all_agree(self) -> None:
        """Rows, definition and, if it runs, the living domain say the same; nothing is locked."""
        row, host = self.row, self.site
        runs = host.domains()[row.short_id] == "running"
        nics = {nic.mac for nic in NetworkInterface.objects.filter(attachment__instance=row)}
        for inactive in (True, False) if runs else (True,):
            words = ["--inactive"] if inactive else []
            xml = etree.fromstring(host.virsh("dumpxml", row.short_id, *words))
            cpus, memory = str(xml.xpath("string(vcpu/@current)") or xml.findtext("vcpu")), str(xml.findtext("memory"))
            assert (int(cpus), int(memory) // 1024) == (row.vcpus, row.memory_mib), inactive
            assert {mac.get("address") for mac in xml.iterfind("devices/interface/mac")} == nics, inactive
            assert disks_by_virsh(host, row, inactive=inactive) == disks_by_page(row), inactive
        assert not JobLock.objects.exists()


def done(job: Job) -> Job:
    job = finish(job)
    assert job.status == "succeeded", [(step.name, step.message) for step in job.steps.all()]
    return job


def messages(job: Job) -> dict[str, str]:
    """What came of its steps, by the part of the hardware."""
    return {step.name.partition(":")[0]: step.texts.get("en", "") for step in job.steps.all()}


def test_running_guest_sees_each_change_at_once_and_after_a_restart(site: Site) -> None:
    guest = Guest(site)
    job = done(guest.edit(compute=guest.compute(vcpus=3, memory_mib=MEMORY_MIB + 2 * MEMORY_STEP_MIB)))
    assert messages(job) == {"vcpus": "Confirmed in the guest.", "memory": "Confirmed in the guest."}
    done(guest.edit(interfaces=(*guest.nics, InterfaceEdit(wish=InterfaceWish(subnet=guest.far)))))
    done(guest.edit(volumes=(DiskWish(volume=site.volume()), DiskWish(name="new", size_gib=1))))
    guest.assert_all_agree()
    guest.assert_sees_what_it_has()
    new = Volume.objects.get(name="new")
    done(volume_resize(actor=site.actor, volume=new, size_gib=2))
    guest.assert_sees_what_it_has()

    done(instance_reboot(actor=site.actor, instance=guest.row, hard=True))
    site.lab_host.wait_for_serial(guest.row.short_id, "TINY-READY", times=2)
    guest.assert_sees_what_it_has()
    guest.assert_all_agree()

    done(guest.edit(interfaces=guest.nics[:1], volumes=(DiskWish(volume=new),)))
    guest.assert_all_agree()
    guest.assert_sees_what_it_has()

    done(instance_stop(actor=site.actor, instance=guest.row, force=True))
    done(instance_start(actor=site.actor, instance=guest.row))
    site.lab_host.wait_for_serial(guest.row.short_id, "TINY-READY", times=3)
    guest.assert_sees_what_it_has()
    guest.assert_all_agree()


def test_definition_of_a_stopped_instance_follows_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    guest, spare = Guest(site, start=False), site.volume()
    wish = EditWish(
        compute=Compute.by_hand(2, 256, 4, 512),
        interfaces=(*guest.nics, InterfaceEdit(wish=InterfaceWish(subnet=guest.far))),
        volumes=(DiskWish(volume=spare), DiskWish(name="new", size_gib=1)),
    )
    job = instance_edit(actor=site.actor, instance=guest.row, wish=wish)
    assert job
    with monkeypatch.context() as patch:
        sabotage(patch, UpdateInstance, "define", "before", Killed(), times=1)
        assert finish(job, deliver_past_the_kill).status == "succeeded"
    guest.assert_all_agree()
    assert (len(guest.nics), len(guest.disks)) == (2, 2)
    done(guest.edit(compute=guest.compute(vcpus=1, memory_mib=MEMORY_MIB), interfaces=guest.nics[:1], volumes=()))
    guest.assert_all_agree()
    assert set(Volume.objects.filter(attachment=None)) == {spare, Volume.objects.get(name="new")}


def wish_for(guest: Guest, part: str) -> dict[str, Any]:
    """A change of one part, and one of another that goes on whatever becomes of the first."""
    row = guest.row
    nic_more = (*guest.nics, InterfaceEdit(wish=InterfaceWish(subnet=guest.far)))
    disk_more = (*guest.disks, DiskWish(name=f"after {part}", size_gib=1))
    nic_less, disk_less = guest.nics[:-1], guest.disks[:-1]
    wishes: dict[str, dict[str, Any]] = {
        "vcpus": {"compute": guest.compute(vcpus=row.vcpus + 1), "volumes": disk_more},
        "memory": {"compute": guest.compute(memory_mib=row.memory_mib + MEMORY_STEP_MIB), "volumes": disk_less},
        "attach_nic": {"interfaces": nic_more, "volumes": disk_more},
        "detach_nic": {"interfaces": nic_less, "volumes": disk_less},
        "attach_disk": {"volumes": disk_more, "interfaces": nic_more},
        "detach_disk": {"volumes": disk_less, "interfaces": nic_less},
    }
    return wishes[part]


def step_of(job: Job, part: str) -> str:
    """The name of the job's step about a part."""
    return next(step.name for step in UpdateInstance(job).steps if step.name.partition(":")[0] == part)


def test_worker_killed_at_any_step_ends_as_if_it_had_not_been(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = Guest(site)
    for part in PARTS:
        for when in ("before", "after"):
            guest.have_two_of_each()
            job = guest.edit(**wish_for(guest, part))
            with monkeypatch.context() as patch:
                sabotage(patch, UpdateInstance, step_of(job, part), when, Killed(), times=1)
                job = finish(job, deliver_past_the_kill)
            assert (job.status, job.interruptions) == ("succeeded", 1), (part, when, messages(job))
            guest.assert_all_agree()
    guest.assert_sees_what_it_has()


def test_step_that_fails_is_told_and_the_others_go_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = Guest(site)
    for part in PARTS:
        for when in ("before", "after"):
            guest.have_two_of_each()
            job = guest.edit(**wish_for(guest, part))
            with monkeypatch.context() as patch:
                sabotage(patch, UpdateInstance, step_of(job, part), when, OperationFailed("no luck"), times=1)
                job = finish(job)
            assert (job.status, job.error_code) == ("failed", "partly_done"), (part, when)
            told = {step.name.partition(":")[0]: step.status for step in job.steps.all()}
            assert (told.pop(part), set(told.values())) == ("failed", {"succeeded"}), (part, when)
            assert messages(job)[part] == "no luck"
            guest.assert_all_agree()
    guest.assert_sees_what_it_has()
