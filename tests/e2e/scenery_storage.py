"""The storage of the gallery: images and volumes in every state, and some whose names try to break pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

GIB = 2**30
LONG = "ubuntu-24.04-서울리전-결제정산-보안점검완료-2026년-하반기-표준-이미지-최종"
TEXT = "보안 점검을 마친 사내 표준 이미지"
ARCHIVE = "결제정산-원장-보관용-데이터-볼륨-2026년-하반기-서울리전"
EMPTY = {"virtual_bytes": 0, "file_bytes": 0}
IMAGES: dict[str, dict[str, Any]] = {
    LONG: {"os_type": "Ubuntu", "os_version": "24.04", "description": TEXT, "virtual_bytes": 20 * GIB},
    "rocky-8-golden": {"os_type": "Rocky", "os_version": "8", "deprecated": True, "virtual_bytes": 10 * GIB},
    "debian-13-uploading": {"status": "uploading", "os_version": "13", **EMPTY},
    "fedora-44-import": {
        "status": "importing",
        "os_type": "Fedora",
        "os_version": "44",
        "virtual_bytes": 0,
        "file_bytes": 0,
    },
    "centos-7-broken": {
        "status": "failed",
        "os_type": "CentOS",
        "os_version": "7",
        "virtual_bytes": 0,
        "file_bytes": 0,
    },
}
VOLUMES: dict[str, dict[str, Any]] = {
    ARCHIVE: {"size_gib": 2048, "description": "분기마다 다른 인스턴스에 연결"},
    "scratch-01": {"size_gib": 50},
    "volume-creating": {"size_gib": 100, "status": "creating"},
    "volume-broken": {"size_gib": 10, "status": "failed"},
}
ATTACHED = "postgres-data-01"
SLOW = "nfs-hdd-보관"
DATABASE = "db-primary-postgresql-15-서울리전-결제정산-운영"
DESCRIPTIONS = (str(values["description"]) for values in VOLUMES.values() if "description" in values)
WORDS = (LONG, TEXT, ARCHIVE, SLOW, *IMAGES, *VOLUMES, *DESCRIPTIONS)


def storage(project: Any, instances: list[Any], user: Any) -> dict[str, str]:
    """Images and volumes of ``project``; their ids by name."""
    from storage.models import StorageDomain  # after django.setup

    domain = StorageDomain.objects.get(name="nfs-ssd-01")
    images = _images(project, domain, user)
    volumes = _volumes(project, domain, instances, user)
    return {name: str(row.pk) for name, row in {**images, **volumes}.items()}


def _images(project: Any, domain: Any, user: Any) -> dict[str, Any]:
    from tests.factories import ImageFactory, UploadFactory, hold

    made = {
        name: ImageFactory.create(name=name, project=project, storage_domain=domain, created_by=user, **values)
        for name, values in IMAGES.items()
    }
    made[LONG].sha256 = "9b2c5e7d" * 8
    made[LONG].save()
    uploading = made["debian-13-uploading"]
    UploadFactory.create(image=uploading, length_bytes=1024**3, received_bytes=round(0.437 * 1024**3))
    hold(made["fedora-44-import"], "image.import", requested_by=user, progress=60)
    _fail(made["centos-7-broken"], "image.finish", user, "checksum_mismatch")
    return {**made, "image-long": made[LONG]}


def _volumes(project: Any, domain: Any, instances: list[Any], user: Any) -> dict[str, Any]:
    from tests.factories import DataDiskFactory, StorageDomainFactory, VolumeFactory, hold

    hosts = list(domain.hosts.all())
    slow = StorageDomainFactory.create(name=SLOW, kind="shared_dir", media="hdd", hosts=hosts)
    places = {ARCHIVE: slow}
    made = {
        name: VolumeFactory.create(
            name=name, project=project, storage_domain=places.get(name, domain), created_by=user, **values
        )
        for name, values in VOLUMES.items()
    }
    hold(made["volume-creating"], "volume.create", requested_by=user)
    _fail(made["volume-broken"], "volume.create", user, "no_space")
    data = VolumeFactory.create(name=ATTACHED, project=project, storage_domain=domain, size_gib=500)
    DataDiskFactory.create(instance=next(one for one in instances if one.name == DATABASE), volume=data)
    return {**made, "volume-attached": data, "volume-long": made[ARCHIVE]}


def _fail(row: Any, kind: str, user: Any, code: str) -> None:
    """Its last job broke."""
    from django.utils import timezone

    from cloudia.core.text import in_every_language
    from cloudia.virt.errors import no_space
    from tests.factories import JobFactory

    began = timezone.now() - timedelta(days=3)
    times = {"created_at": began, "started_at": began, "finished_at": began + timedelta(seconds=12)}
    error = {"error_code": code, "error_texts": in_every_language(no_space().message)}
    job = JobFactory.create(target=row, kind=kind, status="failed", requested_by=user, **times, **error)
    type(row).objects.filter(pk=row.pk).update(current_job=job)


def hostile_storage(project: Any, instance: Any, name: str) -> dict[str, str]:
    """Everything is called ``name``."""
    from tests.factories import DataDiskFactory, ImageFactory, UploadFactory, VolumeFactory

    domain = instance.image.storage_domain
    given: dict[str, Any] = {"project": project, "storage_domain": domain, "name": name, "description": name}
    system = {"os_type": name[:64], "os_version": name[:64]}
    image = ImageFactory.create(**given, **system)
    UploadFactory.create(image=ImageFactory.create(**given, **system, status="uploading"))
    volume = VolumeFactory.create(**given, image=image)
    DataDiskFactory.create(instance=instance, volume=volume)
    ids = {"hostile_image": image, "hostile_volume": volume}
    return {key: str(row.pk) for key, row in ids.items()}
