"""What can be asked about storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.models import Project
from cloudia.core.errors import HostUnreachable
from cloudia.core.policy import Holder
from cloudia.core.querysets import Viewer
from cloudia.hosts.models import Host
from storage.enums import ImageStatus
from storage.models import Image, StorageDomain, Upload, Volume
from storage.space import growing_gib


def image_like(name: str, sha256: str, project: Project | None = None) -> Image | None:
    """The project's (or public) image that was made of the same file under the same name, if it is ready."""
    return Image.objects.filter(name=name, sha256=sha256, project=project, status=ImageStatus.AVAILABLE).first()


def unfinished(name: str, sha256: str, project: Project | None) -> QuerySet[Image]:
    """Earlier tries to import the same file, which failed or were killed."""
    tries = Image.objects.filter(name=name, project=project, current_job=None).select_related("storage_domain")
    failed, killed = Q(status=ImageStatus.FAILED), Q(status=ImageStatus.IMPORTING)
    return tries.filter(failed & Q(sha256=sha256) | killed & Q(upload__checksum=sha256))


def host_with(domain: StorageDomain) -> Host:
    """Some host through which the domain can be written. Raises HostUnreachable."""
    hosts = Host.objects.filter(attachments__domain=domain, attachments__active=True, attachments__leaving=False)
    host = hosts.order_by("-reachable", "name").first()
    if host is None:
        raise HostUnreachable(_("No host has this storage domain."), code="no_host")
    return host


def clones_of(images: Sequence[UUID]) -> Mapping[UUID, Sequence[Holder]]:
    """The volumes that begin as references to each of the images."""
    found: dict[UUID, list[Holder]] = {}
    for image, pk, name in Volume.objects.filter(image__in=images).values_list("image", "pk", "name"):
        found.setdefault(image, []).append(Holder("volume", str(pk), name))
    return found


def volume_count(project: Project) -> int:
    """How many volumes it has, boot disks included."""
    return Volume.objects.filter(project=project).count()


def volume_gib(project: Project) -> int:
    """How much its volumes may come to hold, in GiB."""
    volumes = Volume.objects.filter(project=project)
    return (volumes.aggregate(gib=Sum("size_gib"))["gib"] or 0) + growing_gib(volumes)


def image_count(project: Project) -> int:
    """How many images of its own it has."""
    return Image.objects.filter(project=project).count()


def uploads_without_news() -> QuerySet[Upload]:
    """Uploads that nobody has continued for long."""
    late = timezone.now() - timedelta(hours=settings.UPLOAD_HOURS)
    rows = Upload.objects.filter(changed_at__lt=late, image__status=ImageStatus.UPLOADING, image__current_job=None)
    return rows.select_related("image")


def uploads_visible_to(actor: Viewer) -> QuerySet[Upload]:
    """Uploads whose image the actor sees."""
    rows = Upload.objects.filter(image__in=Image.objects.visible_to(actor))
    return rows.select_related("image__project", "image__storage_domain", "image__current_job")
