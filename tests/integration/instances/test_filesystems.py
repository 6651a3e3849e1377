"""File systems as rows: registered, mounted, refused with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils.translation import override

from cloudia.accounts.actor import Actor, shell_actor
from cloudia.accounts.enums import Role
from cloudia.core.errors import InputError, NoCapacity
from cloudia.core.policy import ActionDenied
from cloudia.hosts.models import Host
from cloudia.hosts.placement import Demand, place
from instances import mount_services
from instances.enums import PowerState
from instances.models import Instance, InstanceMount
from instances.mount_policies import stays_on_its_host
from instances.selectors import domain_spec, hosts_for
from networking.services.subnets import subnet_delete
from storage.models import FileSystem, FileSystemPlace
from storage.services.filesystems import filesystem_create, filesystem_delete, filesystem_edit
from tests.factories import (
    ExternalNetworkFactory,
    FileSystemFactory,
    HostFactory,
    InstanceFactory,
    InterfaceFactory,
    MembershipFactory,
    MountFactory,
    StorageDomainFactory,
    SubnetFactory,
    VPCFactory,
    hold,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """The language that reasons are compared in."""
    with override("en"):
        yield


@pytest.fixture
def actor() -> Actor:
    """A manager of a project."""
    return Actor(MembershipFactory.create().user)


@pytest.fixture
def project(actor: Actor) -> Any:
    return actor.user.memberships.get().project


@pytest.fixture
def instance(project: Any) -> Instance:
    """A stopped instance in a VPC with a way out."""
    vpc = VPCFactory.create(project=project, external_network=ExternalNetworkFactory.create())
    made = InstanceFactory.create(project=project, host__features=["virtiofs"])
    InterfaceFactory.create(instance=made, subnet=SubnetFactory.create(project=project, vpc=vpc))
    return made


def shared(project: Any, **values: Any) -> FileSystem:
    return FileSystemFactory.create(project=project, kind="virtiofs", export="", path="/srv/shares/x", **values)


def add(actor: Actor, instance: Instance, filesystem: FileSystem, path: str = "/mnt/x") -> InstanceMount:
    return mount_services.mount_add(actor=actor, instance=instance, filesystem=filesystem, mount_path=path)


def wrong(actor: Actor, instance: Instance, filesystem: FileSystem, path: str = "/mnt/x") -> dict[str, list[str]]:
    before = set(InstanceMount.objects.values_list("pk", flat=True))
    with pytest.raises(InputError) as refused:
        add(actor, instance, filesystem, path)
    assert set(InstanceMount.objects.values_list("pk", flat=True)) == before
    return {field: [error.code for error in errors] for field, errors in refused.value.fields.items()}


def denied(service: Any, **values: Any) -> str:
    with pytest.raises(ActionDenied) as refused:
        service(**values)
    return refused.value.denial.code


# ---- file systems


def test_export_is_registered_at_once(actor: Actor, project: Any) -> None:
    made = filesystem_create(actor=actor, project=project, name=" team ", kind="nfs", export="nfs:/srv", size_gib=4096)
    assert (made.name, made.export, made.size_gib, made.current_job) == ("team", "nfs:/srv", 4096, None)


def test_everything_that_is_wrong_is_said_at_once(actor: Actor, project: Any) -> None:
    FileSystemFactory.create(project=project, name="team")
    foreign = SubnetFactory.create()
    wish: dict[str, Any] = {"name": "team", "kind": "nfs", "export": "nfs", "path": "/x", "size_gib": 0}
    wish["subnet"] = foreign
    with pytest.raises(InputError) as refused:
        filesystem_create(actor=actor, project=project, **wish)
    codes = {field: [error.code for error in errors] for field, errors in refused.value.fields.items()}
    assert codes == {
        "name": ["taken"],
        "size_gib": ["out_of_range"],
        "path": ["not_supported"],
        "export": ["invalid"],
        "subnet": ["not_usable"],
    }


def test_server_must_be_in_the_subnet_that_it_is_said_to_be_in(actor: Actor, project: Any) -> None:
    subnet = SubnetFactory.create(project=project, cidr="10.0.0.0/24")
    with pytest.raises(InputError) as refused:
        filesystem_create(actor=actor, project=project, name="x", kind="nfs", export="10.1.0.5:/srv", subnet=subnet)
    assert [error.code for error in refused.value.fields["subnet"]] == ["outside"]


def test_directories_of_hosts_are_shared_by_operators_alone(actor: Actor, project: Any, settings: LazySettings) -> None:
    settings.VIRTIOFS_ROOTS = ["/srv/shares"]
    wish = {"project": project, "name": "x", "kind": "virtiofs", "path": "/srv/shares/x"}
    assert denied(filesystem_create, actor=actor, **wish) == "permission_denied"
    made = filesystem_create(actor=shell_actor(), **wish)
    assert made.current_job
    assert made.current_job.kind == "filesystem.create"
    assert denied(filesystem_delete, actor=shell_actor(), filesystem=made) == "busy"


def test_mounted_file_system_is_not_deleted(actor: Actor, project: Any) -> None:
    mount = MountFactory.create(instance__project=project)
    assert denied(filesystem_delete, actor=actor, filesystem=mount.filesystem) == "in_use"
    mount.delete()
    filesystem_delete(actor=actor, filesystem=mount.filesystem)
    assert not FileSystem.objects.exists()


def test_edit_changes_what_guests_do_not_notice(actor: Actor, project: Any) -> None:
    row = FileSystemFactory.create(project=project, size_gib=5)
    filesystem_edit(actor=actor, filesystem=row, name="renamed", size_gib=None)
    row.refresh_from_db()
    assert (row.name, row.size_gib) == ("renamed", None)
    with pytest.raises(InputError):
        filesystem_edit(actor=actor, filesystem=row, name="")


def test_subnet_of_a_server_is_not_deleted(actor: Actor, project: Any) -> None:
    subnet = SubnetFactory.create(project=project)
    FileSystemFactory.create(project=project, subnet=subnet)
    assert denied(subnet_delete, actor=actor, subnet=subnet) == "in_use"


# ---- mounts


def test_stopped_instance_mounts_moves_and_forgets(actor: Actor, instance: Instance) -> None:
    mount = add(actor, instance, FileSystemFactory.create(project=instance.project), " /mnt/x ")
    assert mount.mount_path == "/mnt/x"
    mount_services.mount_edit(actor=actor, instance=instance, mount=mount, mount_path="/mnt/x/y")
    assert instance.mounts.get().mount_path == "/mnt/x/y"
    mount_services.mount_remove(actor=actor, instance=instance, mount=mount)
    assert not instance.mounts.exists()
    assert FileSystem.objects.exists()
    assert denied(mount_services.mount_remove, actor=actor, instance=instance, mount=mount) == "gone"


@pytest.mark.parametrize("state", sorted(set(PowerState) - {PowerState.STOPPED, PowerState.CRASHED}))
def test_mounts_change_only_while_stopped(actor: Actor, instance: Instance, state: str) -> None:
    mount = MountFactory.create(instance=instance)
    Instance.objects.filter(pk=instance.pk).update(power_state=state)
    other = FileSystemFactory.create(project=instance.project)
    wish = {"actor": actor, "instance": instance}
    assert denied(mount_services.mount_add, filesystem=other, mount_path="/mnt/o", **wish) == "bad_state"
    assert denied(mount_services.mount_edit, mount=mount, mount_path="/mnt/o", **wish) == "bad_state"
    assert denied(mount_services.mount_remove, mount=mount, **wish) == "bad_state"
    assert instance.mounts.get() == mount


def test_others_do_not_mount(instance: Instance) -> None:
    row = FileSystemFactory.create(project=instance.project)
    viewer = Actor(MembershipFactory.create(project=instance.project, role=Role.VIEWER).user)
    wish = {"instance": instance, "filesystem": row, "mount_path": "/mnt/x"}
    assert denied(mount_services.mount_add, actor=viewer, **wish) == "permission_denied"
    manager = Actor(MembershipFactory.create(project=instance.project).user)
    hold(instance)
    assert denied(mount_services.mount_add, actor=manager, **wish) == "busy"
    Instance.objects.update(current_job=None, origin="kubernetes")
    assert denied(mount_services.mount_add, actor=manager, **wish) == "managed"


def test_one_file_system_once_and_no_folder_in_another(actor: Actor, instance: Instance) -> None:
    first = MountFactory.create(instance=instance, mount_path="/mnt/x").filesystem
    assert wrong(actor, instance, first, "/data") == {"filesystem": ["duplicate"]}
    other = FileSystemFactory.create(project=instance.project)
    for path in ("/mnt/x", "/mnt/x/y", "/mnt"):
        assert wrong(actor, instance, other, path) == {"mount_path": ["taken"]}
    assert add(actor, instance, other, "/mnt/xy")


def test_file_system_of_another_project_is_refused(actor: Actor, instance: Instance) -> None:
    assert wrong(actor, instance, FileSystemFactory.create(), "/") == {
        "filesystem": ["other_project"],
        "mount_path": ["invalid"],
    }


def test_server_in_a_subnet_is_reached_from_its_vpc_alone(actor: Actor, instance: Instance) -> None:
    vpc = instance.nics[0].subnet.vpc
    beside = SubnetFactory.create(project=instance.project, vpc=vpc, cidr="10.9.0.0/24")
    elsewhere = SubnetFactory.create(project=instance.project, name="storage", cidr="10.9.0.0/24")
    assert wrong(actor, instance, FileSystemFactory.create(project=instance.project, subnet=elsewhere)) == {
        "filesystem": ["unreachable_subnet"]
    }
    assert add(actor, instance, FileSystemFactory.create(project=instance.project, subnet=beside))


def test_server_outside_needs_a_way_out(actor: Actor, instance: Instance) -> None:
    type(instance.nics[0].subnet.vpc).objects.update(external_network=None)
    row = FileSystemFactory.create(project=instance.project)
    assert wrong(actor, instance, row) == {"filesystem": ["unreachable_subnet"]}
    lonely = InstanceFactory.create(project=instance.project)
    assert wrong(actor, lonely, row) == {"filesystem": ["unreachable_subnet"]}


def test_directory_must_be_on_the_instance_s_host(actor: Actor, instance: Instance) -> None:
    row = shared(instance.project)
    assert wrong(actor, instance, row) == {"filesystem": ["not_on_host"]}
    assert instance.host
    FileSystemPlace.objects.create(filesystem=row, host=instance.host, usable=False)
    assert wrong(actor, instance, row) == {"filesystem": ["not_on_host"]}
    FileSystemPlace.objects.update(usable=True)
    assert add(actor, instance, row)
    spec = domain_spec(instance, instance.host)
    assert [(one.tag, one.path) for one in spec.filesystems] == [(row.tag, row.path)]
    assert stays_on_its_host(instance.mounts.select_related("filesystem"))


def test_placement_knows_where_directories_are(instance: Instance) -> None:
    with_it, without = HostFactory.create(features=["virtiofs"]), HostFactory.create(features=["virtiofs"])
    old = HostFactory.create()
    domain = StorageDomainFactory.create(hosts=[with_it, without, old])
    instance.image.storage_domain = domain
    row = shared(instance.project, name="scratch")
    FileSystemPlace.objects.create(filesystem=row, host=with_it, usable=True)
    assert place(Demand(1, 512), hosts_for(instance.image, [row])) == with_it
    Host.objects.filter(pk=with_it.pk).update(reachable=False)
    with pytest.raises(NoCapacity) as refused:
        place(Demand(1, 512), hosts_for(instance.image, [row]))
    assert "“scratch” is not there" in str(refused.value.message)
    assert "no VirtioFS" in str(refused.value.message)
