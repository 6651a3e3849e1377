"""Bringing a file of 1 GiB in through the web server, against ``virsh vol-upload`` into the same pool."""

from __future__ import annotations

import base64
import http.client
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.installation import Installation
from tests.bench.memory import pss_mib
from tests.bench.report import Check, at_most, share
from tests.e2e.stack import Stack, virsh

SIZE = 1 << 30
CHUNK = 64 << 20  # as the upload page sends it
PIECE = 1 << 20
MIB = 1 << 20
GROWTH_MIB = 64
ROUNDS = 3  # by turns: what the host's page cache costs varies by half


class Tus:
    """A client of the protocol, like the browser's."""

    def __init__(self, stack: Stack, role: str = "manager") -> None:
        self.stack, self._token = stack, stack.seeded[role]

    def begin(self, size: int, name: str, storage_domain: str) -> tuple[str, str]:
        """The upload's address and the image's id."""
        given = {"name": name, "project": self.stack.seeded["project"], "storage_domain": storage_domain}
        pairs = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in given.items())
        answer = self.ask("POST", "/api/v1/images/uploads/", {"Upload-Length": str(size), "Upload-Metadata": pairs})
        assert answer.status == 201, answer.read()
        address = answer.getheader("Location") or ""
        return address[address.index("/api/") :], answer.getheader("Upload-Image") or ""

    def send(self, address: str, file: Path, chunk: int = CHUNK) -> None:
        """All that the server does not have yet."""
        offset = self.offset(address)
        size = file.stat().st_size
        while offset < size:
            headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            answer = self.ask("PATCH", address, headers, _part(file, offset, min(chunk, size - offset)))
            assert answer.status == 204, answer.read()
            offset = int(answer.getheader("Upload-Offset") or 0)

    def offset(self, address: str) -> int:
        """How much the server has."""
        return int(self.ask("HEAD", address).getheader("Upload-Offset") or 0)

    def ask(
        self, method: str, address: str, headers: dict[str, str] | None = None, body: tuple[int, Any] | None = None
    ) -> http.client.HTTPResponse:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=120)
        known = {"Authorization": f"Token {self._token}", "Tus-Resumable": "1.0.0", **(headers or {})}
        if body:
            known["Content-Length"] = str(body[0])
        connection.request(method, address, body[1] if body else None, known)
        return connection.getresponse()


def upload(installation: Installation) -> Iterator[Check]:
    """How fast, how much memory of the web server, and how long until it is an image."""
    stack = installation.stack
    file = Path(stack.environment["CLOUDIA_VAR"]) / "large.qcow2"
    make_file(file, SIZE)
    web = stack.processes("uvicorn")
    domain = stack.api("GET", "images/").body["results"][0]["storage_domain"]["id"]
    before = sum(map(pss_mib, web))
    rounds = [(by_virsh(installation, file, domain), _by_web(stack, file, domain)) for _round in range(ROUNDS)]
    after = sum(map(pss_mib, web))
    theirs, ours = ([SIZE / MIB / seconds for seconds in column] for column in zip(*rounds, strict=True))
    rates = median(ours), median(theirs)
    yield share("upload", "1 GiB by tus, to the pool", "MiB/s", *rates, 0.6, ours=ours, theirs=theirs)
    yield at_most("upload", "growth of the web process", "MiB", after - before, GROWTH_MIB, before=before, after=after)
    file.unlink()


def make_file(path: Path, size: int) -> None:
    """A qcow2 file of about ``size`` bytes that nothing can be guessed of."""
    raw = path.with_suffix(".raw")
    with raw.open("wb") as file:
        for _piece in range(size // PIECE):
            file.write(os.urandom(PIECE))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    raw.unlink()


def by_virsh(installation: Installation, file: Path, domain: str) -> float:
    """Seconds of virsh for the same."""
    host, pool = installation.stack.lab_hosts[0], f"cloudia-{domain}"
    size = file.stat().st_size
    virsh(host, "vol-create-as", pool, "by-virsh", str(size), "--allocation", "0", "--format", "raw")
    os.sync()  # what was written before is on nobody's bill
    began = time.perf_counter()
    virsh(host, "vol-upload", "--pool", pool, "by-virsh", str(file))
    taken = time.perf_counter() - began
    virsh(host, "vol-delete", "--pool", pool, "by-virsh")
    return taken


def _by_web(stack: Stack, file: Path, domain: str) -> float:
    client = Tus(stack)
    address, image = client.begin(file.stat().st_size, "large", domain)
    os.sync()
    began = time.perf_counter()
    client.send(address, file)
    taken = time.perf_counter() - began
    stack.until(lambda: stack.api("GET", f"images/{image}/").body["status"] != "importing", 120)
    found = stack.api("GET", f"images/{image}/").body
    assert (found["status"], found["sha256"]) == ("available", sha256(file)), found
    stack.finished(stack.api("DELETE", f"images/{image}/").body, 60)
    return taken


def sha256(file: Path) -> str:
    """By the system's own program."""
    return subprocess.check_output(["sha256sum", file], text=True).split()[0]


def _part(file: Path, offset: int, size: int) -> tuple[int, Any]:
    def pieces() -> Iterator[bytes]:
        with file.open("rb") as source:
            source.seek(offset)
            left = size
            while left:
                piece = source.read(min(PIECE, left))
                left -= len(piece)
                yield piece

    return size, pieces()
