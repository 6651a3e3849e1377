"""Images from servers with TLS: whom an import believes, and what it says of the others."""

from __future__ import annotations

import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import LazySettings

from cloudia.core.errors import OperationFailed
from storage.fetch import opened

CONTENT = b"QFI\xfb" + bytes(1000)


class Server(http.server.BaseHTTPRequestHandler):
    """One file for everybody."""

    def do_GET(self) -> None:
        """Send it."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, format: str, *args: object) -> None:
        """Quietly."""


def certificate(folder: Path, address: str) -> Path:
    """A key and a certificate that is its own authority, for an address."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "images")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{address}.pem"
    private = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    file.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return file


class Quiet(http.server.ThreadingHTTPServer):
    """Says nothing of clients that hang up."""

    def handle_error(self, request: object, client_address: object) -> None:
        """They do, when they don't believe it."""


def served(pem: Path) -> Iterator[str]:
    """The server's URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with Quiet(("127.0.0.1", 0), Server) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}/disk.qcow2"
        server.shutdown()
        thread.join()


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    return certificate(tmp_path, "127.0.0.1")


@pytest.fixture
def url(pem: Path, settings: LazySettings) -> Iterator[str]:
    settings.IMPORT_ALLOWED = ["127.0.0.0/8"]
    yield from served(pem)


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[urllib3.HTTPSConnectionPool]:
    """Pools of connections that were closed."""
    found: list[urllib3.HTTPSConnectionPool] = []
    really = urllib3.HTTPSConnectionPool.close

    def close(pool: urllib3.HTTPSConnectionPool) -> None:
        found.append(pool)
        really(pool)

    monkeypatch.setattr(urllib3.HTTPSConnectionPool, "close", close)
    return found


def test_authority_that_the_system_trusts_is_believed(url: str, pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))  # as OpenSSL reads the system's own
    with opened(url, 0) as answer:
        assert (answer.length, answer.read(1)) == (len(CONTENT), CONTENT)


def test_self_signed_certificate_is_refused(url: str, closed: list[urllib3.HTTPSConnectionPool]) -> None:
    with pytest.raises(OperationFailed) as refused, opened(url, 0):
        pass
    assert refused.value.code == "tls"
    assert len(set(closed)) == 1


def test_certificate_for_another_address_is_refused(
    tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.IMPORT_ALLOWED = ["127.0.0.0/8"]
    pem = certificate(tmp_path, "192.0.2.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    for url in served(pem):
        with pytest.raises(OperationFailed) as refused, opened(url, 0):
            pass
        assert refused.value.code == "tls"
