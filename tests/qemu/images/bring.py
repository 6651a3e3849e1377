"""How images come in: sent in pieces, or fetched from a web server of the test."""

from __future__ import annotations

import hashlib
import http.server
from pathlib import Path
from typing import Any

from cloudia.jobs.models import Job, JobLock
from storage.models import Upload
from storage.services.images import image_fetch
from storage.services.uploads import upload_create, upload_receive
from tests.qemu.site import Site

MIB = 1 << 20


class Pieces:
    """A body in pieces; an exception among them is raised."""

    def __init__(self, *pieces: bytes | BaseException) -> None:
        self.pieces = list(pieces)

    def read(self, wait_s: float) -> bytes | None:
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, BaseException):
            raise piece
        return piece


class Server(http.server.BaseHTTPRequestHandler):
    """A web server with one file; its class attributes say how it behaves."""

    content = b""
    stop_after = 0  # bytes of the first answer; then the connection breaks
    asked: list[str] = []

    def do_GET(self) -> None:  # the library's name
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        type(self).asked.append(self.headers.get("Range") or "")
        if self.path.startswith("/away"):
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
            self.end_headers()
            return
        rest = self.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        self.end_headers()
        stop, type(self).stop_after = self.stop_after, 0
        self.wfile.write(rest[:stop] if stop else rest)

    def log_message(self, *words: Any) -> None:
        """Quietly."""


def begun(site: Site, size: int, name: str = "brought", **wish: Any) -> Upload:
    image = upload_create(
        actor=site.actor, storage_domain=site.domain, length_bytes=size, name=name, project=site.project, **wish
    )
    return Upload.objects.get(image=image)


def send(site: Site, upload: Upload, *pieces: bytes | BaseException) -> int:
    upload = Upload.objects.select_related("image__storage_domain").get(pk=upload.pk)
    return upload_receive(actor=site.actor, upload=upload, offset=upload.received_bytes, source=Pieces(*pieces))


def uploaded(site: Site, content: bytes, name: str = "brought", **wish: Any) -> Job:
    """The job that makes an image of what was uploaded."""
    upload = begun(site, len(content), name, **wish)
    send(site, upload, *(content[start : start + MIB] for start in range(0, len(content), MIB)))
    return Job.objects.get(target_id=upload.image_id)


def in_pool(site: Site, name: str, to: Path) -> Path:
    """The volume as virsh sees it."""
    site.virsh("vol-download", "--pool", site.domain.pool_name, name, str(to))
    return to


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def assert_nothing_left(site: Site) -> None:
    assert site.files() <= {site.domain.pool_name}
    assert not Upload.objects.exists()
    assert not JobLock.objects.exists()


def fetched(site: Site, path: str = "/disk.qcow2?signature=secret", **wish: Any) -> Job:
    url = Server.address + path  # type: ignore[attr-defined]  # see the fixture
    return image_fetch(
        actor=site.actor, storage_domain=site.domain, url=url, name="fetched", project=site.project, **wish
    )
