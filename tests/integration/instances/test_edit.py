"""Editing instances: what changes, what is said beforehand, what is refused and where."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloudia.accounts import quotas
from cloudia.core.errors import NoCapacity
from cloudia.hosts.models import Host
from cloudia.jobs.models import Job
from instances.disk_wishes import DiskWish
from instances.edit_operations import UpdateInstance
from instances.edit_services import instance_edit, instance_edit_plan
from instances.edits import EditWish, InterfaceEdit, Regroup, compute_of
from instances.enums import PowerState
from instances.models import Instance, InstanceInterface
from instances.mounts import MountWish
from networking.models import NetworkInterface
from networking.services.interfaces import InterfaceWish
from storage.models import Volume
from tests.factories import (
    AffinityGroupFactory,
    BootDiskFactory,
    DataDiskFactory,
    FileSystemFactory,
    HostFactory,
    ImageFactory,
    InstanceTypeFactory,
    InterfaceFactory,
    MountFactory,
    SecurityGroupFactory,
    StorageDomainFactory,
    SubnetFactory,
    VolumeFactory,
)
from tests.integration.networking.tenant import Tenant, denial, faults, written

pytestmark = pytest.mark.django_db


class Site(Tenant):
    """An instance of 2 vCPUs (at most 4) and 1 GiB (at most 4 GiB), with two interfaces and one data disk."""

    def __init__(self, state: PowerState = PowerState.STOPPED) -> None:
        super().__init__()
        self.host = HostFactory.create(cpus=8, memory_mib=16384)
        self.domain = StorageDomainFactory.create(hosts=[self.host])
        self.image = ImageFactory.create(storage_domain=self.domain)
        boot = BootDiskFactory.create(
            instance__name="web",
            instance__project=self.project,
            instance__image=self.image,
            instance__host=self.host,
            instance__vcpus=2,
            instance__max_vcpus=4,
            instance__memory_mib=1024,
            instance__max_memory_mib=4096,
            instance__power_state=state,
        )
        self.instance: Instance = boot.instance
        self.near = SubnetFactory.create(project=self.project)
        self.far = SubnetFactory.create(project=self.project, vpc=self.near.vpc, cidr="10.1.0.0/24")
        self.first = InterfaceFactory.create(instance=self.instance, subnet=self.near)
        self.second = InterfaceFactory.create(instance=self.instance, subnet=self.near, position=1)
        self.data = DataDiskFactory.create(instance=self.instance, volume__storage_domain=self.domain)

    def volume(self, **values: Any) -> Volume:
        return VolumeFactory.create(project=self.project, storage_domain=self.domain, **values)

    def edit(self, **values: Any) -> Job | None:
        return instance_edit(actor=self.actor, instance=self.instance, wish=EditWish(**values))

    def plan(self, **values: Any) -> list[tuple[Any, ...]]:
        """Each change as field, before, after, when."""
        changes = instance_edit_plan(actor=self.actor, instance=self.instance, wish=EditWish(**values))
        return [(it.field, it.before, it.after, it.applies.value, it.code) for it in changes]

    def compute(self, **values: Any) -> Any:
        """What it has, with differences."""
        return replace(compute_of(self.instance), **values)

    def now(self) -> Instance:
        return Instance.objects.get(pk=self.instance.pk)


def as_is(link: InstanceInterface, **values: Any) -> InterfaceEdit:
    """An interface as it is, with differences."""
    nic = NetworkInterface.objects.get(pk=link.interface_id)
    same = {"subnet": nic.subnet, "security_groups": tuple(nic.security_groups.all())}
    return InterfaceEdit(link=link, wish=InterfaceWish(**{**same, **values}))


@pytest.fixture
def stopped() -> Site:
    return Site()


@pytest.fixture
def running() -> Site:
    return Site(PowerState.RUNNING)


def params(job: Job | None) -> dict[str, Any]:
    """What a job was given to do."""
    assert job is not None
    assert job.kind == UpdateInstance.kind
    return dict(job.params)


def test_name_and_description_change_at_once_without_a_job(running: Site) -> None:
    assert running.edit(name=" www ", description="front") is None
    row = running.now()
    assert (row.name, row.description) == ("www", "front")
    assert set(NetworkInterface.objects.values_list("owner_name", flat=True)) == {"www"}
    assert written() == [("instance.edit", "done", "")]


def test_edit_that_changes_nothing_makes_no_job(stopped: Site) -> None:
    same = {"compute": stopped.compute(), "volumes": (DiskWish(volume=stopped.data.volume),)}
    assert stopped.plan(**same) == []
    assert stopped.edit(**same) is None


def test_stopped_instance_takes_any_size_with_its_next_start(stopped: Site) -> None:
    wish = stopped.compute(vcpus=1, memory_mib=512, max_vcpus=8, max_memory_mib=8192)
    assert stopped.plan(compute=wish) == [
        ("vcpus", 2, 1, "next_start", ""),
        ("memory_mib", 1024, 512, "next_start", ""),
        ("max_vcpus", 4, 8, "next_start", ""),
        ("max_memory_mib", 4096, 8192, "next_start", ""),
    ]
    assert params(stopped.edit(compute=wish)) == {"define": True}
    row = stopped.now()
    assert (row.vcpus, row.memory_mib, row.max_vcpus, row.max_memory_mib) == (1, 512, 8, 8192)


def test_running_instance_grows_now(running: Site) -> None:
    wish = running.compute(vcpus=3, memory_mib=1024 + 256)
    assert running.plan(compute=wish) == [("vcpus", 2, 3, "now", ""), ("memory_mib", 1024, 1280, "now", "")]
    job = params(running.edit(compute=wish))
    assert job == {"vcpus": {"from": 2, "to": 3}, "memory_mib": {"from": 1024, "to": 1280}, "define": False}
    assert (running.now().vcpus, running.now().memory_mib) == (3, 1280)


@pytest.mark.parametrize(
    ("field", "value"), [("vcpus", 1), ("memory_mib", 512), ("max_vcpus", 8), ("max_memory_mib", 8192)]
)
def test_running_instance_changes_no_size_otherwise(running: Site, field: str, value: int) -> None:
    wish = running.compute(**{field: value})
    assert [change[-2:] for change in running.plan(compute=wish)] == [("never", "bad_state")]
    assert faults(lambda: running.edit(compute=wish)) == {(field, "bad_state")}
    assert getattr(running.now(), field) == getattr(running.instance, field)
    assert not Job.objects.exists()


def test_growth_beyond_the_maximum_is_said_where_it_was_entered(running: Site) -> None:
    assert faults(lambda: running.edit(compute=running.compute(vcpus=5))) == {("vcpus", "above_maximum")}
    more = running.compute(memory_mib=4096 + 128)
    assert faults(lambda: running.edit(compute=more)) == {("memory_mib", "above_maximum")}


def test_memory_of_a_running_guest_grows_in_steps(running: Site, stopped: Site) -> None:
    assert faults(lambda: running.edit(compute=running.compute(memory_mib=1100))) == {("memory_mib", "memory_step")}
    assert stopped.edit(compute=stopped.compute(memory_mib=1100))


def test_running_guest_grows_only_where_its_host_has_room(running: Site, stopped: Site) -> None:
    Host.objects.update(memory_mib=2048)
    with pytest.raises(NoCapacity):
        running.edit(compute=running.compute(memory_mib=4096))
    assert running.now().memory_mib == 1024
    assert stopped.edit(compute=stopped.compute(memory_mib=4096))  # takes no room before it starts


def test_growth_is_counted_against_the_quota_and_shrinking_is_not(stopped: Site) -> None:
    stopped.limit("vcpus", 2)
    assert faults(lambda: stopped.edit(compute=stopped.compute(vcpus=3))) == {("vcpus", "quota_exceeded")}
    assert stopped.edit(compute=stopped.compute(vcpus=1))
    assert quotas.level(stopped.project, "vcpus").used == 1


def test_cores_are_chosen_while_stopped_and_a_grown_guest_keeps_them(stopped: Site) -> None:
    wish = stopped.compute(vcpus=2, max_vcpus=4, threads=1, cores=2)
    assert stopped.plan(compute=wish) == [
        ("threads_per_core", None, 1, "next_start", ""),
        ("cores", None, 2, "next_start", ""),
    ]
    assert params(stopped.edit(compute=wish)) == {"define": True}
    assert (stopped.now().threads_per_core, stopped.now().cores_per_socket) == (1, 2)
    Job.objects.all().delete()
    Instance.objects.update(current_job=None, power_state=PowerState.RUNNING)
    stopped.instance = stopped.now()
    assert faults(lambda: stopped.edit(compute=stopped.compute(cores=1))) == {("cores", "bad_state")}
    assert stopped.edit(compute=stopped.compute(vcpus=3))
    Job.objects.all().delete()
    Instance.objects.update(current_job=None, power_state=PowerState.STOPPED)
    stopped.instance = stopped.now()
    assert stopped.edit(compute=stopped.compute(memory_mib=512))
    assert (stopped.now().vcpus, stopped.now().cores_per_socket) == (3, 2)


def test_cores_must_make_the_vcpus(stopped: Site) -> None:
    assert faults(lambda: stopped.edit(compute=stopped.compute(vcpus=3, threads=2, cores=1))) == {
        ("cores", "topology"),
        ("max_vcpus", "topology"),
    }


def test_type_is_chosen_while_stopped_and_left_when_the_size_differs(stopped: Site) -> None:
    kind = InstanceTypeFactory.create(name="small", vcpus=1, memory_mib=512)
    wish = stopped.compute(vcpus=1, memory_mib=512, instance_type=kind)
    assert ("instance_type", None, "small", "next_start", "") in stopped.plan(compute=wish)
    stopped.edit(compute=wish)
    assert stopped.now().instance_type == kind


def test_interfaces_of_a_stopped_instance_become_what_was_wished(stopped: Site) -> None:
    group = SecurityGroupFactory.create(project=stopped.project)
    wish = (
        as_is(stopped.first, subnet=stopped.far, security_groups=(group,)),
        InterfaceEdit(wish=InterfaceWish(subnet=stopped.near)),
        InterfaceEdit(wish=InterfaceWish(subnet=stopped.near, address=stopped.second.interface.address)),
    )
    fields = [(field, when) for field, _before, _after, when, _code in stopped.plan(interfaces=wish)]
    assert fields == [
        ("interfaces.0.subnet", "next_start"),
        ("interfaces.0.security_groups", "now"),
        ("interfaces.1", "next_start"),
        ("interfaces.2", "next_start"),
        ("interfaces", "next_start"),
    ]
    assert params(stopped.edit(interfaces=wish)) == {"define": True}
    rows = [(link.position, link.interface.subnet, link.interface.address) for link in stopped.now().interfaces.all()]
    assert rows == [(0, stopped.far, "10.1.0.2"), (1, stopped.near, "10.0.0.3"), (2, stopped.near, "10.0.0.2")]
    assert not InstanceInterface.objects.filter(pk=stopped.second.pk).exists()


def test_running_instance_gets_and_loses_secondary_interfaces(running: Site) -> None:
    wish = (as_is(running.first), InterfaceEdit(wish=InterfaceWish(subnet=running.far)))
    job = params(running.edit(interfaces=wish))
    (new,) = NetworkInterface.objects.filter(subnet=running.far)
    assert (job["attach_nics"], job["detach_nics"]) == ([str(new.pk)], [str(running.second.interface_id)])
    assert running.now().interfaces.count() == 3  # the one that goes has its address until the guest has let go of it


def test_first_interface_is_never_removed(stopped: Site, running: Site) -> None:
    for site in (stopped, running):
        assert faults(lambda site=site: site.edit(interfaces=(as_is(site.second),))) == {  # type: ignore[misc]
            ("interfaces", "primary_interface")
        }
        assert site.now().interfaces.count() == 2


def test_subnet_and_address_stay_while_it_runs_and_groups_do_not(running: Site) -> None:
    group = SecurityGroupFactory.create(project=running.project)
    moved = (as_is(running.first), as_is(running.second, subnet=running.far))
    assert faults(lambda: running.edit(interfaces=moved)) == {("interfaces.1.subnet", "bad_state")}
    guarded = (as_is(running.first, security_groups=(group,)), as_is(running.second))
    assert running.edit(interfaces=guarded) is None
    assert list(running.first.interface.security_groups.all()) == [group]


def test_wrong_interfaces_are_said_where_they_stand(stopped: Site) -> None:
    elsewhere = SubnetFactory.create(project=stopped.project)
    taken = InterfaceWish(subnet=stopped.near, address=stopped.first.interface.address)
    rows: tuple[InterfaceEdit, ...] = (as_is(stopped.first), as_is(stopped.second), InterfaceEdit(wish=taken))
    assert faults(lambda: stopped.edit(interfaces=rows)) == {("interfaces.2.ip_address", "taken")}
    rows = (as_is(stopped.first), as_is(stopped.second, subnet=elsewhere))
    assert faults(lambda: stopped.edit(interfaces=rows)) == {("interfaces.1.subnet", "other_vpc")}
    foreign = InterfaceFactory.create(subnet=stopped.near)
    rows = (as_is(stopped.first), as_is(stopped.second), InterfaceEdit(wish=taken, link=foreign))
    assert ("interfaces.2", "gone") in faults(lambda: stopped.edit(interfaces=rows))
    rows = (as_is(stopped.first), as_is(stopped.second), as_is(stopped.second))
    assert faults(lambda: stopped.edit(interfaces=rows)) == {("interfaces.2", "duplicate")}


@pytest.mark.parametrize("state", [PowerState.STOPPED, PowerState.RUNNING])
def test_data_disks_are_attached_made_and_detached_by_the_job(state: PowerState) -> None:
    site = Site(state)
    spare = site.volume(name="spare")
    wish = (DiskWish(volume=spare), DiskWish(name="logs", size_gib=5))
    when = "now" if state == PowerState.RUNNING else "next_start"
    assert [change[:4] for change in site.plan(volumes=wish)] == [
        ("volumes.0", None, "spare", when),
        ("volumes.1", None, "logs · 5 GiB", when),
        ("volumes", site.data.volume.name, None, when),
    ]
    job = params(site.edit(volumes=wish))
    new = Volume.objects.get(name="logs")
    assert (job["attach_disks"], job["detach_disks"]) == ([str(spare.pk), str(new.pk)], [str(site.data.volume_id)])
    assert site.now().disks.count() == 4  # until the job has taken one away
    held = Volume.objects.filter(current_job__isnull=False)
    assert set(held) == {spare, new, site.data.volume}


def test_boot_disk_stays_whatever_is_listed(stopped: Site) -> None:
    boot = stopped.now().disks.get(is_boot=True).volume
    assert stopped.edit(volumes=(DiskWish(volume=boot), DiskWish(volume=stopped.data.volume))) is None
    job = params(stopped.edit(volumes=()))
    assert job["detach_disks"] == [str(stopped.data.volume_id)]


def test_volume_that_another_instance_has_is_refused_where_it_stands(stopped: Site) -> None:
    theirs = DataDiskFactory.create(
        instance__project=stopped.project, instance__image=stopped.image, volume__storage_domain=stopped.domain
    )
    wish = (DiskWish(volume=stopped.data.volume), DiskWish(volume=theirs.volume), DiskWish(name="", size_gib=0))
    assert faults(lambda: stopped.edit(volumes=wish)) == {
        ("volumes.1", "in_use"),
        ("volumes.2.name", "required"),
        ("volumes.2.size_gib", "out_of_range"),
    }


def test_file_systems_change_while_stopped_and_may_swap_their_folders(stopped: Site) -> None:
    one, other, third = (
        FileSystemFactory.create(project=stopped.project, subnet=stopped.near, name=name) for name in "abc"
    )
    MountFactory.create(instance=stopped.instance, filesystem=one, mount_path="/mnt/a")
    MountFactory.create(instance=stopped.instance, filesystem=other, mount_path="/mnt/b")
    swapped = (MountWish(filesystem=one, mount_path="/mnt/b"), MountWish(filesystem=other, mount_path="/mnt/a"))
    stopped.edit(filesystems=swapped)
    assert dict(stopped.now().mounts.values_list("filesystem__name", "mount_path")) == {"a": "/mnt/b", "b": "/mnt/a"}
    Job.objects.all().delete()
    stopped.edit(filesystems=(MountWish(filesystem=third, mount_path="/mnt/a"),))
    assert dict(stopped.now().mounts.values_list("filesystem__name", "mount_path")) == {"c": "/mnt/a"}


def test_file_systems_stay_while_it_runs(running: Site) -> None:
    share = FileSystemFactory.create(project=running.project, subnet=running.near)
    wish = (MountWish(filesystem=share, mount_path="/mnt/a"),)
    assert faults(lambda: running.edit(filesystems=wish)) == {("filesystems.0.filesystem", "bad_state")}
    wrong = (MountWish(filesystem=share, mount_path="/etc"),)
    stopped = Site()
    assert ("filesystems.0.mount_path", "reserved") in faults(lambda: stopped.edit(filesystems=wrong))


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_done(running: Site) -> None:
    found = faults(
        lambda: running.edit(
            name="", compute=running.compute(vcpus=9, max_memory_mib=1), interfaces=(as_is(running.second),)
        )
    )
    assert {field for field, _code in found} == {"name", "vcpus", "max_memory_mib", "interfaces"}
    assert written() == [("instance.edit", "refused", "invalid")]


def test_affinity_group_changes_while_stopped(stopped: Site, running: Site) -> None:
    group = AffinityGroupFactory.create(project=stopped.project, name="apart")
    assert stopped.plan(regroup=Regroup(group)) == [("affinity_group", None, "apart", "now", "")]
    assert stopped.edit(regroup=Regroup(group)) is None
    assert stopped.now().affinity_group == group
    assert stopped.edit(regroup=Regroup(None)) is None
    assert stopped.now().affinity_group is None
    theirs = AffinityGroupFactory.create(project=running.project)
    assert faults(lambda: running.edit(regroup=Regroup(theirs))) == {("affinity_group", "bad_state")}
    assert {field for field, _code in faults(lambda: stopped.edit(regroup=Regroup(theirs)))} == {"affinity_group"}


def test_plan_changes_nothing(running: Site) -> None:
    running.plan(name="www", compute=running.compute(vcpus=3), volumes=(), interfaces=(as_is(running.first),))
    assert (running.now().name, running.now().vcpus) == ("web", 2)
    assert not Job.objects.exists()
    assert written() == []


def test_second_edit_waits_for_the_first(running: Site) -> None:
    running.edit(compute=running.compute(vcpus=3))
    assert denial(lambda: running.edit(name="other")).code == "busy"
