"""The file behind an image: examined, converted if need be, and only then let become one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import CloudiaError
from cloudia.hosts.models import Host
from cloudia.virt import hypervisor
from storage import convert as converter
from storage import qcow2, transfer
from storage.enums import ImageStatus
from storage.errors import BadImage
from storage.models import Image, Upload
from storage.probe import HEAD_BYTES, ImageFacts


def examine(upload: Upload, progress: Callable[[int], None] = lambda _read: None) -> ImageFacts:
    """What came in, by all of its bytes. Raises BadImage, also ``bad_checksum``."""
    facts = transfer.examined(upload, progress)
    if upload.checksum and upload.checksum != facts.sha256:
        raise BadImage(
            _("The checksum is another one: the file was changed or damaged on its way."), code="bad_checksum"
        )
    return facts


def convert(upload: Upload, facts: ImageFacts, tick: Callable[[], None] = lambda: None) -> str:
    """Make a second volume of the storage domain's own format, unless the file has that; returns the command for it."""
    image, wanted = upload.image, upload.image.storage_domain.traits.format
    if facts.format == wanted:
        return f"{wanted}: as it is"
    with converter.scratch(image.pk) as folder:
        source, target = folder / "source", folder / "target"
        converter.check_room(folder, facts.file_bytes + converter.most_bytes(facts.virtual_bytes))
        converter.save(_ticking(transfer.contents(upload), tick), source)
        converter.convert(source, facts.format, target, wanted, facts.virtual_bytes, tick)
        source.unlink()
        _store(image, target, wanted, tick)
    return f"qemu-img convert -f {facts.format} -O {wanted}"


def _store(image: Image, path: Path, format: str, tick: Callable[[], None]) -> None:
    """Bring what was converted into the pool, and note how large it came out."""
    size = virtual = path.stat().st_size
    volumes, pool = transfer.gateway(image).volumes, image.storage_domain.pool_name
    with path.open("rb") as file:
        if format == "qcow2":
            virtual = qcow2.Header.of(file.read(HEAD_BYTES)).virtual_bytes
            file.seek(0)
        volumes.upload(pool, converted_name(image), file, size, virtual, format, lambda _sent: tick())
    Image.objects.filter(pk=image.pk).update(file_bytes=size, virtual_bytes=virtual)


def publish(upload: Upload, facts: ImageFacts) -> str:
    """Let the file be an image: write what was kept back, or drop what was converted; returns the command."""
    image = upload.image
    volumes, pool = transfer.gateway(image).volumes, image.storage_domain.pool_name
    if facts.format != image.storage_domain.traits.format:
        volumes.delete(pool, str(image.pk))
        return f"virsh vol-delete --pool {pool} {image.pk}"
    volumes.write(pool, str(image.pk), 0, bytes(upload.head))
    _look_again(image)
    return f"virsh vol-upload --pool {pool} {image.pk} head --length {len(upload.head)}"


def record_ready(upload: Upload, facts: ImageFacts) -> None:
    """What the file became; the upload is over."""
    wanted = upload.image.storage_domain.traits.format
    values: dict[str, Any] = {"file_name": converted_name(upload.image)}  # its size was noted when it was converted
    if facts.format == wanted:
        values = {"virtual_bytes": facts.virtual_bytes, "file_bytes": facts.file_bytes}
    values |= {"status": ImageStatus.AVAILABLE, "sha256": facts.sha256, "format": wanted, "source_url": ""}
    Image.objects.filter(pk=upload.image_id).update(**values)
    upload.delete()


def remove(image: Image) -> str:
    """Delete whatever there is of it; returns the command."""
    volumes, pool = transfer.gateway(image).volumes, image.storage_domain.pool_name
    for name in names(image):
        volumes.delete(pool, name)
    converter.clear_scratch(image.pk)
    return f"virsh vol-delete --pool {pool} {image.volume_name}"


def names(image: Image) -> tuple[str, str]:
    """Every name that a file of the image can have in the pool: as it came in, and converted."""
    return str(image.pk), converted_name(image)


def converted_name(image: Image) -> str:
    """What a converted file is called; the image's id is the file that came in."""
    return f"{image.pk}.disk"


def as_json(facts: ImageFacts) -> dict[str, Any]:
    """For the parameters of a job."""
    return asdict(facts)


def _ticking(chunks: Any, tick: Callable[[], None]) -> Any:
    for chunk in chunks:
        tick()
        yield chunk


def _look_again(image: Image) -> None:
    """Every host of the storage domain: what they had seen of the file was no image, and clones would be made so."""
    hosts = Host.objects.filter(attachments__domain=image.storage_domain, attachments__active=True, reachable=True)
    for host in hosts:
        with contextlib.suppress(CloudiaError):
            hypervisor(host.endpoint).pools.info(image.storage_domain.pool_name)
