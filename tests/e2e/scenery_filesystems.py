"""The file systems of the gallery, who mounts them, and an instance with many disks."""

from __future__ import annotations

from typing import Any

ARCHIVE = "결제정산-증빙-문서-공유-폴더-2026년-하반기-서울리전"
EXPORT = "nfs-archive.internal.example.com:/export/commerce/settlement/2026/second-half/documents"
TEXT = "증빙 문서. 여러 인스턴스가 함께 씁니다."
KINDS: dict[str, dict[str, Any]] = {
    ARCHIVE: {"export": EXPORT, "size_gib": 2048, "description": TEXT},
    "home": {"export": "10.20.2.30:/srv/home"},
    "models": {"kind": "virtiofs", "export": "", "path": "/srv/cloudia/models", "size_gib": 500},
    "unused": {"export": "10.20.2.30:/srv/unused", "size_gib": 100},
}
MOUNTED_BY = "batch-settlement-nightly"
MOUNT_PATHS = {ARCHIVE: "/srv/settlement/2026/second-half/documents/evidence", "models": "/srv/models"}
MANY_DISKS = "db-replica-01"
LONG_DISK = "db-replica-결제정산-원장-복제본-데이터-볼륨-2026년-하반기-서울리전"
WORDS = (ARCHIVE, EXPORT, TEXT, LONG_DISK)


def filesystems(project: Any, instances: list[Any], hosts: list[Any], user: Any) -> dict[str, str]:
    """File systems of ``project``; their ids by name."""
    from networking.models import Subnet  # after django.setup
    from tests.factories import FileSystemFactory, MountFactory

    by_name = {instance.name: instance for instance in instances}
    made = {
        name: FileSystemFactory.create(name=name, project=project, created_by=user, **values)
        for name, values in KINDS.items()
    }
    made["home"].subnet = Subnet.objects.get(name="subnet-db", project=project)
    made["home"].save()
    _places(made["models"], hosts)
    for name, path in MOUNT_PATHS.items():
        MountFactory.create(instance=by_name[MOUNTED_BY], filesystem=made[name], mount_path=path)
    for name in ("db-replica-01", "bastion-01"):
        MountFactory.create(instance=by_name[name], filesystem=made[ARCHIVE], mount_path="/srv/documents")
    _disks(by_name[MANY_DISKS])
    ids = {"filesystem-long": made[ARCHIVE], "filesystem-shared": made["models"], "filesystem-unused": made["unused"]}
    return {name: str(row.pk) for name, row in ids.items()}


def _places(filesystem: Any, hosts: list[Any]) -> None:
    """It is on two hosts; a third one does not have it."""
    from django.utils import timezone
    from django.utils.text import format_lazy
    from django.utils.translation import gettext_lazy

    from cloudia.core.text import in_every_language

    for host in hosts[:3]:
        filesystem.places.create(host=host, usable=True, checked_at=timezone.now())
    problem = format_lazy(gettext_lazy("{path} is not a directory on the host."), path=filesystem.path)
    texts = in_every_language(problem)
    filesystem.places.filter(host=hosts[2]).update(usable=False, problem_texts=texts)


def _disks(instance: Any) -> None:
    """Three data disks beside the boot disk."""
    from tests.factories import DataDiskFactory, VolumeFactory

    place = {"project": instance.project, "storage_domain": instance.image.storage_domain}
    for position, (name, size_gib) in enumerate({LONG_DISK: 2048, "wal": 100, "temp": 50}.items(), 1):
        volume = VolumeFactory.create(name=name, size_gib=size_gib, **place)
        DataDiskFactory.create(instance=instance, volume=volume, position=position)


def hostile_filesystems(project: Any, instance: Any, name: str) -> dict[str, str]:
    """Everything is called ``name``."""
    from tests.factories import FileSystemFactory, MountFactory

    values = {"name": name, "description": name, "export": f"nfs.example:/{name}"}
    filesystem = FileSystemFactory.create(project=project, **values)
    MountFactory.create(instance=instance, filesystem=filesystem, mount_path=f"/srv/{'w' * 200}")
    return {"hostile_filesystem": str(filesystem.pk)}
