"""Storage domains and what lies in them."""

# mypy: disable-error-code="no-untyped-call"
# (factory_boy's declarations have no annotations)

from __future__ import annotations

from collections.abc import Iterable

from factory.declarations import (
    LazyAttribute,
    PostGeneration,
    Sequence,
    SubFactory,
)
from factory.django import DjangoModelFactory

from cloudia.hosts.models import Host
from storage.enums import FileSystemKind, ImageStatus
from storage.models import FileSystem, Image, StorageAttachment, StorageDomain, Upload, Volume
from tests.factories.people import ProjectFactory

GIB = 2**30


class StorageDomainFactory(DjangoModelFactory[StorageDomain]):
    """A folder; ``hosts=[…]`` attaches it there."""

    class Meta:
        model = StorageDomain
        skip_postgeneration_save = True

    name = Sequence(lambda n: f"dir-{n:02}")
    path = LazyAttribute(lambda domain: f"/var/lib/cloudia/{domain.name}")

    hosts = PostGeneration(lambda domain, create, hosts: _attach(domain, hosts or ()))


def _attach(domain: StorageDomain, hosts: Iterable[Host]) -> None:
    for host in hosts:
        StorageAttachment.objects.create(
            domain=domain, host=host, active=True, capacity_bytes=1000 * GIB, available_bytes=600 * GIB
        )


class ImageFactory(DjangoModelFactory[Image]):
    """A public image that is ready."""

    class Meta:
        model = Image

    name = Sequence(lambda n: f"image-{n}")
    storage_domain = SubFactory(StorageDomainFactory)
    os_type = "Debian"
    os_version = "12"
    status = ImageStatus.AVAILABLE
    virtual_bytes = 4 * GIB
    file_bytes = GIB // 2


class UploadFactory(DjangoModelFactory[Upload]):
    """A file of 8 MiB that has just begun to come in, for an image of a project."""

    class Meta:
        model = Upload

    image = SubFactory(ImageFactory, status=ImageStatus.UPLOADING, project=SubFactory(ProjectFactory))
    length_bytes = 8 * 2**20


class VolumeFactory(DjangoModelFactory[Volume]):
    """A data volume that nothing uses."""

    class Meta:
        model = Volume

    name = Sequence(lambda n: f"data-{n}")
    project = SubFactory(ProjectFactory)
    storage_domain = SubFactory(StorageDomainFactory)
    size_gib = 10


class FileSystemFactory(DjangoModelFactory[FileSystem]):
    """An NFS export that every subnet may reach."""

    class Meta:
        model = FileSystem

    name = Sequence(lambda n: f"share-{n}")
    project = SubFactory(ProjectFactory)
    kind = FileSystemKind.NFS
    export = "nfs.example:/srv/share"
