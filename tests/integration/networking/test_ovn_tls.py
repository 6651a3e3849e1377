"""OVN's databases across the network: only with keys."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import LazySettings

from networking import ovn as backend
from networking.enums import Protocol
from networking.ovn import client
from networking.ovn.errors import NetworkUnreachable
from networking.topology import Probe
from tests.ovn import Ovn
from tests.ports import free_port
from tests.topologies import INSTALLATION, port, twins


class Authority:
    """Signs certificates and writes them, with their keys, into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
        self.issue("ca", self._key, is_authority=True)

    def issue(self, name: str, key: ec.EllipticCurvePrivateKey | None = None, is_authority: bool = False) -> None:
        """Write ``<name>.pem`` and ``<name>.key``."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        subject = self._name if is_authority else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
        builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        certificate = builder.sign(self._key, hashes.SHA256())
        (self.folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (self.folder / f"{name}.key").write_bytes(key.private_bytes(*pem))

    def point(self, settings: LazySettings, name: str) -> None:
        """Have CloudiA use this authority and one of its keys."""
        settings.OVN_PRIVATE_KEY = str(self.folder / f"{name}.key")
        settings.OVN_CERTIFICATE = str(self.folder / f"{name}.pem")
        settings.OVN_CA = str(self.folder / "ca.pem")


def authority(folder: Path, *names: str) -> Authority:
    """One with these certificates."""
    folder.mkdir()
    made = Authority(folder)
    for name in names:
        made.issue(name)
    return made


@pytest.fixture
def keys(ovn: Ovn, settings: LazySettings, tmp_path: Path) -> Iterator[Authority]:
    """Both databases listen with TLS; CloudiA has a key that they trust."""
    keys = authority(tmp_path / "ours", "server", "cloudia")
    for name in ("nb", "sb"):
        number = free_port()
        files = (keys.folder / "server.key", keys.folder / "server.pem", keys.folder / "ca.pem")
        ovn.listen(name, number, *files)
        setattr(settings, f"OVN_{'NORTH' if name == 'nb' else 'SOUTH'}BOUND", f"ssl:127.0.0.1:{number}")
    keys.point(settings, "cloudia")
    yield keys
    ovn.stop("nb", "sb")


def test_everything_works_over_tls(keys: Authority) -> None:
    assert backend.apply(twins(), INSTALLATION)
    backend.wait(10)
    assert backend.apply(twins(), INSTALLATION) == []
    assert backend.chassis() == []
    web, db = port("a", "web"), port("a", "db")
    probe = Probe(source=web.id, destination=db.address, protocol=Protocol.TCP, port=5432)
    assert backend.trace(twins(), probe).delivered_to == str(db.id)


def test_servers_and_clients_of_another_authority_are_not_talked_to(
    keys: Authority, settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "DEADLINE_S", 1.0)
    authority(tmp_path / "theirs", "cloudia").point(settings, "cloudia")
    with pytest.raises(NetworkUnreachable):
        backend.is_marked(INSTALLATION)
    settings.OVN_CA = str(keys.folder / "ca.pem")  # now the server is trusted, but not we by it
    with pytest.raises(NetworkUnreachable):
        backend.is_marked(INSTALLATION)


def test_missing_key_is_said(keys: Authority, settings: LazySettings) -> None:
    settings.OVN_PRIVATE_KEY = "/nowhere"
    with pytest.raises(NetworkUnreachable, match="No such file"):
        backend.is_marked(INSTALLATION)
